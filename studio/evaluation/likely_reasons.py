"""Why a question was probably answered wrongly: what the training examples say about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from studio.data.similarity.clusters import clusters
from studio.data.text import plain
from studio.domain.conversation import Conversation
from studio.domain.proof import FactReport, Reason

_RELATED: Final = 6


class LikelyReasons:
    """Looks wrong answers up in the training examples.

    Args:
        train: the examples that were learned from.
    """

    def __init__(self, train: Sequence[Conversation]) -> None:
        self._topics = {example.topic for example in train if example.topic}
        self._by_answer: dict[str, list[Conversation]] = defaultdict(list)
        for example in train:
            self._by_answer[plain(example.answer)].append(example)
        groups = clusters([example.question for example in train])
        self._group = {id(example): group for example, group in zip(train, groups, strict=True)}
        self._answers: dict[int, set[str]] = defaultdict(set)
        self._members: dict[int, list[Conversation]] = defaultdict(list)
        for example, group in zip(train, groups, strict=True):
            self._answers[group].add(plain(example.answer))
            self._members[group].append(example)

    def reason(self, asked: Conversation, said: str, facts: FactReport, cut_off: bool) -> Reason:
        """The likeliest reason of a wrong answer.

        Args:
            asked: the example of the exam.
            said: the wrong answer.
            facts: of the wrong answer.
            cut_off: whether it was cut.
        """
        taught = self._by_answer.get(plain(asked.answer), [])
        if cut_off:
            return Reason.CUT_OFF
        if any(len(self._answers[self._group[id(each)]]) > 1 for each in taught):
            return Reason.CONTRADICTION
        if not taught and asked.topic not in self._topics:
            return Reason.TOPIC_UNSEEN
        if len({plain(each.question) for each in taught}) == 1:
            return Reason.SINGLE_WORDING
        if facts.contradicted or plain(said) in self._by_answer:
            return Reason.MIXED_UP
        if facts.invented:
            return Reason.INVENTED
        return Reason.UNKNOWN

    def related(self, asked: Conversation) -> tuple[str, ...]:
        """Ids of the examples that teach the answer, those that contradict them first."""
        taught = self._by_answer.get(plain(asked.answer), [])
        rivals = [
            member
            for each in taught
            if len(self._answers[self._group[id(each)]]) > 1
            for member in self._members[self._group[id(each)]]
        ]
        return tuple(dict.fromkeys(each.id for each in (*rivals, *taught) if each.id))[:_RELATED]
