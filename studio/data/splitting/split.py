"""Which examples are kept aside to ask afterwards. Deterministic; a test asks new wordings of known answers."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

from studio.data.similarity.clusters import clusters
from studio.data.text import plain
from studio.domain.conversation import Conversation, Role

DEFAULT_FRACTION: Final = 0.15
MAX_HELD_OUT: Final = 500


class SplitKind(StrEnum):
    """What a held-out test can show."""

    GIVEN = "given"  # the data or a person said which
    NEW_WORDINGS = "new_wordings"  # new wordings of answers that were learned
    REWORDED = "reworded"  # questions of training, asked in other words
    NEW_ANSWERS = "new_answers"  # every answer is there once: the test shows the tone, not the facts
    MIXED = "mixed"
    NONE = "none"  # too few examples


@dataclass(frozen=True)
class Split:
    """Both sides, in the order of the examples."""

    train: tuple[Conversation, ...]  # what is learned from
    held_out: tuple[Conversation, ...]  # what is asked afterwards and never learned from
    kind: SplitKind  # what the test can show; the sentence is the catalog key ``split.<kind>``


def split(
    conversations: Sequence[Conversation], seed: int, fraction: float = DEFAULT_FRACTION
) -> tuple[list[Conversation], list[Conversation]]:
    """Returns training and held-out examples; see :func:`plan`."""
    found = plan(conversations, seed, fraction)
    return list(found.train), list(found.held_out)


def plan(conversations: Sequence[Conversation], seed: int, fraction: float = DEFAULT_FRACTION) -> Split:
    """Decides which examples are held out.

    Flags win: with at least one ``held_out=True`` exactly those are held out. Otherwise whole clusters of
    near-identical questions, or of one conversation of the file, are drawn, from answers with several phrasings and never all phrasings of an answer;
    where every answer is there once, half of ``fraction`` is drawn at random.
    """
    places, kind = held_out_places(conversations, seed, fraction)
    if kind in (SplitKind.GIVEN, SplitKind.REWORDED):
        conversations = _following(conversations)
    return Split(
        tuple(c for i, c in enumerate(conversations) if i not in places),
        tuple(c for i, c in enumerate(conversations) if i in places),
        kind,
    )


def held_out_places(
    conversations: Sequence[Conversation], seed: int, fraction: float = DEFAULT_FRACTION
) -> tuple[set[int], SplitKind]:
    """The places of the examples that :func:`plan` holds out, and what a test of them can show. Args: as there."""
    flagged = {i for i, c in enumerate(conversations) if c.held_out}
    if flagged:
        only_reworded = all(conversations[i].reworded_from for i in flagged)
        return flagged, SplitKind.REWORDED if only_reworded else SplitKind.GIVEN
    free = [i for i, c in enumerate(conversations) if c.held_out is None]
    if len(conversations) < 2 or not free:
        return set(), SplitKind.NONE
    groups = together(conversations)
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    answers = [plain(c.answer) for c in conversations]
    # A cluster with an example that a person keeps for training stays in training as a whole.
    drawable = [g for g, rows in members.items() if all(conversations[i].held_out is None for i in rows)]
    rng = random.Random(seed)
    target = min(MAX_HELD_OUT, max(1, round(len(free) * fraction)))
    phrasings: dict[str, set[int]] = defaultdict(set)
    for index, group in enumerate(groups):
        phrasings[answers[index]].add(group)
    chosen = _new_wordings(drawable, members, answers, phrasings, target, rng)
    reworded = sum(len(members[g]) for g in chosen)
    kind = SplitKind.NEW_WORDINGS
    if reworded < max(1, target // 2):
        unique = [g for g in drawable if all(len(phrasings[answers[i]]) == 1 for i in members[g])]
        wanted = min(max(1, target // 2) - reworded, len(members) - 1 - len(chosen))
        chosen |= set(_drawn(unique, members, wanted, rng))
        kind = SplitKind.MIXED if reworded else SplitKind.NEW_ANSWERS
    if not chosen:
        return set(), SplitKind.NONE
    return {i for g in chosen for i in members[g]}, kind


def _following(conversations: Sequence[Conversation]) -> list[Conversation]:
    """The examples; a rewording has the answer of the example that it asks for, however that was edited since."""
    asked_for = {c.reworded_from for c in conversations if c.reworded_from}
    origins = {c.id: c for c in conversations if c.id in asked_for} if asked_for else {}
    return [c.with_answer(origins.get(c.reworded_from or "", c).answer) for c in conversations]


def together(conversations: Sequence[Conversation]) -> list[int]:
    """The group of each example: near-identical questions, and what the file calls by one id, are never parted."""
    groups = clusters([asked(c) for c in conversations])
    leaders = {group: group for group in groups}

    def leader(group: int) -> int:
        while leaders[group] != group:
            leaders[group] = leaders[leaders[group]]
            group = leaders[group]
        return group

    named: dict[tuple[str, str | None, str], int] = {}
    for group, conversation in zip(groups, conversations, strict=True):
        source = conversation.source
        if source is not None and source.key:
            other = leader(named.setdefault((source.file, source.sheet, source.key), group))
            mine = leader(group)
            leaders[max(mine, other)] = min(mine, other)
    return [leader(group) for group in groups]


def leaks(found: Split) -> list[tuple[Conversation, tuple[Conversation, ...]]]:
    """Held-out examples whose question, nearly or exactly, is in training too; each with those of training.

    A rewording of a training question is meant to be near it, and is no leak.
    """
    both = [*found.train, *found.held_out]
    groups = together(both)
    learned: dict[int, list[Conversation]] = defaultdict(list)
    for group, conversation in zip(groups[: len(found.train)], found.train, strict=True):
        learned[group].append(conversation)
    return [
        (conversation, tuple(learned[group]))
        for group, conversation in zip(groups[len(found.train) :], found.held_out, strict=True)
        if group in learned and not conversation.reworded_from
    ]


def asked(conversation: Conversation) -> str:
    """Everything that the user says before the last answer: what two examples must not share across the sides."""
    return "\n".join(message.content for message in conversation.prompt if message.role is Role.USER)


def _new_wordings(
    drawable: list[int],
    members: dict[int, list[int]],
    answers: list[str],
    phrasings: dict[str, set[int]],
    target: int,
    rng: random.Random,
) -> set[int]:
    """Draws clusters, one an answer a round, as long as each of their answers keeps a phrasing to learn from."""
    left = {answer: len(groups) for answer, groups in phrasings.items()}
    allowed = set(drawable)
    queues = {a: sorted(g & allowed) for a, g in sorted(phrasings.items()) if len(g) > 1}
    for queue in queues.values():
        rng.shuffle(queue)
    order = list(queues)
    rng.shuffle(order)
    chosen: set[int] = set()
    count = 0
    while count < target and order:
        for answer in list(order):
            if count >= target:
                break
            group = queues[answer].pop() if queues[answer] else None
            if group is None:
                order.remove(answer)
                continue
            concerned = {answers[index] for index in members[group]}
            if group in chosen or any(left[a] <= 1 for a in concerned):
                continue
            chosen.add(group)
            count += len(members[group])
            for a in concerned:
                left[a] -= 1
    return chosen


def _drawn(groups: list[int], members: dict[int, list[int]], wanted: int, rng: random.Random) -> list[int]:
    pool = sorted(groups)
    rng.shuffle(pool)
    before = accumulate((len(members[group]) for group in pool), initial=0)
    return [group for group, count in zip(pool, before, strict=False) if count < wanted]
