"""Bugs by which the work or the memory grows faster than the length: in plain sight, and out of the meters' sight."""

from tests.seeded_bugs.edit import Bug

_COMPLEXITY = ("complexity",)
_BLINDED = ("reaches_out", "complexity")

GROWTH = (
    Bug(
        name="softmax_attention",
        says="Causal softmax attention over the whole past, by torch's fused operator.",
        expects=_COMPLEXITY,
        mixed="""
            heads = o.unflatten(-1, (4, -1)).transpose(1, 2)
            o = o + F.scaled_dot_product_attention(heads, heads, heads, is_causal=True).transpose(1, 2).flatten(2)
        """,
    ),
    Bug(
        name="masked_scores",
        says="Linear attention in its quadratic form: all scores, then a mask.",
        expects=_COMPLEXITY,
        mixed="o = o + (o @ o.mT).tril() @ o / torch.arange(1, o.shape[1] + 1, dtype=o.dtype).unsqueeze(-1)",
    ),
    Bug(
        name="pairwise_decay",
        says="A decay for every pair of steps and channel, applied elementwise: no matrix product.",
        expects=_COMPLEXITY,
        init="self.rate = nn.Parameter(torch.linspace(-2.0, 0.0, 4))",
        mixed="""
            position = torch.arange(o.shape[1], dtype=o.dtype)
            behind = (position[:, None] - position).unsqueeze(-1)
            decay = torch.where(behind >= 0, torch.exp(-behind.abs() * self.rate.exp()), 0.0)  # [T, T, 4]
            o = o + (decay * o[:, None, :, :4]).sum(dim=2).mean(dim=-1, keepdim=True)
        """,
    ),
    Bug(
        name="distances",
        says="Each step weighs the past by its distance from it, from torch.cdist.",
        expects=_COMPLEXITY,
        mixed="""
            near = torch.exp(-torch.cdist(o, o, compute_mode="donot_use_mm_for_euclid_dist")).tril()
            o = o + (near @ o) / near.sum(dim=-1, keepdim=True)
        """,
    ),
    Bug(
        name="filter_as_long_as_the_sequence",
        says="A depthwise convolution with a filter as long as the sequence, without FFT.",
        expects=_COMPLEXITY,
        init="self.rate = nn.Parameter(torch.linspace(-3.0, -1.0, d_model))",
        mixed="""
            behind = torch.arange(o.shape[1] - 1, -1, -1, dtype=o.dtype)
            filters = torch.exp(-self.rate.exp().unsqueeze(-1) * behind).unsqueeze(1)  # [D, 1, T]
            o = F.conv1d(F.pad(o.mT, (o.shape[1] - 1, 0)), filters, groups=o.shape[2]).mT
        """,
    ),
    Bug(
        name="filter_as_a_matrix",
        says="A filter as long as the sequence is gathered into a matrix of all pairs of steps.",
        expects=_COMPLEXITY,
        init="self.rate = nn.Parameter(torch.tensor(-2.0))",
        mixed="""
            position = torch.arange(o.shape[1])
            filter = torch.exp(-self.rate.exp() * position)
            o = filter[(position[:, None] - position).abs()].tril() @ o
        """,
    ),
    Bug(
        name="mask_of_all_pairs",
        says="A mask of all pairs of steps is built for the sake of its last row.",
        expects=_COMPLEXITY,
        mixed="o = o * torch.ones(o.shape[1], o.shape[1], dtype=o.dtype).tril()[-1].unsqueeze(-1)",
    ),
    Bug(
        name="windows_over_the_whole_past",
        says="Each step sums a window as long as the sequence, which is a view: little is written, much is read.",
        expects=_COMPLEXITY,
        mixed="""
            windows = F.pad(o, (0, 0, o.shape[1] - 1, 0)).unfold(1, o.shape[1], 1)  # [B, T, D, T]
            o = windows.sum(dim=-1) / torch.arange(1, o.shape[1] + 1, dtype=o.dtype).unsqueeze(-1)
        """,
    ),
    Bug(
        name="means_by_loop",
        says="A loop over steps takes the mean of the past anew at each of them.",
        expects=_COMPLEXITY,
        mixed="o = torch.stack([o[:, : t + 1].mean(dim=1) for t in range(o.shape[1])], dim=1)",
    ),
    Bug(
        name="detached_means_by_loop",
        says="A loop over steps takes the mean of the past anew, without gradients: it writes little and reads much.",
        expects=_COMPLEXITY,
        mixed="""
            past = o.detach()
            o = o + torch.stack([past[:, : t + 1].mean(dim=1) for t in range(o.shape[1])], dim=1)
        """,
    ),
    Bug(
        name="products_in_place_by_loop",
        says="A loop over steps sums all products of the past anew, in place and without gradients.",
        expects=_COMPLEXITY,
        mixed="""
            past, reads = o.detach(), []
            for t in range(o.shape[1]):
                state = o.new_zeros(o.shape[0], 4, 4)
                state.baddbmm_(past[:, : t + 1, :4].mT, past[:, : t + 1, :4])
                reads.append(state.sum(dim=(1, 2)) / (t + 1))
            o = o + 1e-3 * torch.stack(reads, dim=1).unsqueeze(-1)
        """,
    ),
    Bug(
        name="products_with_a_vector_by_loop",
        says="A loop over steps multiplies all the past with a vector, row by row of the batch, without gradients.",
        expects=_COMPLEXITY,
        mixed="""
            past, steps = o.detach(), range(o.shape[1])
            ages = torch.arange(o.shape[1], dtype=o.dtype) / 100
            rows = [torch.stack([row[: t + 1].mT.mv(ages[: t + 1]) / (t + 1) for t in steps]) for row in past]
            o = o + torch.stack(rows)
        """,
    ),
    Bug(
        name="in_place_loop",
        says="A loop over steps writes into one tensor: linear forwards, but each write's backward copies all of it.",
        expects=_COMPLEXITY,
        mixed="""
            smooth, last = torch.zeros_like(o), torch.zeros_like(o[:, 0])
            for t, step in enumerate(o.unbind(1)):
                last = 0.9 * last + step
                smooth[:, t] = last
            o = smooth
        """,
    ),
    Bug(
        name="indexed_loop",
        says="A loop over steps reads o[:, t]: linear forwards, but each read's backward fills a tensor of all steps.",
        expects=_COMPLEXITY,
        mixed="""
            last, smooth = torch.zeros_like(o[:, 0]), []
            for t in range(o.shape[1]):
                last = 0.9 * last + o[:, t]
                smooth.append(last)
            o = torch.stack(smooth, dim=1)
        """,
    ),
    Bug(
        name="pairs_in_numpy",
        says="All scores are computed through .numpy(), where no meter of torch sees them.",
        expects=_BLINDED,
        mixed="""
            array = o.detach().double().numpy()
            past = (array @ array.swapaxes(1, 2)).cumsum(axis=1).diagonal(axis1=1, axis2=2)
            o = o + 1e-3 * torch.tensor(past).to(o).unsqueeze(-1)
        """,
    ),
    Bug(
        name="pairs_in_python",
        says="All pairs of steps are compared in plain Python, on numbers taken out of the tensor.",
        expects=_BLINDED,
        mixed="""
            levels = o.detach().mean(dim=-1).tolist()
            ranks = [[sum(past < now for past in row[:t]) / (t + 1) for t, now in enumerate(row)] for row in levels]
            o = o + torch.tensor(ranks, dtype=o.dtype).unsqueeze(-1)
        """,
    ),
    Bug(
        name="pairs_in_a_custom_operator",
        says="All scores are computed inside an operator that the file registers with torch.library.",
        expects=_BLINDED,
        top="""
            @torch.library.custom_op("seeded_bugs::past", mutates_args=())
            def past(z: Tensor) -> Tensor:
                return (z @ z.mT).tril() @ z
        """,
        mixed="o = o + 1e-3 * past(o.detach())",
    ),
    Bug(
        name="pairs_with_the_meters_off",
        says="All scores are computed with torch's dispatch modes switched off.",
        expects=_BLINDED,
        top="from torch.utils._python_dispatch import _disable_current_modes",
        mixed="""
            with _disable_current_modes():
                past = (o.detach() @ o.detach().mT).tril() @ o.detach()
            o = o + 1e-3 * past
        """,
    ),
)
