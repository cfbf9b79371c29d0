"""Near-duplicates: nearly the same question, by its letters, with nearly the same answer.

Other wordings of a question are wanted and are no near-duplicates: only a comma, a letter or a word differs here.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from studio.data.checks.base import Check, Dataset, Finding, finding, without
from studio.data.checks.facts import firsts, same
from studio.data.similar import mixed
from studio.domain.problem import Severity

_CODE: Final = "near_duplicates"


def _find(dataset: Dataset) -> Finding | None:
    rows = dataset.facts.rows
    if len(rows) < 2:
        return None
    keys = mixed(dataset.question_groups.astype(np.uint64), dataset.answer_groups.astype(np.uint64))
    keys = mixed(mixed(keys, rows["history"]), rows["held_out"].astype(np.uint64))
    # Exact copies are another check's: of those, the first alone counts here.
    different, _ = firsts(mixed(keys, rows["exact"]))
    groups = same(keys[different], different)
    copies = [i for group in groups for i in group[1:]]
    return finding(dataset, _CODE, Severity.NOTE, copies, groups, sets=len(groups))


CHECK: Final = Check(_CODE, Severity.NOTE, 10, _find, without)
