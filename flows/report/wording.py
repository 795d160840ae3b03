"""How numbers, times and names are written, the same everywhere."""

import datetime
import re
from collections.abc import Iterable

DASH = "\N{EN DASH}"  # stands for a value that is missing
MOST_PLACES = 5
_ALIKE = 9  # decimals beyond which two floats differ by rounding only


def places(values: Iterable[float], least: int) -> int:
    """The fewest decimals, from ``least``, that show different values differently."""
    distinct = {round(value, _ALIKE) for value in values}
    for count in range(least, MOST_PLACES):
        if len({f"{value:.{count}f}" for value in distinct}) == len(distinct):
            return count
    return MOST_PLACES


def number(value: float | None, decimals: int = 0, sign: bool = False) -> str:
    """A number with thousands separators and a true minus; a dash for None. Zero never has a sign."""
    if value is None:
        return DASH
    text = f"{value:{'+' if sign else ''},.{decimals}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}")


def amount(value: float | None) -> str:
    """A number of any size: whole from a thousand on, else three digits; a dash for None."""
    if value is None or abs(value) >= 1000:
        return number(value)
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def signed(value: float | None, decimals: int = 2) -> str:
    """A gain: always with its sign, except zero."""
    return number(value, decimals, sign=True)


def small(value: float | None) -> str:
    """A number of unknown size, to four significant digits."""
    return DASH if value is None else f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return DASH
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"


def mebibytes(count: int | None) -> str:
    return DASH if not count else f"{count / 2**20:,.0f} MiB"


def moment(at: float | None) -> str:
    """A time as a date and a clock in UTC."""
    return DASH if at is None else datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def anchor(experiment_id: str) -> str:
    """The name of a design's section: letters, digits and a few signs; different for different ids."""
    return "design-" + re.sub(r"[^A-Za-z0-9.-]", lambda sign: f"_{ord(sign.group()):x}_", experiment_id)


def shortened(text: str, most: int) -> str:
    """One line of at most ``most`` signs."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
