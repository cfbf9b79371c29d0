"""The test of a version as it was drawn, kept beside the version's file: found again without reading the examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.data.splitting import split as splitting
from studio.data.splitting.practice import (
    FEWEST_TO_PART,
    MAX_PRACTICE,
    PRACTICE_SHARE,
    PracticeKind,
    draw_practice,
    has_unique_answers,
)
from studio.data.splitting.split import SplitKind
from studio.data.versions.rows import Rows
from studio.domain.conversation import Conversation
from studio.domain.dataset import SplitChoice
from studio.storage.files import write_atomic


class Drawn(BaseModel):
    """Which examples of a version are asked and never learned from; places count from 0, in the order of its file."""

    model_config = ConfigDict(frozen=True)

    choice: SplitChoice
    kind: SplitKind
    examples: int
    held_out: tuple[int, ...]
    practice: tuple[int, ...] = Field(default=(), description="Examples that are practised with, and not learned from.")
    practice_kind: PracticeKind
    by_hand: bool = Field(description="Whether the data or a person said which, so that nothing was drawn.")
    changed: dict[int, Conversation] = Field(
        default={}, description="Held-out examples that are asked otherwise than their line says, by place."
    )
    topics: tuple[tuple[str, int, int], ...] = Field(
        default=(), description="Topic, examples to learn from, examples held out; the largest first."
    )
    leaks: tuple[tuple[int, tuple[int, ...]], ...] = Field(
        default=(), description="Places of held-out questions that training has too, and where."
    )

    has_unique_answers: bool | None = Field(
        default=None, description="Whether (nearly) every answer is there once; None where it was not looked at."
    )

    @property
    def train(self) -> NDArray[np.int64]:
        """The places of the examples to learn from."""
        kept = np.ones(self.examples, bool)
        kept[list(self.held_out)] = False
        kept[list(self.practice)] = False
        return np.flatnonzero(kept)


def draw(conversations: Sequence[Conversation], choice: SplitChoice) -> Drawn:
    """Draws the test of a version; see :func:`studio.data.splitting.split.plan`."""
    found = splitting.plan(conversations, choice.seed, choice.share)
    at = {conversation.id: place for place, conversation in enumerate(conversations)}
    held_out = [at[conversation.id] for conversation in found.held_out]
    pairs = zip(held_out, found.held_out, strict=True)
    practice = draw_practice(found.train, choice.seed)
    practised = set(practice.places)
    learned = [conversation for place, conversation in enumerate(found.train) if place not in practised]
    return Drawn(
        choice=choice,
        kind=found.kind,
        examples=len(conversations),
        held_out=tuple(held_out),
        practice=tuple(at[found.train[place].id] for place in practice.places),
        practice_kind=practice.kind,
        by_hand=any(conversation.held_out for conversation in conversations),
        changed={place: asked for place, asked in pairs if asked != conversations[place]},
        topics=_topics(found),
        leaks=tuple(
            (at[asked.id], tuple(at[learned.id] for learned in known)) for asked, known in splitting.leaks(found)
        ),
        has_unique_answers=has_unique_answers(learned, found.held_out),
    )


def path_of(examples: Path) -> Path:
    """Where the test of a version is kept: beside the file of its examples."""
    return examples.with_suffix(".split.json")


def save(examples: Path, drawn: Drawn) -> None:
    """Keeps a test beside a version. Raises ``disk.full`` …"""
    write_atomic(path_of(examples), drawn.model_dump_json(exclude_defaults=True))


def load(examples: Path, choice: SplitChoice) -> Drawn | None:
    """The test that was kept beside a version; None where there is none for this choice."""
    try:
        drawn = Drawn.model_validate_json(path_of(examples).read_bytes())
    except (OSError, ValidationError):
        return None
    return drawn if drawn.choice == choice else None


@dataclass(frozen=True)
class Parts:
    """The three parts of a version; its examples stay on disk."""

    train: Rows  # to learn from
    practice: Rows  # to choose checkpoint, end and settings by; none of the data where it is asked in other words
    held_out: Rows  # the final exam
    practice_kind: PracticeKind  # what is practised with
    has_unique_answers: bool | None = None  # whether (nearly) every answer is there once; None where it is not known


def parts(examples: Path, drawn: Drawn) -> Parts:
    """The parts as they were drawn. Raises ``disk.missing``."""
    whole = Rows(examples)
    order = np.asarray(drawn.held_out, np.int64)
    places = {place: drawn.examples + n for n, place in enumerate(drawn.changed)}
    asked = np.asarray([places.get(place, place) for place in order.tolist()], np.int64)
    practice = whole.patched(np.asarray(drawn.practice, np.int64))
    held_out = whole.patched(asked, list(drawn.changed.values()))
    train = whole.patched(drawn.train)
    return Parts(train, practice, held_out, drawn.practice_kind, drawn.has_unique_answers)


def estimated_parts(examples: Path, held_out: int, choice: SplitChoice) -> Parts:
    """About as many examples in each part as a draw would give; the last ones stand for exam and practice."""
    whole = Rows(examples)
    aside = held_out or min(splitting.MAX_HELD_OUT, max(1, round(len(whole) * choice.share)))
    free, asked = np.split(np.arange(len(whole)), [len(whole) - aside])
    practised = min(MAX_PRACTICE, round(PRACTICE_SHARE * len(free))) if len(free) >= FEWEST_TO_PART else 0
    train, practice = np.split(free, [len(free) - practised])
    kind = PracticeKind.REAL if practised else PracticeKind.REWORDED
    return Parts(whole.patched(train), whole.patched(practice), whole.patched(asked), kind)


def _topics(found: splitting.Split) -> tuple[tuple[str, int, int], ...]:
    train = Counter(c.topic for c in found.train if c.topic)
    aside = Counter(c.topic for c in found.held_out if c.topic)
    return tuple((topic, train[topic], aside[topic]) for topic, _ in (train + aside).most_common())
