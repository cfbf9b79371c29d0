"""What is learned from: conversations of messages."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from studio.domain.value import Value


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Message(Value):
    """One turn of a conversation."""

    role: Role
    content: str
    learn: bool = Field(default=True, description="Whether the model learns from this turn; only of an assistant's.")


class Source(Value):
    """Where a conversation came from, so that a problem can name it."""

    file: str
    row: int = Field(description="1-based; for a table, the row as a spreadsheet numbers it (the header is row 1).")
    sheet: str | None = None
    key: str | None = Field(default=None, description="What the file itself calls it: a ticket, a conversation.")

    @property
    def label(self) -> str:
        """The file, and the sheet where it has several."""
        return table_label(self.file, self.sheet)


def table_label(file: str, sheet: str | None) -> str:
    """A file, and its sheet where it has several."""
    return f"{file} › {sheet}" if sheet else file


def row_label(conversation: Conversation, place: int) -> str:
    """By which number a person finds an example again: the row of its file, else ``#`` and its 1-based place."""
    return str(conversation.source.row) if conversation.source else f"#{place}"


class Conversation(Value):
    """One example: turns that end with an assistant's answer."""

    messages: tuple[Message, ...]
    id: str = Field(default="", description="Stable within a dataset; assigned when it is stored.")
    source: Source | None = None
    topic: str | None = None
    held_out: bool | None = Field(default=None, description="True or False where the data or a person said so.")
    reworded_from: str | None = Field(
        default=None, description="Id of the example whose question this one asks in other words, for the test."
    )
    extra: dict[str, Any] = Field(default_factory=dict, description="Columns that were kept and not mapped.")

    @classmethod
    def pair(cls, question: str, answer: str, *, system: str | None = None, **fields: Any) -> Conversation:
        """A single question with its answer."""
        turns = [Message(role=Role.SYSTEM, content=system)] if system else []
        turns += [Message(role=Role.USER, content=question), Message(role=Role.ASSISTANT, content=answer)]
        return cls(messages=tuple(turns), **fields)

    @property
    def question(self) -> str:
        """The last thing the user says before the last answer."""
        return next((m.content for m in reversed(self.messages[:-1]) if m.role is Role.USER), "")

    @property
    def answer(self) -> str:
        """The last answer."""
        return next((m.content for m in reversed(self.messages) if m.role is Role.ASSISTANT), "")

    def with_question(self, text: str) -> Conversation:
        """The same with another last question; as it is where nobody asks."""
        last = len(self.prompt) if self.answer else len(self.messages)
        return self._with_text(Role.USER, text, self.messages[:last])

    def with_answer(self, text: str) -> Conversation:
        """The same with another last answer."""
        return self._with_text(Role.ASSISTANT, text, self.messages)

    def _with_text(self, role: Role, text: str, among: tuple[Message, ...]) -> Conversation:
        place = max((i for i, message in enumerate(among) if message.role is role), default=None)
        if place is None or self.messages[place].content == text:
            return self
        messages = list(self.messages)
        messages[place] = messages[place].model_copy(update={"content": text})
        return self.model_copy(update={"messages": tuple(messages)})

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The turns before the last answer: what the model is asked."""
        last = max((i for i, m in enumerate(self.messages) if m.role is Role.ASSISTANT), default=len(self.messages))
        return self.messages[:last]


def with_system(conversation: Conversation, system_prompt: str | None) -> Conversation:
    """The conversation with a system prompt before it, where it has none of its own."""
    messages = conversation.messages
    if not system_prompt or (messages and messages[0].role is Role.SYSTEM):
        return conversation
    system = Message(role=Role.SYSTEM, content=system_prompt)
    return conversation.model_copy(update={"messages": (system, *messages)})
