"""Letters that were read with the wrong encoding once, such as ``Ã§`` for ``ç``; put right by ftfy."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, Dataset, Matches, is_changed_by, rewritten
from studio.domain.problem import Severity

# What the first byte of a UTF-8 letter looks like in Windows-1252, MacRoman or code page 437, with a sign after it.
_SUSPECT: Final = re.compile(r"(?=[ÃÂÅÄÐÑÎÏâðï√├┬�])(?:.[^\sa-zA-Z0-9]|â€|Ã[ \xa0 ]|√[a-zA-Z])", re.DOTALL)


def repaired(text: str) -> str:
    """The text with its letters as they were meant; the same text where nothing is wrong."""
    if text.isascii() or not _SUSPECT.search(text):
        return text
    from ftfy import fix_encoding

    return str(fix_encoding(text))


def _search(dataset: Dataset) -> Matches:
    found = dataset.flagged("encoding")
    return Matches(found, params={"example": _example(dataset, found[:1].tolist())})


def _example(dataset: Dataset, found: list[int]) -> str:
    """The first word that looks wrong, for the sentence."""
    for i in found:
        for message in dataset.conversations[i].messages:
            for word in message.content.split():
                if repaired(word) != word:
                    return word[:30]
    return "Ã"


CHECK: Final = Check(
    "encoding", Severity.WARNING, 30, search=_search, fix=rewritten(repaired), text=is_changed_by(repaired)
)
