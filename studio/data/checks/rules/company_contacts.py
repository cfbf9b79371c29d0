"""The company's own phone, mail or address in answers: not personal, and what customers want to hear. It stays."""

from __future__ import annotations

from typing import Final

import numpy as np

from studio.data.checks.check import Changes, Check, Dataset, Finding, Matches
from studio.data.checks.facts import first_places
from studio.data.similarity.clusters import combined_hashes
from studio.domain.problem import Severity

_SHOWN: Final = 6


def _search(dataset: Dataset) -> Matches:
    places = dataset.personal.company()
    first, _ = first_places(combined_hashes(places["value"], places["kind"].astype(np.uint64)))
    shown = []
    for place in places[first[:_SHOWN]]:
        text = dataset.conversations[int(place["row"])].messages[int(place["turn"])].content
        shown.append(text[place["start"] : place["end"]][:60])
    values = ", ".join(dict.fromkeys(shown)) + (", …" if len(first) > _SHOWN else "")
    return Matches(places["row"], params={"values": values})


def _fix(dataset: Dataset, found: Finding, _choice: str) -> Changes:
    places = dataset.personal.company()
    return dataset.personal.masked(dataset.conversations, places[np.isin(places["row"], found.rows)])


CHECK: Final = Check("company_contacts", Severity.NOTE, 0, search=_search, fix=_fix, by_default=False)
