"""Whether an answer is right: the facts of its topic appear in it, word for word.

Wording may differ as it likes; prices, days, names and numbers may not. This is the measure behind "answered with the
right facts" in README, in the tests and in the benchmarks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence


def is_right(answer: str, facts: Sequence[str]) -> bool:
    """Whether every fact appears in the answer.

    Compared case-insensitively, with runs of white space as one space (a no-break space too) and composed accents.
    A fact counts only as a whole: ``R$ 18`` does not appear in ``R$ 185`` nor in ``R$ 18.50``.

    Args:
        answer: what the model said.
        facts: texts that must all appear; at least one.

    Raises:
        ValueError: without facts, or with an empty one, since then every answer would be right.
    """
    wanted = [_normalised(fact) for fact in facts]
    if not wanted or not all(wanted):
        raise ValueError("a right answer needs at least one fact, and no empty one")
    text = _normalised(answer)
    return all(re.search(rf"{_START}{re.escape(fact)}{_END}", text) for fact in wanted)


_START = r"(?<!\w)(?<!\d[.,])"  # not in the middle of a word, nor after a number's decimal point
_END = r"(?!\w)(?![.,]\d)"


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
