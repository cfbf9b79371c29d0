"""What a check is: it finds examples that spoil a training, says so in a sentence, and can put them right."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol, Self

import numpy as np

from studio.data.checks.facts import Facts, Text, first_places
from studio.data.checks.personal import Personal
from studio.data.importing.findings import SHOWN_RANGES, row_list
from studio.data.similarity.clusters import Hashes, Ints, combined_hashes, near
from studio.data.versions.rows import Rows
from studio.domain.conversation import Conversation, Message, table_label
from studio.domain.problem import Severity
from studio.errors import AfinaError

MAX_NAMED: Final = 5_000  # examples that a finding names one by one
_SHOWN_FILES: Final = 4


class Tokens(Protocol):
    """Lengths of examples in tokens of the chosen model; ``limit`` is the longest that a training takes whole."""

    @property
    def limit(self) -> int: ...

    def lengths(self, conversations: Sequence[Conversation]) -> Sequence[int]: ...


@dataclass(frozen=True)
class Dataset(ABC):
    """Examples as the checks see them; what several checks need is worked out once.

    What the scanner and the registry, which know every check, are needed for is in
    :class:`studio.data.checks.dataset.ScannedDataset`.
    """

    conversations: Sequence[Conversation]  # in order; each with an id of its own. A tuple, or rows that stay on disk.
    tokens: Tokens | None = None  # of the chosen model; None where none is chosen or installed
    # their facts where they were made before, as for large sets, by several processes
    known: Facts | None = field(default=None, compare=False, repr=False)
    # hashes of values that were the company's own before some examples went away, ``(n,)``
    contacts: Hashes | None = field(default=None, compare=False, repr=False)

    @property
    @abstractmethod
    def facts(self) -> Facts:
        """What the checks need to know of each example."""

    @property
    @abstractmethod
    def personal(self) -> Personal:
        """Personal data and company contacts in all texts."""

    @abstractmethod
    def flagged(self, code: str) -> Ints:
        """The positions of the examples in which a check of single examples found something."""

    @abstractmethod
    def changed(self, changes: Changes) -> Dataset:
        """The dataset with some examples changed or left out; facts are made for the changed ones only."""

    @classmethod
    def of(cls, conversations: Iterable[Conversation], tokens: Tokens | None = None) -> Self:
        """A dataset in which every example has an id: those without one, or with one used before, get a new one."""
        used: set[str] = set()
        numbered = []
        for number, conversation in enumerate(conversations, start=1):
            if not conversation.id or conversation.id in used:
                fresh = f"e{number}"
                conversation = conversation.model_copy(update={"id": fresh if fresh not in used else f"e{number}-new"})
            used.add(conversation.id)
            numbered.append(conversation)
        return cls(tuple(numbered), tokens)

    def __len__(self) -> int:
        return len(self.conversations)

    def at(self, places: Iterable[int] | Ints) -> tuple[Conversation, ...]:
        """The examples at some places, in that order."""
        known = self.conversations
        return known.at(places) if isinstance(known, Rows) else tuple(known[i] for i in places)

    def ids(self, places: Iterable[int] | Ints) -> tuple[str, ...]:
        """Their ids."""
        known = self.conversations
        return known.ids(places) if isinstance(known, Rows) else tuple(known[i].id for i in places)

    @cached_property
    def question_groups(self) -> Ints:
        """The group of near-identical questions that each example belongs to: the place of its first."""
        first, rank = first_places(self.facts.rows["question"])
        keys = [self.facts.questions[key] for key in self.facts.rows["question"][first].tolist()]
        groups: Ints = first[near(keys)][rank]
        return groups

    @cached_property
    def answer_groups(self) -> Ints:
        """The group of near-identical answers that each example belongs to, among those asked nearly the same."""
        answers, groups = self.facts.rows["answer"], self.question_groups
        first, rank = first_places(combined_hashes(groups.astype(np.uint64), answers))
        # Only groups of questions with several answers need a comparison.
        several = np.bincount(groups[first], minlength=len(groups))[groups[first]] > 1
        labels = np.arange(len(first))
        compared = np.flatnonzero(several)
        keys = [self.facts.answers[key] for key in answers[first[compared]].tolist()]
        labels[compared] = compared[near(keys, apart=groups[first[compared]].astype(np.uint64))]
        found: Ints = first[labels][rank]
        return found

    def know_groups(self, questions: Ints, answers: Ints) -> None:
        """Takes groups that were worked out before, as :attr:`question_groups` and :attr:`answer_groups` would."""
        self.__dict__.update(question_groups=questions, answer_groups=answers)

    def where(self, positions: Ints) -> str:
        """Rows as a person finds them again: those of the file that an example came from.

        Others, as those typed into the table, are named by their place in it: behind ``#``, unless nothing in the whole
        set came from a file. The table on the screen numbers its rows in the same way.
        """
        of, lines = self.facts.rows["file"][positions], self.facts.rows["line"][positions]
        known = np.unique(self.facts.rows["file"][self.facts.rows["file"] >= 0])
        if not len(known):
            return _row_list(positions + 1)
        files = [file for file in dict.fromkeys(of.tolist()) if file >= 0]
        several = len(known) > 1
        shown = [
            f"{table_label(*self.facts.files[file])}: {_row_list(lines[of == file])}"
            if several
            else _row_list(lines[of == file])
            for file in files[:_SHOWN_FILES]
        ]
        if len(added := positions[of < 0]):
            shown.append(", ".join(f"#{part}" for part in _row_list(added + 1).split(", ")).replace("#…", "…"))
        return "; ".join(shown) + ("; …" if len(files) > _SHOWN_FILES else "")


def _row_list(rows: Ints) -> str:
    """:func:`row_list` of any number of rows: only the first ranges are shown."""
    ordered = np.unique(rows)
    breaks = np.flatnonzero(np.diff(ordered) != 1)
    return row_list(ordered[: breaks[SHOWN_RANGES] + 1].tolist() if len(breaks) > SHOWN_RANGES else ordered.tolist())


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    code: str  # of the check
    severity: Severity  # how much it matters
    rows: Ints = field(compare=False, repr=False)  # positions of the examples at fault, ``(count,)``, rising
    ids: tuple[str, ...]  # of the first :data:`MAX_NAMED` of them
    params: dict[str, Any]  # values named in the sentence ``checks.rule.<code>.found``: ``n``, ``rows`` and others
    # positions that belong together: copies of each other, answers that contradict each other
    groups: tuple[tuple[int, ...], ...] = ()

    @property
    def count(self) -> int:
        """How many examples are at fault."""
        return len(self.rows)

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of :attr:`ids`."""
        return tuple(map(int, self.rows[: len(self.ids)]))


class Matches(NamedTuple):
    """Where a check found something; fields as of :class:`Finding`. ``of_whole``: of the whole set, not of examples."""

    positions: Iterable[int] | Ints
    groups: Iterable[Sequence[int]] = ()
    params: Mapping[str, Any] = {}
    of_whole: bool = False


Changes = dict[int, Conversation | None]  # by position: the example as it becomes, None for one that goes away
Fix = Callable[[Dataset, Finding, str], Changes]


@dataclass(frozen=True)
class Check:
    """One check.

    Args:
        code: names its sentences: ``checks.rule.<code>`` (title), ``….found``, ``….fix`` (button).
        severity: how much it matters.
        weight: points of the health score that are lost when every example is affected.
        search: finds what is wrong in a dataset, from its facts; where None, the examples that ``text`` … flagged are.
        fix: what changes to put it right; None where only a person can. It keeps the ids of what it keeps.
        choices: ways to fix, the first one is taken where none is named; ``….choice.<name>`` says each.
        by_default: whether fixing all that is safe includes it: only what takes away nothing true, that is exact copies,
            answers that say nothing, and what programs left behind. The rest is for a person to decide.
        text: of a check of single texts: whether something is wrong in one.
        answer: of a check of last answers: whether something is wrong in one, from it and its :func:`plain` form.
        asked: of a check of questions: from the plain form of one; of several, it must hold for all.
        pair: of a check of a last question with its answer.
    """

    code: str
    severity: Severity
    weight: float
    search: Callable[[Dataset], Matches] | None = field(default=None, compare=False)
    fix: Fix | None = field(default=None, compare=False)
    choices: tuple[str, ...] = ()
    by_default: bool = True
    text: Callable[[str], bool] | None = field(default=None, compare=False)
    answer: Callable[[str, str], bool] | None = field(default=None, compare=False)
    asked: Callable[[str], bool] | None = field(default=None, compare=False)
    pair: Callable[[Text, Text], bool] | None = field(default=None, compare=False)

    def find(self, dataset: Dataset) -> Finding | None:
        """What is wrong in a dataset; None when nothing is."""
        matches = self.search(dataset) if self.search is not None else Matches(dataset.flagged(self.code))
        found = matches.positions
        rows = np.unique(np.asarray(found if isinstance(found, np.ndarray) else list(found), np.int64))
        if not len(rows) and not matches.of_whole:
            return None
        ids = dataset.ids(rows[:MAX_NAMED])
        params = {"n": len(rows), "rows": dataset.where(rows), **matches.params}
        return Finding(self.code, self.severity, rows, ids, params, tuple(map(tuple, matches.groups)))

    def changes(self, dataset: Dataset, found: Finding, choice: str = "") -> Changes:
        """What its fix changes. Raises ``checks.no_fix`` where only a person can put it right."""
        if self.fix is None:
            raise AfinaError("checks.no_fix", check=self.code)
        return self.fix(dataset, found, choice or next(iter(self.choices), ""))

    def apply(self, dataset: Dataset, choice: str = "") -> Dataset:
        """The dataset with what this check finds put right; the same where it finds nothing. Raises as :meth:`changes`."""
        found = self.find(dataset)
        return dataset if found is None else dataset.changed(self.changes(dataset, found, choice))


def without(_dataset: Dataset, finding: Finding, _choice: str = "") -> Changes:
    """Leaves out the examples that are at fault."""
    return dict.fromkeys(finding.rows.tolist())


def is_changed_by(change: Callable[[str], str]) -> Callable[[str], bool]:
    """Whether a fix of texts would change one."""
    return lambda text: change(text) != text


def rewritten(change: Callable[[str], str]) -> Fix:
    """Changes the texts of the examples at fault. A text of which nothing would be left stays as it is."""

    def fix(dataset: Dataset, finding: Finding, _choice: str) -> Changes:
        changes: Changes = {}
        for place in finding.rows.tolist():
            conversation = dataset.conversations[place]
            pairs = ((message.content, change(message.content)) for message in conversation.messages)
            changes[place] = with_texts(conversation, [new if new.strip() else old for old, new in pairs])
        return changes

    return fix


def answered(conversation: Conversation, text: str) -> Conversation | None:
    """The conversation with another answer; None where that says nothing."""
    return conversation.with_answer(text) if text.strip() else None


def with_texts(conversation: Conversation, texts: Sequence[str]) -> Conversation | None:
    """The conversation with the texts of its turns replaced; None when its last question or answer is empty then."""
    messages: tuple[Message, ...] = tuple(
        message if message.content == text else message.model_copy(update={"content": text})
        for message, text in zip(conversation.messages, texts, strict=True)
    )
    if messages == conversation.messages:
        return conversation
    changed = conversation.model_copy(update={"messages": messages})
    if not changed.answer.strip() or (conversation.question and not changed.question.strip()):
        return None
    return changed
