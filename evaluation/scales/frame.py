"""What all scales have in common: the model around a mixer, its reference, and the limits of a check."""

from pydantic import PositiveFloat, PositiveInt

from evaluation.launch import Limits
from evaluation.reports import Report


class Frame(Report):
    """The model of a scale. Limits only end what has gone wrong: budgets are steps and tokens, never seconds."""

    name: str
    title: str
    d_model: PositiveInt
    n_heads: PositiveInt
    n_layers: PositiveInt
    vocabulary: PositiveInt
    mlp_hidden: PositiveInt  # of the reference
    reference_parameters: PositiveInt  # of the whole reference model; every design is matched to it within 2%
    weight_decay: float
    clip: PositiveFloat  # global gradient norm
    compiles: bool = False  # whether a check tries torch.compile in the fast tier too
    check: Limits

    @property
    def length(self) -> int:
        """Tokens of the longest sequence that this scale trains on."""
        raise NotImplementedError

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that one training yields; each name of a weight begins with one."""
        return ("text",)
