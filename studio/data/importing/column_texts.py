"""How the texts of a column read: whether they ask, are sentences, names or numbers of examples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from studio.data.importing.column_names import held_out_value
from studio.data.text import plain

_QUESTION_STARTS: Final = re.compile(
    r"^(como|qual|quais|quanto|quando|onde|quem|por que|porque|posso|voces|vcs|tem |e possivel|gostaria|quero|preciso|"
    r"how|what|which|when|where|who|why|can|could|do|does|is|are|i want|i need|my|"
    r"cual|cuanto|cuando|donde|quien|puedo|quiero|necesito)\b"
)
_KEY_LENGTH: Final = 64
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+")
_TAG: Final = re.compile(r"</?[a-z][^>]{0,200}>", re.I)


def texts_of(column: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The texts of a column that is filled, without spaces at their ends."""
    return [text for row in rows if (text := str(row.get(column) if row.get(column) is not None else "").strip())]


def share_asking_first(texts: list[str]) -> float:
    """Share of texts whose first sentence asks."""
    return sum(is_question(_SENTENCE.split(text, maxsplit=1)[0]) for text in texts) / len(texts) if texts else 0.0


def marked_up(texts: list[str]) -> int:
    """How many of ten texts have tags."""
    return round(10 * sum(bool(_TAG.search(text)) for text in texts) / len(texts)) if texts else 0


def is_question(text: str) -> bool:
    """Whether a text asks: by a question mark, or by how it begins."""
    return "?" in text or bool(_QUESTION_STARTS.match(plain(text[:80])))


def share_asking(texts: list[str]) -> float:
    """Share of texts that ask: a question mark, or a beginning that asks."""
    return sum(map(is_question, texts)) / len(texts) if texts else 0.0


def mean_length(texts: list[str]) -> float:
    """Letters of a text on average; 0 without texts."""
    return sum(map(len, texts)) / len(texts) if texts else 0.0


def is_prose(texts: list[str]) -> bool:
    """Whether at least half of some texts are words apart by spaces, or ask."""
    wordy = sum(any(c.isalpha() for c in text) and (" " in text or "?" in text) for text in texts)
    return bool(texts) and wordy >= 0.5 * len(texts)


def has_words(texts: list[str]) -> bool:
    """Whether at least half of some texts have letters."""
    return sum(any(c.isalpha() for c in text) for text in texts) >= 0.5 * len(texts) > 0


def is_key(texts: list[str]) -> bool:
    """Whether texts can be names of examples or conversations: short, and not the same few again and again."""
    return not texts or (mean_length(texts) <= _KEY_LENGTH and len(set(texts)) >= 0.3 * len(texts))


def is_held_out(texts: list[str]) -> bool:
    """Whether each text says of its row whether it is for the test."""
    return all(held_out_value(text) is not None for text in texts)
