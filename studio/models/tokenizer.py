"""Tokens: a thin wrapper of ``tokenizers.Tokenizer`` that knows where a model stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.domain.dataset import Segment
from studio.errors import AfinaError
from studio.models.chat_template import END_OF_TURN
from studio.models.json_file import read_object

if TYPE_CHECKING:
    import tokenizers


@dataclass(frozen=True)
class EncodedExample:
    """An example as the model is trained on it.

    Args:
        input_ids: token ids, shape ``(length,)``.
        learned: whether a token is one the model learns to say, shape ``(length,)``.
        truncated: whether its end was cut off at the maximal length.
    """

    input_ids: list[int]
    learned: list[bool]
    truncated: bool


@dataclass(frozen=True)
class Tokenizer:
    """The tokenizer of one base model.

    Args:
        pad_id: token that fills up a batch; always masked.
    """

    inner: tokenizers.Tokenizer
    stop_ids: frozenset[int]
    pad_id: int

    @classmethod
    def load(cls, model_dir: Path) -> Tokenizer:
        """Reads ``tokenizer.json`` and the ids of its special tokens.

        Raises:
            AfinaError: ``model.no_tokenizer`` when the file is missing or cannot be read.
        """
        import tokenizers

        try:
            inner = tokenizers.Tokenizer.from_file(str(model_dir / "tokenizer.json"))
        except Exception as error:  # the library raises bare Exception for every kind of damage
            raise AfinaError("model.no_tokenizer", path=str(model_dir)) from error
        inner.no_truncation()
        inner.no_padding()
        stop_ids = _stop_ids(inner, model_dir)
        pad = _id_of(inner, read_object(model_dir / "tokenizer_config.json").get("pad_token"))
        return cls(inner, stop_ids, pad if pad is not None else min(stop_ids, default=0))

    def encode(self, text: str) -> list[int]:
        """Token ids of ``text``. No special token is added; those written in ``text`` are recognised."""
        return list(self.inner.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of several texts at once, on all cores."""
        return [list(found.ids) for found in self.inner.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids`` without special tokens."""
        return str(self.inner.decode(list(ids), skip_special_tokens=True))

    def encode_example(self, segments: Sequence[Segment], max_length: int) -> EncodedExample:
        """Tokens of an example with the part that is learned.

        Each segment is encoded by itself, so that the tokens before an answer are those of the prompt at answering.

        Args:
            segments: of :meth:`ChatTemplate.segments`.
        """
        ids: list[int] = []
        learned: list[bool] = []
        for segment in segments:
            tokens = self.encode(segment.text)
            ids += tokens
            learned += [segment.learned] * len(tokens)
        return EncodedExample(ids[:max_length], learned[:max_length], truncated=len(ids) > max_length)


def _stop_ids(inner: tokenizers.Tokenizer, model_dir: Path) -> frozenset[int]:
    found: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        declared = read_object(model_dir / name).get("eos_token_id")
        found |= {declared} if isinstance(declared, int) else set(declared or ())
    eos = _id_of(inner, read_object(model_dir / "tokenizer_config.json").get("eos_token"))
    found |= {eos} if eos is not None else set()
    added = inner.get_added_tokens_decoder()
    return frozenset(found | {i for i, token in added.items() if token.special and token.content in END_OF_TURN})


def _id_of(inner: tokenizers.Tokenizer, token: Any) -> int | None:
    if isinstance(token, dict):
        token = token.get("content")
    return inner.token_to_id(token) if isinstance(token, str) else None
