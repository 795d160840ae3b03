"""Bugs that crash, never end, take all memory, return something else, or do not keep to the contract's text."""

from tests.seeded_bugs.edit import Bug

_SHAPES = ("shapes", "wrong_shape")

ENDINGS = (
    Bug(
        name="hard_coded_batch",
        says="A first state is built for a batch of two.",
        expects=("shapes", "crashed"),
        init='self.register_buffer("first", torch.zeros(2, 1, d_model))',
        mixed="o = torch.cat([self.first, o], dim=1)[:, :-1] + o",
    ),
    Bug(
        name="hard_coded_length",
        says="A table of 128 positions, and no thought of longer sequences.",
        expects=("shapes", "crashed"),
        init="self.positions = nn.Parameter(0.1 * torch.randn(128, 1))",
        mixed="o = o + self.positions[torch.arange(o.shape[1])]",
    ),
    Bug(
        name="odd_lengths_raise",
        says="Steps are taken in pairs.",
        expects=("shapes", "crashed"),
        mixed="o = o.unflatten(1, (-1, 2)).flatten(1, 2)",
    ),
    Bug(
        name="float32_inside",
        says="The stream is cast to float32 before a projection, which fails in bfloat16.",
        expects=("range",),
        verdict="warn",
        init="self.after = nn.Linear(d_model, d_model, bias=False)",
        mixed="o = self.after(o.float()).to(o.dtype)",
    ),
    Bug(
        name="wrong_type",
        says="The output is always bfloat16.",
        expects=_SHAPES,
        outputs="y = y.bfloat16()",
    ),
    Bug(
        name="returns_a_tuple",
        says="forward returns its state too.",
        expects=_SHAPES,
        outputs="y = y, o[:, -1]",
    ),
    Bug(
        name="last_step_dropped",
        says="The output is one step shorter than the input.",
        expects=_SHAPES,
        outputs="y = y[:, :-1]",
    ),
    Bug(
        name="squeezed",
        says="Every dimension of one element is removed, that of a batch of one as well.",
        expects=_SHAPES,
        outputs="y = y.squeeze()",
    ),
    Bug(
        name="endless_loop",
        says="A fixed-point iteration whose test for convergence can never hold.",
        expects=("timed_out", "too_slow"),
        endless=True,
        mixed="""
            before = torch.zeros_like(o)
            while (o - before).abs().amax() >= 0:
                before, o = o, o.clone()
        """,
    ),
    Bug(
        name="all_memory",
        says="A table of all pairs of 131,072 and 65,536 tokens, 34 GB, is filled in every call.",
        expects=("out_of_memory",),
        mixed="o = o * torch.ones(2**17, 2**16)[0, 0].to(o)",
    ),
    Bug(
        name="imports_numpy",
        says="The file imports a package that the contract does not allow.",
        expects=("contract", "reaches_out"),
        top="import numpy as np",
        mixed="o = o * float(np.float64(1.0))",
    ),
    Bug(
        name="another_argument",
        says="The constructor wants an argument that nobody passes.",
        expects=("contract", "crashed"),
        init='self.window = kwargs["window"]',
    ),
    Bug(
        name="too_many_parameters",
        says="A hidden layer 64 times as wide as the model.",
        expects=("parameters",),
        init="self.wide, self.narrow = nn.Linear(d_model, 64 * d_model), nn.Linear(64 * d_model, d_model)",
        mixed="o = o + self.narrow(F.silu(self.wide(o)))",
    ),
    Bug(
        name="weights_in_a_buffer",
        says="Random features 64 times as wide as the model stand in a buffer, which is no parameter.",
        expects=("parameters",),
        init='self.register_buffer("features", torch.randn(d_model, 64 * d_model) / d_model**0.5)',
        mixed="o = o + F.silu(o @ self.features) @ self.features.mT / (64 * o.shape[-1])",
    ),
)
