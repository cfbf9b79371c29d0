"""Letters that were lost for good before the file came here, shown as �."""

from __future__ import annotations

from typing import Final

from studio.data.checks.check import Check, flagged, without
from studio.domain.problem import Severity

_CODE: Final = "lost_letters"


def _lost(text: str) -> bool:
    return "�" in text


CHECK: Final = Check(
    _CODE,
    Severity.WARNING,
    20,
    flagged(_CODE, Severity.WARNING),
    without,
    by_default=False,
    text=_lost,
)
