"""An archloop design as a causal language model of transformers.

Model and decoding are the laboratory's own; here is only what transformers expects around them: loading, left padding,
and ``generate``. With ``use_cache`` the prompt and every new token go through the design's ``step``, one by one and in
constant memory. Designs without ``step`` compute the whole text again for each token.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from evaluation.baselines.linear_attention import Candidate
from evaluation.decoding import offers_decoding
from evaluation.export.inside.configuration import ArchloopConfig
from evaluation.export.inside.state import DesignState
from evaluation.model import Layer, Model

_WITHOUT_EFFECT = ("cache_position", "output_attentions", "output_hidden_states")


class ArchloopForCausalLM(PreTrainedModel, GenerationMixin):
    """Tokens [B, T] to logits [B, T, vocabulary]."""

    config_class = ArchloopConfig
    base_model_prefix = "model"
    accepts_loss_kwargs = False  # the loss is a plain mean: a trainer has to weigh batches itself
    _is_stateful = True  # no way back to an earlier token: transformers then refuses assisted generation

    def __init__(self, config: ArchloopConfig) -> None:
        super().__init__(config)
        self.model = _built(config, torch.get_default_dtype())
        self.post_init()

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """As in transformers, but weights that are missing, unknown or of another shape are an error (ValueError).

        transformers builds models without numbers and fills in what the file holds. What else a design computes when
        it is built would be lost, so it is built once more around the same weights.
        """
        wanted = kwargs.pop("output_loading_info", False)
        model, told = super().from_pretrained(*args, output_loading_info=True, **kwargs)
        wrong = {name: found for name, found in told.items() if found}
        if wrong:
            raise ValueError(f"The weights do not fit this design ({wrong}): use the files of one package together.")
        whole = _built(model.config, model.dtype).to(model.device)
        whole.load_state_dict(model.model.state_dict(), assign=True)
        model.model = whole.train(model.training)
        return (model, told) if wanted else model

    @property
    def steps(self) -> bool:
        """Whether the design decodes in constant memory, token by token."""
        return all(offers_decoding(layer.mixer) for layer in self.model.layers if isinstance(layer, Layer))

    def get_input_embeddings(self) -> nn.Module:
        return self.model.embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.model.embedding = value

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing: layers begin as their constructors leave them."""

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # keys and values of attention are not what a design remembers

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: DesignState | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        return_dict: bool | None = None,
        **others: Any,
    ) -> Any:
        """Logits of all positions, or of the last ``logits_to_keep``, and with ``labels`` the mean loss of next tokens.

        ``attention_mask`` [B, T] is 0 at padding, which is taken at either end of a row. With ``use_cache``, padding
        may only come first, and ``past_key_values`` is what to go on from. ValueError for anything else.
        """
        strange = [name for name, one in others.items() if not (name in _WITHOUT_EFFECT or one is None or one is False)]
        if input_ids is None or strange:
            given = ", ".join(strange) or "no input_ids"
            raise ValueError(f"This model was given {given}: it takes token numbers and a mask of padding alone.")
        state, mask = past_key_values, self._mask(input_ids, attention_mask, past_key_values)
        if (use_cache or state is not None) and self.steps:
            if state is None:
                state = DesignState(self.model, _padding_before(mask))
                _require_tokens_last(mask)
            elif not bool(mask.all()):
                raise ValueError("There is padding behind what past_key_values has seen: pass the whole text at once.")
            hidden = state.advance(self.model, input_ids)
        elif state is not None:
            raise ValueError("This design has no step to go on with from past_key_values: pass the whole text.")
        else:
            hidden = self._whole(input_ids, mask)
        logits = self.model.head(hidden[:, -logits_to_keep:] if logits_to_keep else hidden)
        loss = None
        if labels is not None:
            if logits_to_keep:
                raise ValueError("A loss needs the logits of all positions: leave logits_to_keep out.")
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
        found = CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=state)
        return found.to_tuple() if return_dict is False else found

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: DesignState | None = None,
        attention_mask: Tensor | None = None,
        use_cache: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The tokens that the state has not seen, or all of them where there is no state."""
        if kwargs.get("inputs_embeds") is not None:
            raise ValueError("This model generates from tokens: pass input_ids instead of inputs_embeds.")
        if attention_mask is not None:
            _require_tokens_last(attention_mask)
        if past_key_values is not None:
            input_ids = past_key_values.unseen(input_ids)
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "past_key_values": past_key_values}
        return {**given, "use_cache": use_cache, "logits_to_keep": 1}

    def _mask(self, tokens: Tensor, given: Tensor | None, state: DesignState | None) -> Tensor:
        """[B, T] of the columns at hand, True at tokens. ValueError if a row begins with padding that is not marked."""
        rows, new = tokens.shape
        fitting = [(rows, new)] if state is None else [(rows, new), (rows, state.seen + new)]
        if given is not None and tuple(given.shape) not in fitting:
            shapes = " or ".join(str(list(one)) for one in fitting)
            raise ValueError(f"The mask is {list(given.shape)}, but {shapes} is needed: 0 at padding, 1 at each token.")
        mask = torch.ones_like(tokens) if given is None else given[:, -new:]
        padding = self.config.pad_token_id
        if state is None and padding is not None and bool(((tokens == padding) & (mask != 0))[:, 0].any()):
            raise ValueError(
                "A row begins with padding that is taken for text: pass the tokenizer's attention_mask, too."
            )
        return mask != 0

    def _whole(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """All positions at once. Rows are moved to begin at column 0; what comes after their end cannot reach back."""
        before = _padding_before(mask)
        if not bool(before.any()):
            return self.model.hidden(tokens)
        columns = torch.arange(tokens.shape[1], device=tokens.device)
        moved = tokens.gather(1, (columns + before[:, None]) % len(columns))
        back = (columns - before[:, None]) % len(columns)
        hidden = self.model.hidden(moved)
        return hidden.gather(1, back[..., None].expand_as(hidden))


def _padding_before(mask: Tensor) -> Tensor:
    """Columns of padding [B] before each row's first token. ValueError if there is padding between tokens."""
    before = mask.int().argmax(dim=1)
    after = mask.flip(1).int().argmax(dim=1)
    if bool((before + after + mask.sum(dim=1) != mask.shape[1]).any()):
        raise ValueError("A row has padding between its tokens, or none but padding: leave it out, or pad at the left.")
    return before


def _require_tokens_last(mask: Tensor) -> None:
    if not bool(mask[:, -1].all()):
        raise ValueError(
            "Prompts are padded at the right, where generation goes on: set tokenizer.padding_side='left'."
        )


def _built(config: ArchloopConfig, dtype: torch.dtype) -> Model:
    """The model as the laboratory builds it before scoring: in float32 on the CPU, with random numbers of its own."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        with torch.random.fork_rng(devices=gpus), torch.device("cpu"):
            model = Model(Candidate, config, config.intermediate_size, seed=0)
        model.to(dtype)
        return model
    finally:
        torch.set_default_dtype(before)
