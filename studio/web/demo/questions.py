"""What a visitor sends: a question and the turns before it, checked before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from studio.domain.conversation import Message, Role
from studio.domain.vote import BallotKey
from studio.errors import AfinaError

MAX_QUESTION: Final = 2000
MAX_BODY: Final = 64_000
SIDES: Final = ("base", "tuned")
_TURNS: Final = 4  # earlier turns that the models are reminded of; more would not fit small models

_Parsed = TypeVar("_Parsed", bound=BaseModel)
_Text = Annotated[str, StringConstraints(max_length=8000)]


class _Turn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    question: _Text
    base: str  # an owner's own answer may be of any length; the body's limit holds for all
    tuned: str


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    question: str
    turns: list[_Turn] = []


class Vote(BaseModel):
    """What a visitor prefers of the two answers of a ballot."""

    model_config = ConfigDict(extra="forbid")

    ballot: Annotated[str, StringConstraints(max_length=200)]
    choice: BallotKey


class Suggestion(BaseModel):
    """A better answer, with the receipt of the answer that it corrects."""

    model_config = ConfigDict(extra="forbid")

    question: _Text
    answer: str
    receipt: Annotated[str, StringConstraints(max_length=200)]
    better: _Text


@dataclass(frozen=True)
class Question:
    """A question with what each side has been asked and has answered before."""

    text: str
    turns: dict[str, list[Message]]


def parse_question(content_type: str, body: bytes) -> Question:
    """Reads the JSON that the page sends.

    Args:
        content_type: must be JSON, so that a form on another site cannot ask in a visitor's name.
        body: ``{"question": "…", "turns": [{"question": "…", "base": "…", "tuned": "…"}]}``.

    Raises:
        AfinaError: ``demo.bad_request``, ``demo.empty``, ``demo.too_long``.
    """
    asked = parse_body(_Body, content_type, body)
    question = asked.question.strip()
    if not question:
        raise AfinaError("demo.empty")
    if len(question) > MAX_QUESTION:
        raise AfinaError("demo.too_long", limit=MAX_QUESTION)
    return Question(question, {side: _messages(asked.turns[-_TURNS:], side, question) for side in SIDES})


def parse_body(model: type[_Parsed], content_type: str, body: bytes) -> _Parsed:
    """Reads JSON of the page. Args and errors as :func:`parse_question`; ``model`` says what it must be."""
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise AfinaError("demo.bad_request")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise AfinaError("demo.bad_request") from error


def _messages(turns: list[_Turn], side: str, question: str) -> list[Message]:
    messages: list[Message] = []
    for turn in turns:
        answer = getattr(turn, side).strip() or "…"  # stopped early: templates expect every question to be answered
        messages.append(Message(role=Role.USER, content=turn.question))
        messages.append(Message(role=Role.ASSISTANT, content=answer))
    return [*messages, Message(role=Role.USER, content=question)]
