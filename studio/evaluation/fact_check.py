"""The facts of an answer against those of the expected answer, and against everything that the owner ever answered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from studio.data.text import plain
from studio.domain.proof import Fact, FactKind, FactReport
from studio.evaluation.fact_extraction import FoundFact, Value, find_facts

_NAME: Final = re.compile(
    r"(?:[A-ZÀ-Ý][\w'’&-]*[A-Za-zÀ-ÿ\d]|[A-Z]{2,})(?:\s(?:(?:de|da|do|das|dos|e|of|the|&)\s)?[A-ZÀ-Ý][\w'’&-]+)*"
)
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?:;…]\s+|\n\s*|[\"“«(•*–—-]\s*)$")
_TITLE_CASE: Final = 0.3  # share of capitalised words from which capitals say nothing
_COMMON: Final = frozenset((
    "i", "im", "ill", "ive", "id", "ok", "hi", "hello", "dear", "thanks", "thank", "you", "mr", "mrs", "ms", "oi", "olá",
    "ola", "obrigado", "obrigada", "sr", "sra", "dr", "dra", "você", "voce", "am", "pm", "a", "o", "as", "os", "e",
))  # fmt: skip
_KINDS_OF_NUMBER: Final = (FactKind.NUMBER, FactKind.MONEY, FactKind.PERCENT)


class FactIndex:
    """What the owner's answers say.

    Args:
        answers: all of them, those of the exam too.
    """

    def __init__(self, answers: Iterable[str]) -> None:
        texts = list(dict.fromkeys(answers))
        self._words = Counter(word for text in texts for word in plain(text).split())
        self._capitals_tell = _capital_share(texts) < _TITLE_CASE
        self._names = {plain(name.text) for text in texts for name in self._capitalised(text)}
        self._known: dict[FactKind, set[Value]] = {kind: set() for kind in FactKind}
        for text in texts:
            for fact in find_facts(text):
                self._known[fact.kind].add(fact.value)

    def facts(self, text: str) -> list[FoundFact]:
        """All facts of a text, the names among them, in their order."""
        others = find_facts(text)
        names = [
            name
            for name in self._capitalised(text, self._names)
            if not any(name.start < fact.end and fact.start < name.end for fact in others)
        ]
        return sorted([*others, *names], key=lambda fact: fact.start)

    def check(self, answer: str, expected: str, question: str = "") -> FactReport:
        """The facts of an answer.

        Args:
            answer: what a model said.
            expected: the owner's answer.
            question: what was asked; a fact that it names is none of the answer's.
        """
        wanted = _different(self.facts(expected))
        asked = self.facts(question)
        there = plain(question)
        present: list[Fact] = []
        others: list[FoundFact] = []
        met: set[int] = set()
        for fact in self.facts(answer):
            place = next((place for place, want in enumerate(wanted) if _same(fact, want)), None)
            if place is not None:
                met.add(place)
                present.append(_fact(fact))
            elif not any(_same(fact, told) for told in asked) and not (
                fact.kind is FactKind.NAME and f" {plain(fact.text)} " in f" {there} "
            ):
                others.append(fact)
        said = f" {plain(answer)} "
        missing = [
            want
            for place, want in enumerate(wanted)
            if place not in met and not (want.kind is FactKind.NAME and f" {plain(want.text)} " in said)
        ]
        contradicted, invented = self._false(others, missing)
        return FactReport(
            present=tuple(present),
            missing=tuple(map(_fact, missing)),
            contradicted=tuple(contradicted),
            invented=tuple(invented),
        )

    def _false(self, others: Sequence[FoundFact], missing: Sequence[FoundFact]) -> tuple[list[Fact], list[Fact]]:
        """Facts that are none of the expected ones: of another answer in the place of a missing one, or of no answer."""
        contradicted: list[Fact] = []
        invented: list[Fact] = []
        left = list(missing)
        for fact in others:
            rival = next((want for want in left if _alike(fact, want)), None)
            if rival is not None:
                left.remove(rival)
            if not self._is_known(fact):
                invented.append(_fact(fact, rival.text if rival else ""))
            elif rival is not None and fact.kind is not FactKind.NAME:
                contradicted.append(_fact(fact, rival.text))
        return contradicted, invented

    def _is_known(self, fact: FoundFact) -> bool:
        if fact.kind is FactKind.NAME:
            return all(word in self._words for word in plain(fact.text).split())
        if fact.value in self._known[fact.kind]:
            return True
        return fact.kind is FactKind.NUMBER and any(_number_fits(fact.value, v) for v in self._known[FactKind.NUMBER])

    def _capitalised(self, text: str, known: set[str] | None = None) -> list[FoundFact]:
        """Names: capitals within a sentence; at its start, only a name that is known from elsewhere."""
        if not self._capitals_tell or text.isupper():
            return []
        taken = [(fact.start, fact.end) for fact in find_facts(text)]
        found = []
        for match in _NAME.finditer(text):
            start, end = match.span()
            name = match.group()
            starts = _SENTENCE_START.search(text[:start]) is not None
            if starts and plain(name) not in (known or ()):
                if " " not in name or not name.split(" ")[1][:1].isupper():
                    continue
                start += name.index(" ") + 1  # "Our Track page": the first capital may only begin the sentence
                name = text[start:end]
            if name.endswith(("'s", "’s")):
                name, end = name[:-2], end - 2
            if plain(name) in _COMMON or not plain(name) or any(start < e and s < end for s, e in taken):
                continue
            found.append(FoundFact(FactKind.NAME, name, start, end, plain(name)))
        return found


def _different(facts: Iterable[FoundFact]) -> list[FoundFact]:
    return list({(fact.kind, fact.value): fact for fact in reversed(list(facts))}.values())[::-1]


def _same(one: FoundFact, other: FoundFact) -> bool:
    if one.kind is not other.kind:
        return False
    if one.kind is FactKind.NUMBER:
        return _number_fits(one.value, other.value)
    return one.value == other.value


def _number_fits(one: Value, other: Value) -> bool:
    """The same number, where at most one of the two names a unit, or both the same."""
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    return one[0] == other[0] and (one[1] == other[1] or not one[1] or not other[1])


def _alike(fact: FoundFact, want: FoundFact) -> bool:
    """Whether one may stand in the place of the other."""
    if fact.kind in _KINDS_OF_NUMBER and want.kind in _KINDS_OF_NUMBER:
        units = [v[1] for v in (fact.value, want.value) if isinstance(v, tuple)]
        return fact.kind is want.kind and len(set(units)) == 1
    return fact.kind is want.kind


def _fact(fact: FoundFact, expected: str = "") -> Fact:
    return Fact(kind=fact.kind, text=fact.text, start=fact.start, end=fact.end, expected=expected)


def _capital_share(texts: Sequence[str]) -> float:
    """Share of the words within sentences that begin with a capital."""
    within = capitals = 0
    for text in texts[:2000]:
        for match in re.finditer(r"[^\W\d_]{2,}", text):
            if not _SENTENCE_START.search(text[: match.start()]):
                within += 1
                capitals += match.group()[0].isupper()
    return capitals / within if within else 0.0
