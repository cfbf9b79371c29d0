"""Datasets: versions of the examples of a project, and how columns are read."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from studio.domain.conversation import Conversation
from studio.domain.problem import Problem


class ColumnRole(StrEnum):
    """What a column of a table is."""

    QUESTION = "question"
    ANSWER = "answer"
    SYSTEM = "system"
    TOPIC = "topic"
    HELD_OUT = "held_out"


class Mapping(BaseModel):
    """Which columns are what. Several columns of one role are joined by a line break."""

    model_config = ConfigDict(frozen=True)

    question: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    topic: str | None = None
    held_out: str | None = None
    company: str | None = Field(default=None, description="In a log of messages, the speaker that is the company.")

    @property
    def is_complete(self) -> bool:
        """Whether questions and answers can be read."""
        return bool(self.question) and bool(self.answer)


class DatasetVersion(BaseModel):
    """One immutable version of a project's examples."""

    model_config = ConfigDict(frozen=True)

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


class DatasetView(BaseModel):
    """What the Examples screen shows."""

    model_config = ConfigDict(frozen=True)

    version: DatasetVersion
    conversations: tuple[Conversation, ...]
    columns: tuple[str, ...] = ()
    mapping: Mapping = Mapping()
    problems: tuple[Problem, ...] = ()
    can_undo: bool = False
    can_redo: bool = False


class Segment(BaseModel):
    """A stretch of the text a model sees; ``learned`` marks the part it is trained to say."""

    model_config = ConfigDict(frozen=True)

    text: str
    learned: bool
