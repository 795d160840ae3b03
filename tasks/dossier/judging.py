"""What a verification finds: how much was compared, each difference in a sentence, and what is only to be known."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RELATIVE, ABSOLUTE = 1e-9, 1e-12  # mathematics of other libraries and processors may round otherwise


@dataclass
class Judgement:
    """Filled while a dossier is verified."""

    numbers: int = 0  # recomputed and compared, beside words and verdicts, which are compared too
    texts: int = 0  # whose hash was computed again
    programs: int = 0  # of these, designs and baselines
    events: int = 0
    anchors: int = 0
    head: str = ""  # SEQUENCE:HASH of the log's end
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # no difference, but somebody may want to know

    def differ(self, sentence: str) -> None:
        """Note a difference."""
        self.differences.append(sentence)

    def agree(self, subject: str, what: str, stored: Any, computed: Any) -> None:
        """Compare what is stored with what was computed again, number by number."""
        if isinstance(stored, Mapping) and isinstance(computed, Mapping):
            for name in [*computed, *(one for one in stored if one not in computed)]:
                inner = f"{what}.{name}" if what else str(name)
                if name in stored and name in computed:
                    self.agree(subject, inner, stored[name], computed[name])
                else:
                    told = "is there, and nothing gives it" if name in stored else "is missing"
                    self.differ(f"{inner} of {subject} {told}.")
        elif isinstance(stored, list | tuple) and isinstance(computed, list | tuple) and len(stored) == len(computed):
            for place, (one, other) in enumerate(zip(stored, computed, strict=True)):
                self.agree(subject, f"{what}[{place}]", one, other)
        else:
            self.numbers += _numbers(stored, computed)
            if not _same(stored, computed):
                self.differ(f"{what} of {subject} is {_shown(stored)}, but computed again it is {_shown(computed)}.")


def _same(stored: Any, computed: Any) -> bool:
    if not _numbers(stored, computed):
        return bool(stored == computed)
    return math.isclose(stored, computed, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _numbers(*values: Any) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


def _shown(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else "absent" if value is None else str(value)
