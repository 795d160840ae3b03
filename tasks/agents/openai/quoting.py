"""How text that nobody vouches for is put into a prompt: cut to a budget, and in a fence that it cannot close."""

import re

from tasks.models.prompt import most_tokens

_LABEL = re.compile(r"[^\w .,:=()/+-]")
MOST_LABEL = 120


def quoted(text: str, label: str) -> str:
    """The text as a block of data, under a heading of one line.

    The fence is longer than any run of backticks within, so nothing in the text can end it.
    """
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    plain = _LABEL.sub("", label.replace("\n", " "))[:MOST_LABEL]
    body = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    return f"{plain} (quoted data):\n{fence}text\n{body}\n{fence}"


def cut(text: str, budget: int) -> str:
    """The first lines of a text that fit into a budget of tokens, with a note of what is left out."""
    if most_tokens(text) <= budget:
        return text
    lines = text.splitlines()
    kept: list[str] = []
    left = budget - 40  # for the note
    for line in lines:
        left -= most_tokens(line) + 1
        if left < 0:
            break
        kept.append(line)
    if not kept:  # one very long line
        kept = [text.encode()[: max(0, budget - 40)].decode(errors="ignore")]
    return "\n".join([*kept, f"[{len(lines) - len(kept)} more lines left out]"])


def one_line(text: str, budget: int) -> str:
    """A text without line breaks, cut to a budget of tokens."""
    flat = " ".join(text.split())
    return flat if most_tokens(flat) <= budget else flat.encode()[: max(0, budget - 3)].decode(errors="ignore") + "..."
