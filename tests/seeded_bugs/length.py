"""Bugs whose past outputs never read later inputs, but change with how many there are."""

from tests.seeded_bugs.edit import Bug

_LENGTH = ("length",)

LENGTH = (
    Bug(
        name="position_over_length",
        says="A positional feature is the position divided by the last one.",
        expects=_LENGTH,
        mixed="o = o * (1 + torch.linspace(0, 1, o.shape[1], dtype=o.dtype).unsqueeze(-1))",
    ),
    Bug(
        name="log_length_temperature",
        says="The output is scaled by the logarithm of the sequence's length.",
        expects=_LENGTH,
        top="import math",
        mixed="o = o * math.log(1 + o.shape[1])",
    ),
    Bug(
        name="scales_from_length",
        says="As many dilations as fit into the sequence are averaged.",
        expects=_LENGTH,
        mixed="""
            shifts = [2**i for i in range(o.shape[1].bit_length())]
            o = sum(F.pad(o, (0, 0, shift, 0))[:, : o.shape[1]] for shift in shifts) / len(shifts)
        """,
    ),
    Bug(
        name="chunks_from_length",
        says="The sequence is cut into eight chunks, however long it is; each step adds the sum of its chunk so far.",
        expects=_LENGTH,
        mixed="""
            size = -(-o.shape[1] // 8)
            chunks = F.pad(o, (0, 0, 0, 8 * size - o.shape[1])).unflatten(1, (8, size))
            o = o + chunks.cumsum(dim=2).flatten(1, 2)[:, : o.shape[1]]
        """,
    ),
    Bug(
        name="stretched_table",
        says="A learnt table of 32 positions is stretched to the sequence's length.",
        expects=_LENGTH,
        init="self.table = nn.Parameter(torch.randn(1, d_model, 32))",
        mixed='o = o + F.interpolate(self.table, size=o.shape[1], mode="linear").mT',
    ),
    Bug(
        name="tail_left_out",
        says="Steps after the last whole chunk of 16 are returned as zeros.",
        expects=_LENGTH,
        outputs="""
            whole = y.shape[1] // 16 * 16
            y = F.pad(y[:, :whole], (0, 0, 0, y.shape[1] - whole))
        """,
    ),
    Bug(
        name="shortcut_below_24_steps",
        says="Sequences shorter than 24 steps bypass the memory.",
        expects=_LENGTH,
        mixed="if x.shape[1] < 24:\n    o = h",
    ),
)
