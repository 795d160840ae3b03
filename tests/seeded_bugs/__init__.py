"""A corpus of seeded bugs: each is a few lines put into two correct layers, and must be caught for what it is.

Beside them stand controls, right changes that look like bugs, which must not be flagged. None of this is ever run
outside a jailed child, except by the tests that show that the layers are what they claim to be.
"""

from tests.seeded_bugs.batch import BATCH
from tests.seeded_bugs.controls import CONTROLS
from tests.seeded_bugs.decoding import DECODING_BUGS
from tests.seeded_bugs.edit import BASES, Bug, Control, Edit, source_of
from tests.seeded_bugs.endings import ENDINGS
from tests.seeded_bugs.forgery import FORGERY
from tests.seeded_bugs.future import FUTURE
from tests.seeded_bugs.growth import GROWTH
from tests.seeded_bugs.hidden_future import HIDDEN_FUTURE
from tests.seeded_bugs.kept import KEPT
from tests.seeded_bugs.length import LENGTH
from tests.seeded_bugs.numbers import NUMBERS

BUGS = (
    *FUTURE,
    *HIDDEN_FUTURE,
    *LENGTH,
    *BATCH,
    *GROWTH,
    *DECODING_BUGS,
    *NUMBERS,
    *KEPT,
    *ENDINGS,
    *FORGERY,
)

__all__ = ["BASES", "BUGS", "CONTROLS", "Bug", "Control", "Edit", "source_of"]
