"""Thoughts that a language model wrote before its answer, such as ``<think>…</think>``: customers should not read them."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, flagged, rewritten
from studio.data.checks.prefilter import Prefilter
from studio.domain.problem import Severity

_CODE: Final = "thoughts"
_NAMES: Final = r"think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|inner_monologue"
_OPEN: Final = rf"(?:<\s*(?:{_NAMES})\s*>|\[\s*THINK\s*\]|<\|(?:begin_of_)?thought\|>|◁think▷)"
_CLOSE: Final = rf"(?:<\s*/\s*(?:{_NAMES})\s*>|\[\s*/THINK\s*\]|<\|end_of_thought\|>|◁/think▷)"
_BLOCK: Final = re.compile(rf"{_OPEN}.{{0,200000}}?{_CLOSE}\s*", re.IGNORECASE | re.DOTALL)
# Templates often write the opening sign themselves, so that texts have the closing one alone.
_START: Final = re.compile(rf"\A.{{0,200000}}{_CLOSE}\s*", re.IGNORECASE | re.DOTALL)
_ANY: Final = re.compile(rf"{_OPEN}|{_CLOSE}", re.IGNORECASE)
_WRAPPER: Final = re.compile(r"</?\s*(?:answer|final_answer|response)\s*>", re.IGNORECASE)


def _has(text: str) -> bool:
    return "```" not in text and _ANY.search(text) is not None


def answered(text: str) -> str:
    """The text without the thoughts in it. A thought without an end stays: where it ends is not known."""
    return _WRAPPER.sub("", _START.sub("", _BLOCK.sub("", text))) if _has(text) else text


CHECK: Final = Check(
    _CODE, Severity.WARNING, 30, flagged(_CODE, Severity.WARNING), rewritten(answered), text=_has, hint=Prefilter("<[◁")
)
