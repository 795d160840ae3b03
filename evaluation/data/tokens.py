"""Text to tokens and back, without loss: bytes, or byte pairs learnt from the text (Sennrich et al. 2016,
arXiv:1508.07909) over bytes, so that nothing is ever unknown.

Every vocabulary ends a document with a token of its own. Token numbers fit into 16 bits.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Tokens = NDArray[np.uint16]

BYTES = 257  # the smallest vocabulary: each byte, and the end of a document
LARGEST = 65_536
END_OF_TEXT = "<|endoftext|>"


class Vocabulary(Protocol):
    """How text becomes tokens."""

    end_of_text: int

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text, its end not marked."""
        ...

    def decode(self, tokens: Tokens) -> bytes:
        """The UTF-8 bytes that these tokens stand for; ends of documents stand for none."""
        ...

    def byte_lengths(self) -> NDArray[np.int64]:
        """Bytes of text that each token stands for."""
        ...


class ByteVocabulary:
    """Each byte is a token."""

    end_of_text = 256

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        return [np.frombuffer(text.encode(), dtype=np.uint8).astype(np.uint16) for text in texts]

    def decode(self, tokens: Tokens) -> bytes:
        return tokens[tokens < 256].astype(np.uint8).tobytes()

    def byte_lengths(self) -> NDArray[np.int64]:
        return np.array([1] * 256 + [0], dtype=np.int64)


class BytePairs:
    """Byte pairs as the package tokenizers learns and applies them."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self._tokenizer = tokenizer
        tokenizer.encode_special_tokens = True  # a text that spells out the end mark does not end a document
        self.end_of_text = tokenizer.get_vocab()[END_OF_TEXT]
        self._spelt = self._spell()

    @classmethod
    def read(cls, file: Path) -> "BytePairs":
        """From a tokenizer.json. Raises ValueError if it is none of ours."""
        from tokenizers import Tokenizer

        try:
            return cls(Tokenizer.from_file(str(file)))
        except Exception as error:  # tokenizers raises plain Exception
            raise ValueError(f"{file} is not a byte-level tokenizer with {END_OF_TEXT}: {error}") from error

    def write(self, file: Path) -> None:
        """As a tokenizer.json."""
        self._tokenizer.save(str(file))

    def __len__(self) -> int:
        return len(self._spelt)

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        return [np.array(found.ids, dtype=np.uint16) for found in self._tokenizer.encode_batch_fast(list(texts))]

    def decode(self, tokens: Tokens) -> bytes:
        return b"".join(self._spelt[token] for token in tokens.tolist())

    def byte_lengths(self) -> NDArray[np.int64]:
        return np.array([len(spelt) for spelt in self._spelt], dtype=np.int64)

    def _spell(self) -> list[bytes]:
        letters = {letter: byte for byte, letter in enumerate(byte_letters())}
        by_number = sorted((number, token) for token, number in self._tokenizer.get_vocab().items())
        return [b"" if token == END_OF_TEXT else bytes(letters[letter] for letter in token) for _, token in by_number]


def learn(texts: Iterable[str], vocabulary: int) -> BytePairs:
    """Byte pairs of ``texts``: at most ``vocabulary`` tokens, fewer if the text has too few pairs that repeat."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return BytePairs(tokenizer)


def byte_letters() -> list[str]:
    """The letter that byte-level tokenizers write for each byte (GPT-2's table): itself if it can be printed."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printed else chr(next(others)) for byte in range(256)]
