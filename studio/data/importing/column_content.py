"""What the cells of a column are: dates, numbers, labels; or texts, and how those read."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from studio.data.importing.chat_formats import role_of
from studio.data.importing.column_names import held_out_value
from studio.data.text import plain, words

_MOSTLY: Final = 0.6  # of the cells
_NEARLY_ALL: Final = 0.85
_MIN_CELLS: Final = 3  # cells, of which nothing can be said
_LONGEST_LABEL: Final = 2.5  # words on average
_NUMBER: Final = re.compile(r"[-+]?(?:r\$|us\$|[$€£])?\s*\d[\d.,\s]*\s*(?:%|[a-z]{1,3}\b)?", re.I)
_DATE: Final = re.compile(
    r"\(?(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.](?:\d{1,2}|[a-z]{3,9}\.?)[-/.]\d{2,4}|\d{1,2}:\d{2}(?::\d{2})?"
    r"|(?:[a-z]{3},? )?\d{1,2} [a-z]{3,9}\.? \d{4}|[a-z]{3,9}\.? \d{1,2},? \d{4})"
    r"(?:(?:[ t,]|\s-\s)+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?\s*(?:[ap]\.?m\.?)?\s*(?:z|utc|gmt)?\s*(?:[-+]\d{2}:?\d{2})?\)?",
    re.I,
)
_CODE: Final = re.compile(
    r"https?://\S+|[\w.+-]+@[\w-]+\.\w[\w.]*|[0-9a-f]{8,}(?:-[0-9a-f]{4,}){0,4}|[A-Z]{1,5}[-_#]?\d+|#\d+"
)
_TEXT_FIELDS: Final = ("text", "value", "content", "body", "texto", "rendered")
_TRUTH: Final = words("true false yes no sim nao si verdadeiro falso verdadero y n s t f")
_QUESTION_STARTS: Final = re.compile(
    r"^(como|qual|quais|quanto|quando|onde|quem|por que|porque|posso|voces|vcs|tem |e possivel|gostaria|quero|preciso|"
    r"how|what|which|when|where|who|why|can|could|do|does|is|are|i want|i need|my|"
    r"cual|cuanto|cuando|donde|quien|puedo|quiero|necesito)\b"
)
_KEY_LENGTH: Final = 64
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+")
_TAG: Final = re.compile(r"</?[a-z][^>]{0,200}>", re.I)


class Content(StrEnum):
    """What a column is full of that is no text; catalog key ``column.<value>``."""

    NESTED = "nested"
    DATES = "dates"
    NUMBERS = "numbers"
    BOOLEANS = "booleans"
    ROLES = "roles"
    CODES = "codes"
    CONSTANT = "constant"
    LABELS = "labels"


_SHORT_ANSWERS: Final = frozenset((Content.BOOLEANS, Content.NUMBERS))


def content_of(values: Sequence[Any]) -> Content | None:
    """What the cells of a column are full of; None for texts, and for a column without cells."""
    kinds: Counter[Content | None] = Counter()
    texts: list[str] = []
    for value in values:
        if value is None or value == "" or (isinstance(value, float) and value != value):
            continue
        kinds[kind_of(value)] += 1
        texts.append(value.strip() if isinstance(value, str) else str(value))
    if not texts:
        return None
    for kind, count in kinds.most_common():
        if kind in _SHORT_ANSWERS:  # "Yes." and "10" are answers, where they are some of them
            if count >= _NEARLY_ALL * len(texts) and len(texts) >= _MIN_CELLS:
                return kind
        elif kind is not None and count >= _MOSTLY * len(texts):
            return kind
    if len(texts) < _MIN_CELLS:
        return None
    if sum(count for kind, count in kinds.items() if kind is not None) >= 0.8 * len(texts):
        return Content.CODES
    return _repeated(texts)


def _repeated(texts: list[str]) -> Content | None:
    """Whether texts are one and the same, or a few short ones again and again."""
    different = len(set(texts))
    if len(texts) >= 3 and different == 1:
        return Content.CONSTANT
    few = different <= max(2, 0.2 * len(texts)) if len(texts) >= 8 else different <= 0.5 * len(texts)
    words_each = sum(len(text.split()) for text in texts) / len(texts)
    short = words_each <= _LONGEST_LABEL
    few = few or (words_each < 1.2 and different <= 0.5 * len(texts))
    asking = any("?" in text for text in texts)
    return Content.LABELS if len(texts) >= 3 and few and short and not asking else None


def kind_of(value: Any) -> Content | None:
    """What one cell is, where it is no text. A list of texts counts as text: the wordings of a question."""
    if isinstance(value, bool):
        return Content.BOOLEANS
    if isinstance(value, int | float):
        return Content.NUMBERS
    if isinstance(value, dict):
        return Content.NESTED if inner_text(value) is None else None
    if isinstance(value, list):
        return None if inner_text(value) is not None or all(isinstance(item, str) for item in value) else Content.NESTED
    if not isinstance(value, str):
        return Content.DATES if hasattr(value, "year") else None
    text = value.strip()
    if len(text) > 60:
        return Content.NESTED if is_nested(text) else Content.CODES if _CODE.fullmatch(text) else None
    if _NUMBER.fullmatch(text):
        return Content.NUMBERS
    if _DATE.fullmatch(text):
        return Content.DATES
    if plain(text) in _TRUTH:
        return Content.BOOLEANS
    if role_of(text) is not None:
        return Content.ROLES
    if _CODE.fullmatch(text):
        return Content.CODES
    return Content.NESTED if is_nested(text) else None


def inner_text(value: Any) -> str | list[str] | None:
    """The text of an object that stands for one, or of a list of such: ``{"text": "Yes.", "score": 3}``, SQuAD's answers.

    Returns:
        None for a value that is none of them.
    """
    if isinstance(value, dict):
        found = next((value[name] for name in _TEXT_FIELDS if isinstance(value.get(name), str | list)), None)
        return found if isinstance(found, str) or _are_texts(found) else None
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        inner = [inner_text(item) for item in value]
        return [text for text in inner if isinstance(text, str)] if _are_texts(inner) else None
    return None


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_nested(text: str) -> bool:
    """Whether a text is a list or an object, as JSON or as Python writes it."""
    if text[:1] + text[-1:] not in ("[]", "{}"):
        return False
    try:
        return isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        pass
    if len(text) > 20_000:
        return False
    try:
        return isinstance(ast.literal_eval(text), list | dict)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


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
