"""What a check is: it finds examples that spoil a training, says so in a sentence, and can put them right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

from studio.data.checks.personal import Personal
from studio.data.findings import row_list
from studio.data.similar import clusters
from studio.data.split import asked
from studio.data.text import plain
from studio.domain.conversation import Conversation, Message, Role
from studio.domain.problem import Severity
from studio.errors import AfinaError

_SHOWN_FILES: Final = 4


class Tokens(Protocol):
    """How long examples are for the chosen model."""

    @property
    def limit(self) -> int:
        """Longest example in tokens that a training takes whole."""
        ...

    def lengths(self, conversations: Sequence[Conversation]) -> Sequence[int]:
        """The length of each example in tokens."""
        ...


@dataclass(frozen=True)
class Dataset:
    """Examples as the checks see them; what several checks need is worked out once.

    Args:
        conversations: in order; each with an id of its own.
        tokens: of the chosen model; None where none is chosen or installed.
    """

    conversations: tuple[Conversation, ...]
    tokens: Tokens | None = None

    @classmethod
    def of(cls, conversations: Iterable[Conversation], tokens: Tokens | None = None) -> Dataset:
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

    def replaced(self, conversations: Iterable[Conversation]) -> Dataset:
        """Other examples, the same model."""
        return Dataset(tuple(conversations), self.tokens)

    @cached_property
    def prompts(self) -> tuple[str, ...]:
        """Everything before the last answer, for comparing: who said what, in lower case without punctuation."""
        return tuple(
            "\n".join(f"{m.role}:{plain(m.content) or m.content}" for m in c.prompt) for c in self.conversations
        )

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The last answers, for comparing."""
        return tuple(plain(c.answer) or c.answer.strip() for c in self.conversations)

    @cached_property
    def question_groups(self) -> Sequence[int]:
        """The group of near-identical questions that each example belongs to."""
        return clusters([asked(c) for c in self.conversations])

    @cached_property
    def answer_groups(self) -> Sequence[int]:
        """The group of near-identical answers that each example belongs to, among those asked nearly the same."""
        counts = Counter(self.question_groups)
        chosen = [i for i, group in enumerate(self.question_groups) if counts[group] > 1]
        groups = list(range(len(self.conversations)))
        for i, group in zip(chosen, clusters([self.conversations[i].answer for i in chosen]), strict=True):
            groups[i] = chosen[group]
        return groups

    @cached_property
    def personal(self) -> Personal:
        """Personal data and company contacts in all texts."""
        return Personal.of(self.conversations)

    def where(self, positions: Iterable[int]) -> str:
        """Rows as a person finds them again: of the file, or of the table of examples where some have no file."""
        chosen = sorted(set(positions))
        sources = [self.conversations[i].source for i in chosen]
        rows: dict[str, list[int]] = defaultdict(list)
        for source in sources:
            if source is None:
                return row_list(i + 1 for i in chosen)
            rows[f"{source.file} › {source.sheet}" if source.sheet else source.file].append(source.row)
        if len(self._files) < 2:
            return row_list(row for found in rows.values() for row in found)
        shown = [f"{file}: {row_list(found)}" for file, found in list(rows.items())[:_SHOWN_FILES]]
        return "; ".join(shown) + ("; …" if len(rows) > _SHOWN_FILES else "")

    @cached_property
    def _files(self) -> frozenset[tuple[str, str | None]]:
        return frozenset((c.source.file, c.source.sheet) for c in self.conversations if c.source)


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Args:
        code: of the check.
        severity: how much it matters.
        positions: 0-based places of the examples at fault.
        ids: of the same examples, in the same order.
        params: values named in the sentence ``check.<code>.found``: ``n``, ``rows`` and others.
        groups: positions that belong together: copies of each other, answers that contradict each other.
    """

    code: str
    severity: Severity
    positions: tuple[int, ...]
    ids: tuple[str, ...]
    params: dict[str, Any]
    groups: tuple[tuple[int, ...], ...] = ()


Find = Callable[[Dataset], Finding | None]
Fix = Callable[[Dataset, Finding, str], list[Conversation]]


@dataclass(frozen=True)
class Check:
    """One check.

    Args:
        code: names its sentences: ``check.<code>`` (title), ``check.<code>.found``, ``check.<code>.fix`` (button).
        severity: how much it matters.
        weight: points of the health score that are lost when every example is affected.
        find: what is wrong in a dataset; None when nothing is.
        fix: the examples put right; None where only a person can. It keeps the ids of what it keeps.
        choices: ways to fix, the first one is taken where none is named; ``check.<code>.choice.<name>`` says each.
        by_default: whether fixing everything includes it.
    """

    code: str
    severity: Severity
    weight: float
    find: Find = field(compare=False)
    fix: Fix | None = field(default=None, compare=False)
    choices: tuple[str, ...] = ()
    by_default: bool = True

    def apply(self, dataset: Dataset, choice: str = "") -> Dataset:
        """The dataset with what this check finds put right; the same dataset when it finds nothing.

        Raises:
            AfinaError: ``checks.no_fix`` where only a person can put it right.
        """
        if self.fix is None:
            raise AfinaError("checks.no_fix", check=self.code)
        finding = self.find(dataset)
        if finding is None:
            return dataset
        return dataset.replaced(self.fix(dataset, finding, choice or (self.choices[0] if self.choices else "")))


def finding(
    dataset: Dataset,
    code: str,
    severity: Severity,
    positions: Iterable[int],
    groups: Iterable[Sequence[int]] = (),
    **params: Any,
) -> Finding | None:
    """The finding for some positions; None for no position."""
    chosen = tuple(sorted(set(positions)))
    if not chosen:
        return None
    ids = tuple(dataset.conversations[i].id for i in chosen)
    values = {"n": len(chosen), "rows": dataset.where(chosen), **params}
    return Finding(code, severity, chosen, ids, values, tuple(map(tuple, groups)))


def without(dataset: Dataset, finding: Finding, _choice: str = "") -> list[Conversation]:
    """The examples that are not at fault."""
    gone = set(finding.positions)
    return [c for i, c in enumerate(dataset.conversations) if i not in gone]


def rewritten(
    conversations: Sequence[Conversation], positions: Iterable[int], change: Callable[[str], str]
) -> list[Conversation]:
    """The conversations with the texts of some changed. One whose question or last answer is left empty is left out."""
    chosen = set(positions)
    kept = []
    for index, conversation in enumerate(conversations):
        if index not in chosen:
            kept.append(conversation)
            continue
        changed = with_texts(conversation, [change(message.content) for message in conversation.messages])
        if changed is not None:
            kept.append(changed)
    return kept


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


def texts(conversation: Conversation, *roles: Role) -> list[str]:
    """The texts of the turns of some roles; of all but the system's where none is named."""
    wanted = roles or (Role.USER, Role.ASSISTANT)
    return [message.content for message in conversation.messages if message.role in wanted]


def positions_where(dataset: Dataset, test: Callable[[Conversation], bool]) -> list[int]:
    """The positions of the examples for which ``test`` holds."""
    return [i for i, c in enumerate(dataset.conversations) if test(c)]


def same(keys: Iterable[Any]) -> list[list[int]]:
    """Positions with equal keys, for every key that is there at least twice; in the order of their first."""
    members: dict[Any, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        members[key].append(index)
    return [group for group in members.values() if len(group) > 1]
