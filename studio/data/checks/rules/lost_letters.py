"""Letters that were lost for good before the file came here, shown as �."""

from __future__ import annotations

from typing import Final

from studio.data.checks.check import Check, without
from studio.domain.problem import Severity

CHECK: Final = Check("lost_letters", Severity.WARNING, 20, fix=without, by_default=False, text=lambda text: "�" in text)
