"""The colours of figures. Fitness goes from rust (worse than the reference) over grey to teal (better)."""

WORSE, LEVEL, BETTER = (178, 82, 42), (140, 140, 136), (14, 128, 112)
FULL = 1.0  # a fitness this far from the reference has the full colour

# Of the best candidates, in the light theme; style.css has the same and their lighter forms for the dark one.
SERIES = ("#2563a8", "#c8691a", "#13836f", "#a63d83", "#7c7a12")
INK, QUIET, FAINT = "#22211f", "#a3a19b", "#d8d6cf"


def fitness_colour(fitness: float | None) -> str:
    """The colour of a fitness as #rrggbb; the neutral grey where there is none."""
    share = max(-1.0, min(1.0, (fitness or 0.0) / FULL))
    end = BETTER if share > 0 else WORSE
    strength = abs(share) ** 0.6  # small differences near the reference are what readers look for
    mixed = (round(grey + (colour - grey) * strength) for grey, colour in zip(LEVEL, end, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
