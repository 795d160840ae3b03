"""What the library offers, in a budget: every function's signature and first paragraph, and of the useful ones all."""

from collections.abc import Sequence

from evaluation import Documented
from tasks.models.prompt import most_tokens


def by_use(library: Sequence[Documented], first: Sequence[str], others: Sequence[str]) -> list[Documented]:
    """The functions in order of use: in the first sources, then by how many of the others call them."""

    def uses(name: str, sources: Sequence[str]) -> int:
        return sum(f"{name}(" in one for one in sources)

    return sorted(library, key=lambda one: (-uses(one.name, first), -uses(one.name, others), one.name))


def reference(library: Sequence[Documented], budget: int = 9000) -> str:
    """Signatures with first paragraphs, then whole docstrings from the first function on, as far as the budget goes."""
    told: list[str] = []
    left = budget
    for one in library:
        short = _entry(one.signature, one.summary)
        if most_tokens(short) + 2 > left:
            break
        told.append(short)
        left -= most_tokens(short) + 2
    for index, one in enumerate(library[: len(told)]):
        more = most_tokens(one.text) - most_tokens(one.summary)
        if more > left:
            break
        told[index] = _entry(one.signature, one.text)
        left -= more
    return "\n\n".join(told)


def _entry(signature: str, text: str) -> str:
    return f"{signature}\n{text}"
