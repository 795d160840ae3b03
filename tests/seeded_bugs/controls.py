"""Right changes that look like bugs: no check may fail them."""

from tests.seeded_bugs.edit import DECODING, FULL, PLAIN, Control

CONTROLS = (
    PLAIN,
    DECODING,
    FULL,
    Control(
        name="argmax_of_the_past",
        says="Each step adds the loudest step so far, found by a cumulative maximum.",
        mixed="""
            loudest = o.square().sum(dim=-1).cummax(dim=1).indices
            o = o + o.gather(1, loudest.unsqueeze(-1).expand_as(o))
        """,
    ),
    Control(
        name="running_mean",
        says="The mean of the past is subtracted.",
        mixed="o = o - o.cumsum(dim=1) / torch.arange(1, o.shape[1] + 1, dtype=o.dtype).unsqueeze(-1)",
    ),
    Control(
        name="running_maximum",
        says="Max pooling over the past.",
        mixed="o = o + o.cummax(dim=1).values",
    ),
    Control(
        name="log_position",
        says="The output is scaled by the logarithm of the position, not of the length.",
        mixed="o = o * torch.arange(2, o.shape[1] + 2, dtype=o.dtype).log().unsqueeze(-1)",
    ),
    Control(
        name="attention_in_blocks",
        says="Attention inside blocks of 16 steps with the right mask.",
        mixed="""
            blocks = F.pad(o, (0, 0, 0, -o.shape[1] % 16)).unflatten(1, (-1, 16))
            seen = torch.ones(16, 16, dtype=torch.bool).tril()
            weights = (blocks @ blocks.mT).masked_fill(~seen, float("-inf")).softmax(dim=-1)
            o = o + (weights @ blocks).flatten(1, 2)[:, : o.shape[1]]
        """,
    ),
    Control(
        name="sliding_window",
        says="Softmax attention over the last 24 steps.",
        top="from kernels import window_attention",
        mixed="""
            heads = o.unflatten(-1, (2, -1))
            o = o + window_attention(heads, heads, heads, 24).flatten(2)
        """,
    ),
    Control(
        name="mean_of_blocks_before",
        says="Each step subtracts the mean of the block of 64 steps before its own.",
        mixed="""
            blocks = F.pad(o, (0, 0, 0, -o.shape[1] % 64)).unflatten(1, (-1, 64))
            before = F.pad(blocks.mean(dim=2, keepdim=True), (0, 0, 0, 0, 1, 0))[:, :-1]
            o = o - before.expand_as(blocks).flatten(1, 2)[:, : o.shape[1]]
        """,
    ),
    Control(
        name="fft_convolution",
        says="A causal convolution as long as the sequence by FFT, padded to twice the length: T log T.",
        init="self.rate = nn.Parameter(torch.linspace(-3.0, -1.0, d_model))",
        mixed="""
            n = 2 * o.shape[1]
            wide = o.to(torch.promote_types(o.dtype, torch.float32))  # there is no FFT of half types on a CPU
            kernel = torch.exp(-self.rate.exp().to(wide) * torch.arange(o.shape[1], dtype=wide.dtype).unsqueeze(-1))
            spectrum = torch.fft.rfft(wide, n, dim=1) * torch.fft.rfft(kernel, n, dim=0)
            o = torch.fft.irfft(spectrum, n, dim=1)[:, : o.shape[1]].to(o.dtype)
        """,
    ),
    Control(
        name="padded_and_cut_convolution",
        says="A convolution padded on both sides whose surplus at the end is cut off.",
        init="self.local = nn.Conv1d(d_model, d_model, 4, padding=3, groups=d_model)",
        mixed="o = o + self.local(o.mT)[..., : o.shape[1]].mT",
    ),
    Control(
        name="shift_by_padding",
        says="A token shift that fills the first place with zeros.",
        stream="h = torch.lerp(h, F.pad(h, (0, 0, 1, -1)), 0.5)",
    ),
    Control(
        name="loop_of_a_list",
        says="A loop over steps that unbinds and stacks: linear in both directions.",
        mixed="""
            last, smooth = torch.zeros_like(o[:, 0]), []
            for step in o.unbind(1):
                last = 0.9 * last + step
                smooth.append(last)
            o = torch.stack(smooth, dim=1)
        """,
    ),
    Control(
        name="dropout",
        says="Dropout in training.",
        mixed="o = F.dropout(o, 0.1, self.training)",
    ),
    Control(
        name="steps_dropped_at_random",
        says="In training, whole steps are dropped at random, each on its own.",
        mixed="if self.training:\n    o = o * (torch.rand(o.shape[0], o.shape[1], 1) < 0.9)",
    ),
    Control(
        name="recomputed_in_backward",
        says="A block is recomputed in the backward pass to save memory.",
        top="from torch.utils.checkpoint import checkpoint",
        mixed="o = o + checkpoint(torch.tanh, o, use_reentrant=False)",
    ),
    Control(
        name="straight_through_choice",
        says="A learnt router picks one of two scales by argmax; the gradient takes the softmax instead.",
        init="self.router = nn.Linear(d_model, 2)",
        mixed="""
            soft = self.router(h).softmax(dim=-1)
            hard = F.one_hot(soft.argmax(dim=-1), 2).to(soft)
            choice = hard + soft - soft.detach()
            o = o * (choice[..., :1] + 2 * choice[..., 1:])
        """,
    ),
    Control(
        name="softmax_in_float32",
        says="A softmax over the channels is computed in float32 and cast back.",
        mixed="o = o + o.float().softmax(dim=-1).to(o.dtype)",
    ),
    Control(
        name="own_backward",
        says="A custom function clips the forward value and passes the gradient on.",
        top="""
            class Clip(torch.autograd.Function):
                @staticmethod
                def forward(ctx, z):
                    return z.clamp(-2, 2)

                @staticmethod
                def backward(ctx, gradient):
                    return gradient
        """,
        mixed="o = Clip.apply(o)",
    ),
    Control(
        name="rearranged",
        says="Heads are mixed through einops, with time carried along.",
        top="from einops import einsum, rearrange",
        init="self.between = nn.Parameter(torch.eye(4))",
        mixed="""
            heads = rearrange(o, "b t (h v) -> b t h v", h=4)
            o = rearrange(einsum(heads, self.between, "b t h v, h g -> b t g v"), "b t g v -> b t (g v)")
        """,
    ),
    Control(
        name="option_through_getattr",
        says="forward reads an option through getattr and kwargs.get, as designs with ablations do.",
        init='self.scaled = bool(kwargs.get("scaled", True))',
        mixed='o = o * 2 if getattr(self, "scaled", False) else o',
    ),
    Control(
        name="zero_output",
        says="The output projection starts at zero, and with it every other parameter's gradient.",
        init="nn.init.zeros_(self.out.weight)",
    ),
    Control(
        name="tied_parameters",
        says="Two projections share one weight.",
        init="self.gate.weight = self.out.weight",
    ),
    Control(
        name="group_norm_of_each_step",
        says="Group norm of each step on its own.",
        init="self.norm = nn.GroupNorm(2, d_model)",
        mixed="o = self.norm(o.flatten(0, 1)).view_as(o)",
    ),
    Control(
        name="unused_counter",
        says="Calls are counted, and nobody reads the count.",
        init="self.calls = 0",
        mixed="self.calls += 1",
    ),
    Control(
        name="statistics_for_a_log",
        says="The last call's loudness is kept for a log, without gradient, and never read.",
        mixed="self.loudness = o.detach().square().mean()",
    ),
    Control(
        name="table_grown_on_demand",
        says="A table of rotary angles is kept outside the state and made longer when a longer sequence comes.",
        init='self.register_buffer("angles", torch.zeros(0, 1), persistent=False)',
        mixed="""
            if len(self.angles) < o.shape[1]:
                self.angles = 0.01 * torch.arange(o.shape[1], dtype=torch.float64).unsqueeze(-1)
            o = o * self.angles[: o.shape[1]].cos().to(o)
        """,
    ),
)
