"""Dividing examples into parts, each of which is asked once while the others are learned (cross-validation)."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Final

from studio.data.splitting.split import together
from studio.data.text import plain
from studio.domain.conversation import Conversation

_MAX_CLASSES: Final = 1000  # answers whose wordings are spread evenly; more take too long and matter less


def parts(conversations: Sequence[Conversation], count: int, seed: int) -> tuple[int, ...]:
    """The part of each example, from 0 on; near-identical questions are always in the same part, as in a split.

    The wordings of one answer go to different parts where there are several, so that each part asks new wordings of
    answers that the others teach.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    groups = together(conversations)
    count = min(count, len(set(groups)))
    if count < 2:
        return (0,) * len(groups)
    answers = [plain(conversation.answer) for conversation in conversations]
    repeated = {answer for answer, n in Counter(answers).most_common(_MAX_CLASSES) if n > 1}
    classes = [answer if answer in repeated else "" for answer in answers]
    stratified = max(Counter(classes).values()) >= count and len(repeated) > 0
    folder = StratifiedGroupKFold if stratified else GroupKFold
    found = [0] * len(groups)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # few wordings are what there is
        splits = folder(n_splits=count, shuffle=True, random_state=seed).split(classes, classes, groups)
        for part, (_, asked) in enumerate(splits):
            for index in asked:
                found[index] = part
    return tuple(found)


def known_answers(train: Sequence[Conversation], asked_about: Sequence[Conversation]) -> float:
    """Share of the asked examples whose answer is among those to learn, word for word."""
    learned = {plain(conversation.answer) for conversation in train}
    if not asked_about:
        return 0.0
    return sum(plain(conversation.answer) in learned for conversation in asked_about) / len(asked_about)
