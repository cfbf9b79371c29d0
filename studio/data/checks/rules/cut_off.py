"""Answers that end in the middle of a sentence: by their last word, or because many stop at the very same length."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from studio.data.checks.check import Changes, Check, Dataset, Finding, Matches, answered
from studio.domain.problem import Severity

_SHORTEST: Final = 25  # letters: shorter answers are labels, not sentences
_LAST_WORD: Final = 10  # letters: no hanging word is longer
_AT_ONE_LENGTH: Final = 3  # answers of exactly the greatest length, without an end: an export that cuts
_HANGING: Final = re.compile(
    r"[\s\"'(](?:and|or|but|the|an|of|to|with|for|from|your|our|because|which|that|if|is|are|will|by|as|than|into"
    r"|e|ou|mas|o|os|um|uma|de|do|da|dos|das|com|para|por|pelo|pela|no|na|nos|nas|em|que|se|seu|sua|ao|é|são"
    r"|y|el|los|las|una|con|del|su)$",
    re.IGNORECASE,
)
_LETTER: Final = re.compile(r"\s[AEO]$")  # "Vitamin E", "tamanho O": a name, not a small word
_LINK: Final = re.compile(
    r"(?:https?://|www\.|\w[\w-]*\.(?:com?|org|net|br|pt|es|io|app|example|info|shop|store|gov|edu)/)\S*$",
    re.IGNORECASE,
)  # an answer that ends in one is whole, whatever its last sign
_LONGEST_LINK: Final = 2_000
_END: Final = re.compile(r"[.!?…](?=[\s\"'”»)]|$)")


def is_cut_off(answer: str) -> bool:
    """Whether the end of an answer is missing, by its last sign or word."""
    text = answer.rstrip()
    if len(text) < _SHORTEST or text[-1] in ".!?":
        return False
    hangs = text[-1] in ",;(-–—/" or _HANGING.search(text, len(text) - _LAST_WORD) is not None
    return hangs and not _LETTER.search(text, len(text) - 2) and not _LINK.search(text, len(text) - _LONGEST_LINK)


def whole_sentences(text: str) -> str:
    """The text up to its last finished sentence; empty when none is finished."""
    ends = [match.end() for match in _END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else ""


def _cut(answer: str, _key: str) -> bool:
    return is_cut_off(answer)


def _search(dataset: Dataset) -> Matches:
    rows = dataset.facts.rows
    capped = np.flatnonzero(rows["open_end"] & (rows["length"] >= rows["length"].max(initial=0) - 1))
    by_length = capped if len(np.unique(rows["answer"][capped])) >= _AT_ONE_LENGTH else capped[:0]
    return Matches(np.concatenate((dataset.flagged("cut_off"), by_length)))


def _fix(dataset: Dataset, found: Finding, _choice: str) -> Changes:
    examples = ((place, dataset.conversations[place]) for place in found.rows.tolist())
    return {place: answered(example, whole_sentences(example.answer)) for place, example in examples}


CHECK: Final = Check("cut_off", Severity.WARNING, 20, search=_search, fix=_fix, by_default=False, answer=_cut)
