"""The sizes of an exported model, under the names that transformers gives them and under the laboratory's."""

from typing import Any

from transformers import PretrainedConfig


class ArchloopConfig(PretrainedConfig):
    """``intermediate_size`` is the MLP's hidden width, which was chosen to match the reference's parameter count."""

    model_type = "archloop"
    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012 - transformers declares it without ClassVar
    attribute_map = {  # noqa: RUF012
        "d_model": "hidden_size",
        "n_heads": "num_attention_heads",
        "n_layers": "num_hidden_layers",
        "vocabulary": "vocab_size",
    }

    def __init__(
        self,
        vocab_size: int = 256,
        hidden_size: int = 64,
        num_attention_heads: int = 2,
        num_hidden_layers: int = 2,
        intermediate_size: int = 352,
        pad_token_id: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_attention_heads = num_attention_heads
        self.num_hidden_layers = num_hidden_layers
        self.intermediate_size = intermediate_size
        super().__init__(**kwargs)
        self.pad_token_id = pad_token_id  # None where tokens are a probe's symbols


Frame = ArchloopConfig
"""The laboratory builds its model from a scale's frame; in a package the configuration takes its place."""
