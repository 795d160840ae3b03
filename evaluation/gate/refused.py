"""The exception by which any part of the gate says no."""


class Refused(Exception):
    """A line of a design does what no design may. The text is one sentence."""

    def __init__(self, line: int, what: str) -> None:
        """``what`` goes on from "Line 12 ..." and has no full stop."""
        super().__init__(f"Line {line} {what}.")
