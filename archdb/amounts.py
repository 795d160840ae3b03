"""What a campaign spends, in exact integers: millionths of a second or of a dollar, and whole tokens.

Floats are taken at the door and given back for display; between, nothing is ever rounded.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

Amounts = Mapping[str, float]  # kind -> seconds, tokens or dollars
Exact = dict[str, int]  # kind -> the ledger's own units


class Kind(NamedTuple):
    """One kind of spending."""

    unit: int  # how many of the ledger's units one second, token or dollar has
    per: float  # seconds, tokens or dollars in one of what a person counts in
    word: str  # what a person counts in
    option: str  # of the command line, for a campaign's cap


KINDS: Mapping[str, Kind] = {
    "cpu_seconds": Kind(10**6, 3600.0, "CPU-hours", "--max-cpu-hours"),
    "gpu_seconds": Kind(10**6, 3600.0, "GPU-hours", "--max-gpu-hours"),
    "tokens": Kind(1, 1.0, "tokens", "--max-tokens"),
    "dollars": Kind(10**6, 1.0, "dollars", "--max-dollars"),
}
MOST = 10**11  # seconds, tokens or dollars: what is larger is a mistake
UNLIMITED = 10**18  # units: stands for the cap that nobody has set; MongoDB's integers reach nine times as far


def exact(amounts: Amounts) -> Exact:
    """The amounts in the ledger's units; kinds of which nothing is spent are left out.

    Raises:
        ValueError: an unknown kind, or an amount that is negative, not finite, too large, or a part of a token.
    """
    found = {}
    for kind, amount in amounts.items():
        if kind not in KINDS:
            raise ValueError(f"A budget does not count {kind}: name one of {', '.join(KINDS)}.")
        if not math.isfinite(amount) or not 0 <= amount <= MOST:
            raise ValueError(f"{amount} is no amount of {kind}: give a number from 0 to {MOST}.")
        if KINDS[kind].unit == 1 and amount != int(amount):
            raise ValueError(f"{amount} is no amount of {kind}: they are counted whole.")
        found[kind] = round(amount * KINDS[kind].unit)
    return {kind: units for kind, units in found.items() if units}


def shown(units: int, kind: str) -> str:
    """An amount as a person counts it, without the unit's name, such as 0.25 for a quarter of an hour."""
    amount = units / KINDS[kind].unit / KINDS[kind].per
    return f"{amount:,.0f}" if abs(amount) >= 1000 or KINDS[kind].unit == 1 else f"{Decimal(f'{amount:.3g}'):f}"
