"""Bugs that read the future only under a condition: a length, a mode, a type, a number of calls, an opened gain."""

from tests.seeded_bugs.edit import Bug

_CAUSALITY = ("causality",)
_LEAK = "y = y + y.mean(dim=1, keepdim=True)"

HIDDEN_FUTURE = (
    Bug(
        name="leak_behind_a_zero_gain",
        says="The future comes in through a gain that starts at zero.",
        expects=_CAUSALITY,
        init="self.gain = nn.Parameter(torch.zeros(1))",
        outputs="y = y + self.gain * y.mean(dim=1, keepdim=True)",
    ),
    Bug(
        name="leak_above_1024_steps",
        says="Only sequences longer than 1,024 steps leak.",
        expects=_CAUSALITY,
        outputs=f"if x.shape[1] > 1024:\n    {_LEAK}",
    ),
    Bug(
        name="leak_at_multiples_of_32",
        says="Only sequences of a multiple of 32 steps leak.",
        expects=_CAUSALITY,
        outputs=f"if x.shape[1] % 32 == 0:\n    {_LEAK}",
    ),
    Bug(
        name="leak_below_12_steps",
        says="Only sequences shorter than 12 steps leak.",
        expects=("causality", "length"),
        outputs=f"if x.shape[1] < 12:\n    {_LEAK}",
    ),
    Bug(
        name="leak_in_training",
        says="Only train mode leaks.",
        expects=_CAUSALITY,
        outputs=f"if self.training:\n    {_LEAK}",
    ),
    Bug(
        name="steps_dropped_by_the_future",
        says="In training, steps quieter than the sequence's mean are dropped.",
        expects=_CAUSALITY,
        mixed="""
            if self.training:
                size = o.square().sum(dim=-1, keepdim=True)
                o = o * (size > size.mean(dim=1, keepdim=True))
        """,
    ),
    Bug(
        name="leak_while_gradients_are_recorded",
        says="Only calls that record gradients leak, and the leak itself is cut off from them.",
        expects=_CAUSALITY,
        outputs="if torch.is_grad_enabled():\n    y = y + y.mean(dim=1, keepdim=True).detach()",
    ),
    Bug(
        name="leak_in_float32",
        says="Only float32, the type of training, leaks.",
        expects=_CAUSALITY,
        outputs=f"if x.dtype == torch.float32:\n    {_LEAK}",
    ),
    Bug(
        name="leak_after_100_calls",
        says="The layer counts its calls in an attribute and leaks from the 101st on.",
        expects=_CAUSALITY,
        init="self.calls = 0",
        outputs=f"self.calls += 1\nif self.calls > 100:\n    {_LEAK}",
    ),
    Bug(
        name="leak_after_100_calls_in_a_buffer",
        says="The layer counts its calls in a buffer and leaks from the 101st on.",
        expects=_CAUSALITY,
        init='self.register_buffer("calls", torch.zeros((), dtype=torch.long))',
        outputs=f"self.calls += 1\nif self.calls > 100:\n    {_LEAK}",
    ),
    Bug(
        name="leak_after_100_calls_in_the_module",
        says="The file counts the calls of all its layers and leaks from the 101st on.",
        expects=_CAUSALITY,
        top="CALLS = [0]",
        outputs=f"CALLS[0] += 1\nif CALLS[0] > 100:\n    {_LEAK}",
    ),
)
