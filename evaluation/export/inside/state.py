"""What an exported model remembers between tokens: each layer's own state, of one size however long the text.

It is what ``past_key_values`` holds. A layer's state is whatever its author chose, so nothing here looks inside. Rows
that begin at different columns because of left padding are kept apart: a row never steps over padding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from evaluation.decoding import State, start, step
from evaluation.model import Model


@dataclass
class Group:
    """Rows of a batch that begin at the same column, with their state."""

    rows: Tensor  # [R], which rows of the batch
    first: int  # the column of their first token
    state: State


class DesignState:
    """The state of a batch after ``seen`` columns."""

    is_compileable = False
    is_croppable = False

    def __init__(self, model: Model, padding: Tensor) -> None:
        """``padding`` [B] is how many columns of padding come before each row's first token."""
        self.seen, self.last = 0, torch.zeros_like(padding)
        self.groups: list[Group] = []
        for first in padding.unique().tolist():
            rows = (padding == first).nonzero().flatten()
            self.groups.append(Group(rows, first, start(model, len(rows))))

    def advance(self, model: Model, tokens: Tensor) -> Tensor:
        """Step through tokens [B, T]. Returns what the head reads, [B, T, D]; zeros where there is padding.

        ValueError if the batch has another number of rows.
        """
        if len(tokens) != len(self.last):
            raise ValueError(
                f"past_key_values has {len(self.last)} rows and the batch {len(tokens)}: begin without it."
            )
        columns: list[Tensor] = []
        for number, column in enumerate(tokens.unbind(1), start=self.seen):
            out = model.smear.new_zeros(len(tokens), len(model.smear))
            for group in self.groups:
                if number >= group.first:
                    x, group.state = step(model, column[group.rows], group.state)
                    out = out.index_copy(0, group.rows, x.to(out.dtype))
            columns.append(out)
        self.seen, self.last = self.seen + tokens.shape[1], tokens[:, -1]
        return torch.stack(columns, dim=1)

    def unseen(self, text: Tensor) -> Tensor:
        """What comes in a text [B, T] after the columns that were stepped through.

        ValueError if nothing does, or if the text had another token where this state ends.
        """
        if text.shape[1] <= self.seen or not torch.equal(text[:, self.seen - 1], self.last):
            raise ValueError(
                "past_key_values is not of this text: pass all of it from its beginning, or begin without."
            )
        return text[:, self.seen :]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Columns that were stepped through, padding included."""
        return self.seen

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Refused: raises NotImplementedError, since only the design knows which part of a state belongs to a row."""
        raise NotImplementedError(
            "Beam search needs rows of the state in another order, which only the design could give: sample, decode "
            "greedily, or pass use_cache=False, which computes the whole text again for each token."
        )
