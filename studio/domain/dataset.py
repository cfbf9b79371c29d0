"""Datasets: versions of the examples of a project, and how columns are read."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pydantic import Field

from studio.domain.conversation import Conversation, table_label
from studio.domain.problem import Problem
from studio.domain.value import Value

_SPEAKERS_KEPT: Final = 20


class ColumnRole(StrEnum):
    """What a column of a table is."""

    QUESTION = "question"
    ANSWER = "answer"
    SYSTEM = "system"
    TOPIC = "topic"
    ID = "id"
    HELD_OUT = "held_out"


class Mapping(Value):
    """Which columns are what. Several columns of one role are joined by a line break."""

    question: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    topic: str | None = None
    id: str | None = Field(
        default=None, description="What the file calls an example; rows that share it stay together."
    )
    held_out: str | None = None
    company: str | None = Field(default=None, description="In a log of messages, the speaker that is the company.")
    sheets: tuple[str, ...] = Field(
        default=(), description="The sheets of a workbook to read; all of them where empty."
    )

    @property
    def is_complete(self) -> bool:
        """Whether questions and answers can be read."""
        return bool(self.question) and bool(self.answer)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it names, each once."""
        single = (name for name in (self.topic, self.id, self.held_out) if name)
        return tuple(dict.fromkeys((*self.question, *self.answer, *self.system, *single)))

    def only(self, columns: Iterable[str]) -> Mapping:
        """The same without the columns that are not among ``columns``."""
        there = set(columns)
        several = {
            role: tuple(c for c in getattr(self, role) if c in there) for role in ("question", "answer", "system")
        }
        single = {role: c if (c := getattr(self, role)) in there else None for role in ("topic", "id", "held_out")}
        return self.model_copy(update={**several, **single})


class SplitChoice(Value):
    """How examples are drawn for the test."""

    seed: int = Field(default=42, ge=0, lt=2**32)
    share: float = Field(default=0.15, ge=0.01, le=0.5, description="Share of the examples that is kept aside.")


class TableRead(Value):
    """How one file, or one sheet of it, was read."""

    file: str
    reader: str
    sheet: str | None = None
    examples: int = 0
    turns: bool = Field(default=False, description="Whether it holds whole conversations, so no column is chosen.")
    chosen: bool = Field(default=True, description="False for a sheet that was left out because others were chosen.")
    speakers: tuple[tuple[str, int], ...] = Field(
        default=(), description="Of a log of messages: who speaks and how often, the most talkative first."
    )
    detail: str = Field(default="", exclude=True, description="How it was read: `utf-8, ;`. Not stored.")
    columns: tuple[str, ...] = Field(default=(), exclude=True, description="Not stored.")
    mapping: Mapping = Field(default=Mapping(), exclude=True, description="Not stored.")

    @property
    def label(self) -> str:
        """The file, with its sheet where it has several."""
        return table_label(self.file, self.sheet)

    @property
    def kept(self) -> TableRead:
        """As a version keeps it: with the most talkative speakers only."""
        return self.model_copy(update={"speakers": self.speakers[:_SPEAKERS_KEPT]})


class DatasetVersion(Value):
    """One immutable version of a project's examples."""

    id: str
    project_id: str
    number: int = Field(description="1-based within the project.")
    created_at: float
    action: str = Field(
        description="Catalog key suffix of what made it: `import`, `sample`, `edit`, `mapping`, `restore` …"
    )
    params: dict[str, str | int | float] = Field(
        default_factory=dict, description="Values named in the action's sentence."
    )
    examples: int
    held_out: int
    files: tuple[str, ...] = Field(default=(), description="Names of the files it was read from.")
    author: str = Field(default="", description="Who made it; see `studio.domain.author`.")
    parent: str | None = Field(default=None, description="Id of the version that it was made from.")


class VersionDetails(Value):
    """How the files of a version were read, and how its test is drawn."""

    columns: tuple[str, ...] = Field(default=(), description="Of all files.")
    mapping: Mapping = Mapping()
    problems: tuple[Problem, ...] = Field(default=(), description="Found while reading.")
    tables: tuple[TableRead, ...] = ()
    sample: tuple[dict[str, str], ...] = Field(default=(), description="Some rows by column, as they were read.")
    split: SplitChoice = SplitChoice()


class DatasetView(VersionDetails):
    """What the Examples screen shows."""

    version: DatasetVersion
    conversations: tuple[Conversation, ...] = Field(description="All examples; of a large set, the first of them.")
    can_undo: bool = False
    can_redo: bool = False


class Segment(Value):
    """A stretch of the text a model sees; ``learned`` marks the part it is trained to say."""

    text: str
    learned: bool
