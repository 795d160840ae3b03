"""Bugs that read the future whenever the layer runs."""

from tests.seeded_bugs.edit import Bug

_CAUSALITY = ("causality",)

FUTURE = (
    Bug(
        name="off_by_one_mask",
        says="Attention inside blocks of 16 steps, whose mask lets each step see the next one.",
        expects=_CAUSALITY,
        mixed="""
            blocks = F.pad(o, (0, 0, 0, -o.shape[1] % 16)).unflatten(1, (-1, 16))
            seen = torch.ones(16, 16, dtype=torch.bool).tril(1)
            weights = (blocks @ blocks.mT).masked_fill(~seen, float("-inf")).softmax(dim=-1)
            o = o + (weights @ blocks).flatten(1, 2)[:, : o.shape[1]]
        """,
    ),
    Bug(
        name="centred_convolution",
        says="A depthwise convolution over three steps with one step of padding on both sides.",
        expects=_CAUSALITY,
        init="self.local = nn.Conv1d(d_model, d_model, 3, padding=1, groups=d_model)",
        mixed="o = o + self.local(o.mT).mT",
    ),
    Bug(
        name="padding_on_the_wrong_side",
        says="A convolution over four steps whose padding stands after the sequence.",
        expects=_CAUSALITY,
        init="self.local = nn.Conv1d(d_model, d_model, 4, groups=d_model)",
        stream="h = h + self.local(F.pad(h.mT, (0, 3))).mT",
    ),
    Bug(
        name="roll_wraps_around",
        says="A token shift by torch.roll, which brings the last step to the first place.",
        expects=_CAUSALITY,
        stream="h = torch.lerp(h, h.roll(1, dims=1), 0.5)",
    ),
    Bug(
        name="fft_wraps_around",
        says="A long convolution by FFT without zero padding, so that it is circular.",
        expects=_CAUSALITY,
        init="self.rate = nn.Parameter(torch.linspace(-3.0, -1.0, d_model))",
        mixed="""
            wide = o.to(torch.promote_types(o.dtype, torch.float32))  # there is no FFT of half types on a CPU
            kernel = torch.exp(-self.rate.exp().to(wide) * torch.arange(o.shape[1], dtype=wide.dtype).unsqueeze(-1))
            spectrum = torch.fft.rfft(wide, dim=1) * torch.fft.rfft(kernel, dim=0)
            o = torch.fft.irfft(spectrum, n=o.shape[1], dim=1).to(o.dtype)
        """,
    ),
    Bug(
        name="fft_negative_lags",
        says="A long convolution whose kernel is sampled in frequency: a real response reaches as far ahead as back.",
        expects=_CAUSALITY,
        init="self.width = nn.Parameter(torch.linspace(1.0, 10.0, d_model))",
        mixed="""
            n = 2 * o.shape[1]
            wide = o.to(torch.promote_types(o.dtype, torch.float32))  # there is no FFT of half types on a CPU
            frequency = torch.linspace(0, 1, n // 2 + 1, dtype=wide.dtype).unsqueeze(-1)
            spectrum = torch.fft.rfft(wide, n, dim=1) * torch.exp(-self.width.to(wide) * frequency)
            o = o + torch.fft.irfft(spectrum, n, dim=1)[:, : o.shape[1]].to(o.dtype)
        """,
    ),
    Bug(
        name="bidirectional_scan",
        says="A running mean forwards plus one backwards.",
        expects=_CAUSALITY,
        top="""
            def running_mean(z):
                return z.cumsum(dim=1) / torch.arange(1, z.shape[1] + 1, dtype=z.dtype).unsqueeze(-1)
        """,
        mixed="o = running_mean(o) + running_mean(o.flip(1)).flip(1)",
    ),
    Bug(
        name="sequence_mean_gate",
        says="A gate is computed from the mean of the whole sequence.",
        expects=_CAUSALITY,
        mixed="o = o * torch.sigmoid(o.mean(dim=1, keepdim=True))",
    ),
    Bug(
        name="detached_mean",
        says="The mean of the sequence is subtracted, cut off from the gradient.",
        expects=_CAUSALITY,
        mixed="o = o - o.mean(dim=1, keepdim=True).detach()",
    ),
    Bug(
        name="softmax_over_time",
        says="The weights of a running sum are a softmax over the whole sequence.",
        expects=_CAUSALITY,
        mixed="o = o + (o.mean(dim=-1, keepdim=True).softmax(dim=1) * o).cumsum(dim=1)",
    ),
    Bug(
        name="stabiliser_over_time",
        says="A running softmax subtracts the maximum of the whole sequence, which an epsilon keeps from cancelling.",
        expects=_CAUSALITY,
        mixed="""
            score = h.sum(dim=-1, keepdim=True)
            weight = torch.exp(score - score.amax(dim=1, keepdim=True))
            o = o + (weight * o).cumsum(dim=1) / (weight.cumsum(dim=1) + 1e-6)
        """,
    ),
    Bug(
        name="layer_norm_over_time",
        says="Each channel is normalised over the steps, not each step over its channels.",
        expects=_CAUSALITY,
        mixed="o = F.layer_norm(o.mT, (o.shape[1],)).mT",
    ),
    Bug(
        name="key_statistics_over_time",
        says="What keys are made of is centred and scaled by its mean and spread over the sequence.",
        expects=_CAUSALITY,
        stream="""
            centred = h - h.mean(dim=1, keepdim=True)
            h = centred / (centred.square().mean(dim=1, keepdim=True) + 1e-3).sqrt()
        """,
    ),
    Bug(
        name="argmax_over_time",
        says="The loudest step of the sequence counts twice; an index has no gradient.",
        expects=("causality", "length"),
        mixed="""
            loudest = o.square().sum(dim=-1).argmax(dim=1)
            o = o + F.one_hot(loudest, o.shape[1]).unsqueeze(-1) * o
        """,
    ),
    Bug(
        name="mixture_of_depths",
        says="Only the half of the steps with the highest scores passes, ranked within the whole sequence.",
        expects=_CAUSALITY,
        mixed="""
            chosen = h.sum(dim=-1).topk(1 + o.shape[1] // 2, dim=1).indices
            o = o * torch.zeros_like(o[..., 0]).scatter(1, chosen, 1.0).unsqueeze(-1)
        """,
    ),
    Bug(
        name="mean_of_its_own_block",
        says="Each step subtracts the mean of its block of 64 steps, later ones included.",
        expects=_CAUSALITY,
        mixed="""
            blocks = F.pad(o, (0, 0, 0, -o.shape[1] % 64)).unflatten(1, (-1, 64))
            o = o - blocks.mean(dim=2, keepdim=True).expand_as(blocks).flatten(1, 2)[:, : o.shape[1]]
        """,
    ),
    Bug(
        name="absmax_quantisation",
        says="Rounding to 8 bits by the largest value of the sequence, passed straight through to the gradient.",
        expects=_CAUSALITY,
        mixed="""
            unit = o.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-6) / 127
            o = o + ((o / unit).round() * unit - o).detach()
        """,
    ),
    Bug(
        name="outlier_guard",
        says="One value above 6 anywhere in the sequence turns all of it down.",
        expects=_CAUSALITY,
        mixed="o = o * (6.0 / x.abs().amax(dim=(1, 2), keepdim=True).clamp_min(6.0))",
    ),
    Bug(
        name="faint_leak",
        says="A ten-millionth of the sum over the sequence: too little for float32, enough to train on.",
        expects=_CAUSALITY,
        outputs="y = y + 1e-7 * y.sum(dim=1, keepdim=True)",
    ),
    Bug(
        name="gradient_to_the_future",
        says="A custom backward that spreads each step's gradient over the whole sequence; the values are right.",
        expects=_CAUSALITY,
        top="""
            class Spread(torch.autograd.Function):
                @staticmethod
                def forward(ctx, z):
                    return z.clone()

                @staticmethod
                def backward(ctx, gradient):
                    return gradient + gradient.mean(dim=1, keepdim=True)
        """,
        mixed="o = Spread.apply(o)",
    ),
)
