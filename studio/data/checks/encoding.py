"""Letters that were read with the wrong encoding once, such as ``Ã§`` for ``ç``; put right by ftfy."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding, positions_where, rewritten
from studio.domain.conversation import Conversation
from studio.domain.problem import Severity

_CODE: Final = "encoding"
# What the first byte of a UTF-8 letter looks like in Windows-1252, MacRoman or code page 437, with a sign after it.
_SUSPECT: Final = re.compile(r"[ÃÂÅÄÐÑÎÏâðï√├┬�][^\sa-zA-Z0-9]|â€|Ã[ \xa0 ]|√[a-zA-Z]")


_FIRSTS: Final = "ÃÂÅÄÐÑÎÏâðï√├┬�"


def repaired(text: str) -> str:
    """The text with its letters as they were meant; the same text where nothing is wrong."""
    if text.isascii() or not any(map(text.__contains__, _FIRSTS)) or not _SUSPECT.search(text):
        return text
    from ftfy import fix_encoding

    return str(fix_encoding(text))


def _wrong(conversation: Conversation) -> bool:
    return any(repaired(message.content) != message.content for message in conversation.messages)


def _find(dataset: Dataset) -> Finding | None:
    found = positions_where(dataset, _wrong)
    return finding(dataset, _CODE, Severity.WARNING, found, example=_example(dataset, found))


def _example(dataset: Dataset, found: list[int]) -> str:
    """The first word that looks wrong, for the sentence."""
    for i in found[:1]:
        for message in dataset.conversations[i].messages:
            for word in message.content.split():
                if repaired(word) != word:
                    return word[:30]
    return "Ã"


def _fix(dataset: Dataset, found: Finding, _choice: str) -> list[Conversation]:
    return rewritten(dataset.conversations, found.positions, repaired)


CHECK: Final = Check(_CODE, Severity.WARNING, 30, _find, _fix)
