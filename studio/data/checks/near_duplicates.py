"""Near-duplicates: nearly the same question, by its letters, with nearly the same answer.

Other wordings of a question are wanted and are no near-duplicates: only a comma, a letter or a word differs here.
"""

from __future__ import annotations

from typing import Final

from studio.data.checks.base import Check, Dataset, Finding, finding, same, without
from studio.domain.problem import Severity

_CODE: Final = "near_duplicates"


def _find(dataset: Dataset) -> Finding | None:
    if len(dataset) < 2:
        return None
    histories = ["\n".join(prompt.split("\n")[:-1]) for prompt in dataset.prompts]
    keys = zip(
        dataset.question_groups,
        dataset.answer_groups,
        histories,
        (c.held_out is True for c in dataset.conversations),
        strict=True,
    )
    groups = []
    for group in same(keys):
        # Exact copies are another check's: of those, the first alone counts here.
        firsts: dict[str, int] = {}
        for i in group:
            texts = (message.content for message in dataset.conversations[i].messages)
            firsts.setdefault("\n".join(" ".join(text.casefold().split()) for text in texts), i)
        if len(firsts) > 1:
            groups.append(list(firsts.values()))
    copies = [i for group in groups for i in group[1:]]
    return finding(dataset, _CODE, Severity.NOTE, copies, groups, sets=len(groups))


CHECK: Final = Check(_CODE, Severity.NOTE, 10, _find, without)
