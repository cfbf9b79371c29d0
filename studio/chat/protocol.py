"""What the web process and a chat worker say to each other: one JSON object a line.

To the worker: :class:`Generate`, :class:`Warm`, :class:`Cancel`. From the worker: :class:`Reply`. A line without an
answer for an id stays unanswered for ever only when the worker dies, and then the reader sees the end of the pipe.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from studio.domain.conversation import Message
from studio.domain.problem import Problem


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(description="Chosen by the web process; replies carry it.")


class Ask(_Line):
    """One answer that is wanted. ``id`` is unique within its request: ``base``, ``tuned``, ``17``."""

    turns: tuple[Message, ...]
    tuned: str | None = Field(default=None, description="Folder of an adapter or of tuned weights; None: the base.")


class Generate(_Line):
    """Answers are wanted."""

    op: Literal["generate"] = "generate"
    client: str = "owner"
    asks: tuple[Ask, ...]
    together: bool = Field(default=True, description="Whether all asks begin at once; else as there is room.")
    stream: bool = Field(default=True, description="Whether text is sent as it comes; else each answer when it ends.")
    temperature: float = 0.0
    top_p: float = 0.95
    seed: int = 0
    max_tokens: int = 256
    stop: tuple[str, ...] = Field(default=(), description="Texts that end an answer; they are not part of it.")


class Warm(_Line):
    """The model should be ready for a question soon."""

    op: Literal["warm"] = "warm"
    tuned: str | None = None


class Cancel(_Line):
    """The request ``id`` is not wanted any more."""

    op: Literal["cancel"] = "cancel"


Request = Annotated[Generate | Warm | Cancel, Field(discriminator="op")]
REQUEST: TypeAdapter[Generate | Warm | Cancel] = TypeAdapter(Request)


class Reply(BaseModel):
    """News of a request. Only what is new is filled in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    texts: dict[str, str] = Field(default_factory=dict, description="New text of each ask.")
    ended: dict[str, str] = Field(default_factory=dict, description="Asks that are over: `stop`, `length`, `loop`.")
    tokens: dict[str, int] = Field(default_factory=dict, description="Tokens of each ask that is over.")
    prompt_tokens: dict[str, int] = Field(default_factory=dict, description="Tokens that each of them was given.")
    notice: Problem | None = Field(default=None, description="Worth telling; the answer goes on.")
    problem: Problem | None = Field(default=None, description="Why the request failed; nothing follows.")
    done: bool = Field(default=False, description="Nothing follows.")
    seconds: float = Field(default=0.0, description="From the request's arrival at the worker to now.")
