"""Letters that were lost for good before the file came here, shown as �."""

from __future__ import annotations

from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding, positions_where, without
from studio.domain.problem import Severity

_CODE: Final = "lost_letters"


def _find(dataset: Dataset) -> Finding | None:
    found = positions_where(dataset, lambda c: any("�" in message.content for message in c.messages))
    return finding(dataset, _CODE, Severity.WARNING, found)


CHECK: Final = Check(_CODE, Severity.WARNING, 20, _find, without)
