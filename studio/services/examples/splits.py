"""Which examples are kept aside for the test: shown, drawn again, changed by hand, and asked in other words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from studio.data.jsonl_codec import parsed
from studio.data.splitting import split as splitting
from studio.data.splitting.paraphrase import Rewording, held_out_examples, how_many, rewordings
from studio.data.splitting.practice import PracticeKind, reworded_count
from studio.data.splitting.split import SplitKind
from studio.data.text import folded, plain
from studio.data.versions.versions import Draft, Versions, split_of
from studio.domain.conversation import Conversation
from studio.domain.dataset import SplitChoice
from studio.errors import AfinaError
from studio.services.examples.split_store import SplitStore
from studio.storage.database import DatasetRow
from studio.storage.workspace import Workspace

_SEED_LIMIT: Final = 2**31


@dataclass(frozen=True)
class TopicShare:
    """How many examples of a topic are on each side."""

    topic: str
    train: int
    held_out: int


@dataclass(frozen=True)
class Leak:
    """A question of the test that training has too, and where."""

    asked: Conversation
    learned: tuple[Conversation, ...]


@dataclass(frozen=True)
class SplitView:
    """What the screen shows of the test."""

    choice: SplitChoice  # seed and share of the draw
    kind: SplitKind  # what the test can show; the sentence is ``split.<kind>``
    train: int  # number of examples to learn from
    practice: int  # number of examples that are practised with, and not learned from
    practice_kind: PracticeKind  # what is practised with; the sentence is ``examples.split.practice.<kind>``
    held_out: tuple[Conversation, ...]  # the examples kept aside
    topics: tuple[TopicShare, ...]  # both sides by topic, the largest first; empty where the examples name none
    leaks: tuple[Leak, ...]  # questions of the test that training has too
    by_hand: bool  # whether the data or a person said which, so that nothing is drawn

    @property
    def can_reword(self) -> bool:
        """Whether questions in other words would make a better test."""
        return self.kind in (SplitKind.NEW_ANSWERS, SplitKind.MIXED, SplitKind.NONE, SplitKind.REWORDED)

    @property
    def examples(self) -> int:
        """In all three parts."""
        return self.train + self.practice + len(self.held_out)

    @property
    def practice_count(self) -> int:
        """Practice questions, at most where they are questions of training in other words."""
        return reworded_count(self.train) if self.practice_kind is PracticeKind.REWORDED else self.practice

    @property
    def held_out_share(self) -> float:
        """Share of the examples in the validation set, 0 to 1."""
        return len(self.held_out) / max(1, self.examples)

    @property
    def is_halved(self) -> bool:
        """Whether a smaller share was drawn than was asked for; the draw says why in its kind."""
        return not self.by_hand and self.held_out_share < 0.8 * self.choice.share

    @property
    def is_thin(self) -> bool:
        """Whether so few were kept aside by hand that the draw, which gave way to them, would have taken twice as many."""
        wanted = self.choice.share * self.examples
        return self.by_hand and self.kind is SplitKind.GIVEN and len(self.held_out) < wanted / 2


class SplitService:
    """The tests of the projects. Every change is a version, like any other change of the examples."""

    def __init__(self, workspace: Workspace, tests: SplitStore | None = None) -> None:
        self._versions = Versions(workspace)
        self._tests = tests or SplitStore(workspace)
        self._lock = threading.Lock()
        self._last: tuple[str, SplitView] | None = None

    def view(self, project_id: str) -> SplitView:
        """The split that a training would take now. Raises ``data.no_dataset``."""
        row = self._versions.require_current(project_id)
        with self._lock:
            if self._last is not None and self._last[0] == row.id:
                return self._last[1]
        drawn = self._tests.need(row)
        rows, asked = self._versions.rows(row), self._tests.parts(row).held_out
        places = {place for _, learned in drawn.leaks for place in learned}
        learned = dict(zip(sorted(places), rows.at(sorted(places)), strict=True))
        by_place = dict(zip(drawn.held_out, asked, strict=True))
        shown = SplitView(
            drawn.choice,
            drawn.kind,
            len(drawn.train),
            len(drawn.practice),
            drawn.practice_kind,
            tuple(by_place.values()),
            tuple(TopicShare(*counts) for counts in drawn.topics),
            tuple(Leak(by_place[place], tuple(learned[at] for at in known)) for place, known in drawn.leaks),
            drawn.by_hand,
        )
        with self._lock:
            self._last = (row.id, shown)
        return shown

    def counts(self, project_id: str) -> tuple[int, SplitKind] | None:
        """How many examples are kept aside and what they can show; None while a large test is being drawn.

        Raises ``data.no_dataset``.
        """
        drawn = self._tests.known(self._versions.require_current(project_id))
        return (len(drawn.held_out), drawn.kind) if drawn is not None else None

    def find(self, project_id: str, wanted: str, limit: int) -> list[Conversation]:
        """Examples to learn from whose question has every word that is looked for, whatever its case and accents.

        Raises ``data.no_dataset``, ``disk.missing`` …
        """
        row = self._versions.require_current(project_id)
        aside = set(self._tests.need(row).held_out)
        words = plain(wanted).split()
        found: list[Conversation] = []
        for place, line in enumerate(self._versions.rows(row).lines()):
            if len(found) >= limit:
                break
            told = folded(line.decode(errors="replace"))
            if place in aside or not all(word in told for word in words):
                continue
            conversation = parsed(line)
            if all(word in plain(conversation.question) for word in words):
                found.append(conversation)
        return found

    def draw(self, project_id: str, *, seed: int | None = None, share: float | None = None) -> None:
        """Draws the test again; what was kept aside by hand, by the file or in other words gives way."""
        row = self._versions.require_current(project_id)
        before = split_of(row)
        seed = (before.seed + 1) % _SEED_LIMIT if seed is None else seed
        choice = SplitChoice(seed=seed, share=before.share if share is None else share)
        params: dict[str, str | int | float] = {"seed": choice.seed, "percent": round(choice.share * 100)}
        kept = (c for c in self._versions.rows(row) if not c.reworded_from)
        self._add(row, (_flagged(c, None) for c in kept), "split", params, choice)

    def keep_aside(self, project_id: str, ids: Collection[str]) -> None:
        """Puts examples into the test, beside those that are there."""
        aside = {c.id for c in self.view(project_id).held_out} | set(ids)
        self._by_hand(project_id, lambda c: True if c.id in aside else None, len(ids), 0)

    def fill(self, project_id: str) -> None:
        """Adds a draw to the examples that were kept aside by hand."""
        row = self._versions.require_current(project_id)
        choice = split_of(row)
        free = [_flagged(c, None) for c in self._versions.rows(row) if not c.reworded_from]
        self.keep_aside(project_id, {c.id for c in splitting.plan(free, choice.seed, choice.share).held_out})

    def give_back(self, project_id: str, ids: Collection[str]) -> None:
        """Lets training have examples of the test; questions that are there in other words only go away."""
        given = set(ids)
        aside = {c.id for c in self.view(project_id).held_out} - given
        if not aside:  # with no flag left the studio would draw, and draw these again
            self._by_hand(project_id, lambda c: False if c.id in given else c.held_out, 0, len(given), given)
            return
        self._by_hand(project_id, lambda c: True if c.id in aside else None, 0, len(given), given)

    def offer(self, project_id: str, seed: int = 0) -> list[Rewording]:
        """Questions in other words, to look at before they are accepted; nothing is changed."""
        row = self._versions.require_current(project_id)
        conversations = [_flagged(c, None) for c in self._versions.rows(row) if not c.reworded_from]
        share = split_of(row).share
        return rewordings(conversations, seed, how_many(len(conversations), share))

    def accept(self, project_id: str, chosen: Iterable[Rewording]) -> None:
        """Makes reworded questions the test; every example as it was brought is learned from then.

        Raises ``data.nothing_reworded``.
        """
        row = self._versions.require_current(project_id)
        brought = [_flagged(c, None) for c in self._versions.rows(row) if not c.reworded_from]
        first = max((int(c.id[1:]) for c in brought if c.id[1:].isdecimal()), default=0) + 1
        added = held_out_examples(chosen, brought, first)
        if not added:
            raise AfinaError("data.nothing_reworded")
        self._add(row, [*brought, *added], "reworded", {"n": len(added)}, split_of(row))

    def _by_hand(
        self,
        project_id: str,
        flag: Callable[[Conversation], bool | None],
        aside: int,
        back: int,
        gone: Collection[str] = (),
    ) -> None:
        row = self._versions.require_current(project_id)
        kept = (c for c in self._versions.rows(row) if not (c.reworded_from and c.id in gone))
        flagged = (_flagged(c, flag(c)) for c in kept)
        self._add(row, flagged, "aside", {"aside": aside, "back": back}, split_of(row))

    def _add(
        self,
        row: DatasetRow,
        conversations: Iterable[Conversation],
        action: str,
        params: dict[str, str | int | float],
        choice: SplitChoice,
    ) -> None:
        draft = Draft.like(row, action, dict(params)).model_copy(update={"split": choice})
        self._versions.add(row.project_id, conversations, lambda: draft)


def _flagged(conversation: Conversation, held_out: bool | None) -> Conversation:
    if conversation.held_out is held_out:
        return conversation
    return conversation.model_copy(update={"held_out": held_out})
