"""The test of a version as it was drawn, kept beside the version's file: found again without reading the examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.data.splitting import split as splitting
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

    @property
    def train(self) -> NDArray[np.int64]:
        """The places of the examples to learn from."""
        kept = np.ones(self.examples, bool)
        kept[list(self.held_out)] = False
        return np.flatnonzero(kept)


def draw(conversations: Sequence[Conversation], choice: SplitChoice) -> Drawn:
    """Draws the test of a version; see :func:`studio.data.splitting.split.plan`.

    Args:
        conversations: all examples, in the order of the file.
        choice: seed and share.
    """
    found = splitting.plan(conversations, choice.seed, choice.share)
    at = {conversation.id: place for place, conversation in enumerate(conversations)}
    held_out = [at[conversation.id] for conversation in found.held_out]
    pairs = zip(held_out, found.held_out, strict=True)
    return Drawn(
        choice=choice,
        kind=found.kind,
        examples=len(conversations),
        held_out=tuple(held_out),
        by_hand=any(conversation.held_out for conversation in conversations),
        changed={place: asked for place, asked in pairs if asked != conversations[place]},
        topics=_topics(found),
        leaks=tuple(
            (at[asked.id], tuple(at[learned.id] for learned in known)) for asked, known in splitting.leaks(found)
        ),
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


def sides(examples: Path, drawn: Drawn) -> tuple[Rows, Rows]:
    """The examples to learn from and those to ask, which stay on disk. Raises ``disk.missing``."""
    whole = Rows.of(examples)
    order = np.asarray(drawn.held_out, np.int64)
    places = {place: drawn.examples + n for n, place in enumerate(drawn.changed)}
    asked = np.asarray([places.get(place, place) for place in order.tolist()], np.int64)
    return whole.patched(drawn.train, ()), whole.patched(asked, list(drawn.changed.values()))


def estimated_sides(examples: Path, held_out: int, choice: SplitChoice) -> tuple[Rows, Rows]:
    """About as many examples on each side as a draw would give; the last ones stand for the test.

    Args:
        examples: the file of a version.
        held_out: examples that the data or a person keeps aside; 0 where the test is drawn.
        choice: how it is drawn.
    """
    whole = Rows.of(examples)
    aside = held_out or min(splitting.MAX_HELD_OUT, max(1, round(len(whole) * choice.share)))
    order = np.arange(len(whole))
    return whole.patched(order[:-aside], ()), whole.patched(order[-aside:], ())


def _topics(found: splitting.Split) -> tuple[tuple[str, int, int], ...]:
    train = Counter(c.topic for c in found.train if c.topic)
    aside = Counter(c.topic for c in found.held_out if c.topic)
    return tuple((topic, train[topic], aside[topic]) for topic, _ in (train + aside).most_common())
