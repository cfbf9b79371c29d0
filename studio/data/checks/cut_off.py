"""Answers that end in the middle of a sentence: by their last word, or because many stop at the very same length."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding, with_texts
from studio.domain.conversation import Conversation, Role
from studio.domain.problem import Severity

_CODE: Final = "cut_off"
_SHORTEST: Final = 25  # letters: shorter answers are labels, not sentences
_LAST_WORD: Final = 10  # letters: no hanging word is longer
_AT_ONE_LENGTH: Final = 3  # answers of exactly the greatest length, without an end: an export that cuts
_HANGING: Final = re.compile(
    r"[\s\"'(](?:and|or|but|the|an|of|to|with|for|from|your|our|because|which|that|if|is|are|will|by|as|than|into"
    r"|e|ou|mas|o|os|um|uma|de|do|da|dos|das|com|para|por|pelo|pela|no|na|nos|nas|em|que|se|seu|sua|ao|é|são"
    r"|y|el|los|las|una|con|del|su)$",
    re.IGNORECASE,
)
_END: Final = re.compile(r"[.!?…](?=[\s\"'”»)]|$)")


def is_cut_off(answer: str) -> bool:
    """Whether the end of an answer is missing, by its last sign or word."""
    text = answer.rstrip()
    return len(text) >= _SHORTEST and (text[-1] in ",;(-–—/" or bool(_HANGING.search(text, len(text) - _LAST_WORD)))


def whole_sentences(text: str) -> str:
    """The text up to its last finished sentence; empty when none is finished."""
    ends = [match.end() for match in _END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else ""


def _find(dataset: Dataset) -> Finding | None:
    answers = [c.answer.rstrip() for c in dataset.conversations]
    open_ended = [i for i, text in enumerate(answers) if len(text) >= 100 and text[-1].isalnum()]
    longest = max(map(len, answers), default=0)
    capped = [i for i in open_ended if len(answers[i]) >= longest - 1]
    distinct = Counter(answers[i] for i in capped)
    by_length = capped if len(distinct) >= _AT_ONE_LENGTH else []
    cut = {i for i, text in enumerate(answers) if is_cut_off(text)} | set(by_length)
    return finding(dataset, _CODE, Severity.WARNING, cut)


def _fix(dataset: Dataset, found: Finding, _choice: str) -> list[Conversation]:
    chosen = set(found.positions)
    kept = []
    for i, conversation in enumerate(dataset.conversations):
        changed: Conversation | None = conversation
        if i in chosen:
            last = max(k for k, m in enumerate(conversation.messages) if m.role is Role.ASSISTANT)
            contents = [m.content for m in conversation.messages]
            contents[last] = whole_sentences(contents[last])
            changed = with_texts(conversation, contents)
        if changed is not None:
            kept.append(changed)
    return kept


CHECK: Final = Check(_CODE, Severity.WARNING, 20, _find, _fix)
