"""Thoughts that a language model wrote before its answer, such as ``<think>…</think>``: customers should not read them."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, rewritten
from studio.domain.problem import Severity

_NAMES: Final = r"think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|inner_monologue"
_OPEN: Final = rf"(?:<\s*(?:{_NAMES})\s*>|\[\s*THINK\s*\]|<\|(?:begin_of_)?thought\|>|◁think▷)"
_CLOSE: Final = rf"(?:<\s*/\s*(?:{_NAMES})\s*>|\[\s*/THINK\s*\]|<\|end_of_thought\|>|◁/think▷)"
_BLOCK: Final = re.compile(rf"{_OPEN}.{{0,200000}}?{_CLOSE}\s*", re.IGNORECASE | re.DOTALL)
# Templates often write the opening sign themselves, so that texts have the closing one alone.
_START: Final = re.compile(rf"\A.{{0,200000}}{_CLOSE}\s*", re.IGNORECASE | re.DOTALL)
_ANY: Final = re.compile(rf"{_OPEN}|{_CLOSE}", re.IGNORECASE)
# A text about the signs: "between <think> and </think>", "the closing sign is </think>."
_ABOUT: Final = re.compile(
    rf"{_OPEN}[\s,]*(?:and|or|to|e|ou|a|y|o|…|\.\.\.)?[\s,]*{_CLOSE}|{_CLOSE}\s*(?:[.,;:!?)]|\Z)", re.IGNORECASE
)
_WRAPPER: Final = re.compile(r"</?\s*(?:answer|final_answer|response)\s*>", re.IGNORECASE)


def _has(text: str) -> bool:
    signs = "<" in text or "[" in text or "◁" in text
    return signs and "```" not in text and _ANY.search(text) is not None and not _is_about(text)


def _is_about(text: str) -> bool:
    """Whether a text speaks of the signs. An empty thought, as models that were told not to think write it, is none."""
    found = _ABOUT.search(text)
    return found is not None and bool(text[: found.start()].strip())


def answered(text: str) -> str:
    """The text without the thoughts in it. A thought without an end stays: where it ends is not known."""
    return _WRAPPER.sub("", _START.sub("", _BLOCK.sub("", text))) if _has(text) else text


CHECK: Final = Check("thoughts", Severity.WARNING, 30, fix=rewritten(answered), text=_has)
