"""Dividing examples into parts, each of which is asked once while the others are learned (cross-validation)."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from studio.data.splitting.split import together
from studio.data.text import plain
from studio.domain.conversation import Conversation


def parts(conversations: Sequence[Conversation], count: int, seed: int) -> tuple[int, ...]:
    """The part of each example, from 0 on; near-identical questions are always in the same part, as in a split.

    The wordings of one answer go to different parts where there are several, so that each part asks new wordings of
    answers that the others teach.

    Args:
        conversations: all examples.
        count: of parts, at least 2; fewer where there are fewer different questions.
        seed: the same seed and examples give the same parts.
    """
    groups = together(conversations)
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    order = sorted(members)
    random.Random(f"{seed}/parts").shuffle(order)
    order.sort(key=lambda group: -len(members[group]))  # the large ones first: the small ones even the parts out
    sizes: Counter[int] = Counter()
    taught: Counter[tuple[str, int]] = Counter()
    found: dict[int, int] = {}
    for group in order:
        answers = {plain(conversations[index].answer) for index in members[group]}
        crowded = {part: sum(taught[answer, part] for answer in answers) for part in range(count)}
        part = min(range(count), key=lambda p: (crowded[p], sizes[p], p))
        found[group] = part
        sizes[part] += len(members[group])
        for answer in answers:
            taught[answer, part] += 1
    return tuple(found[group] for group in groups)


def known_answers(train: Sequence[Conversation], asked_about: Sequence[Conversation]) -> float:
    """Share of the asked examples whose answer is among those to learn, word for word."""
    learned = {plain(conversation.answer) for conversation in train}
    if not asked_about:
        return 0.0
    return sum(plain(conversation.answer) in learned for conversation in asked_about) / len(asked_about)
