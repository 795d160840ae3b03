"""A tokenizer for text in bytes, as files that ``AutoTokenizer`` loads without any code of ours."""

import json
from pathlib import Path

PADDING = "<|pad|>"
PADDING_NUMBER = 255  # a byte that no text in UTF-8 holds, so that every number stays within the model's vocabulary


def write_byte_tokenizer(folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json: token numbers are the bytes of the text in UTF-8."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    from evaluation.data.tokens import byte_letters

    numbers = {letter: byte for byte, letter in enumerate(byte_letters())}
    numbers = {PADDING if byte == PADDING_NUMBER else letter: byte for letter, byte in numbers.items()}
    tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(PADDING, special=True, normalized=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PADDING,
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
