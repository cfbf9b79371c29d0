"""The company's own phone, mail or address in answers: not personal, and what customers want to hear. It stays."""

from __future__ import annotations

from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding
from studio.domain.conversation import Conversation
from studio.domain.problem import Severity

_CODE: Final = "company_contacts"
_SHOWN: Final = 6


def _find(dataset: Dataset) -> Finding | None:
    shown = list(dict.fromkeys(dataset.personal.shown.values()))
    places = [place.example for found in dataset.personal.company.values() for place in found]
    values = ", ".join(text[:60] for text in shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else "")
    return finding(dataset, _CODE, Severity.NOTE, places, values=values)


def _fix(dataset: Dataset, found: Finding, _choice: str) -> list[Conversation]:
    chosen = set(found.positions)
    company = dataset.personal.company.items()
    places = ((code, place) for code, found_there in company for place in found_there if place.example in chosen)
    return dataset.personal.masked(dataset.conversations, places)


CHECK: Final = Check(_CODE, Severity.NOTE, 0, _find, _fix, by_default=False)
