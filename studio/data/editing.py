"""What a person changes in the table of examples, and how two versions differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from studio.domain.conversation import Conversation, Role


@dataclass(frozen=True)
class EditedRow:
    """A row of the table as a person left it.

    Args:
        id: of the example that was edited; None for a new row.
        question: empty together with the answer deletes the row.
        answer: see above.
        held_out: whether it is kept for the test; None lets the studio decide.
    """

    id: str | None
    question: str
    answer: str
    held_out: bool | None = None


@dataclass(frozen=True)
class Difference:
    """How one list of examples became another.

    Args:
        added: examples that are only in the newer one.
        removed: examples that are only in the older one.
        changed: examples that are in both and differ: as they were, and as they are.
    """

    added: tuple[Conversation, ...]
    removed: tuple[Conversation, ...]
    changed: tuple[tuple[Conversation, Conversation], ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many of each, by name."""
        return {"added": len(self.added), "removed": len(self.removed), "changed": len(self.changed)}


def difference(older: Iterable[Conversation], newer: Iterable[Conversation]) -> Difference:
    """Compares examples by their ids, in their order; moving one changes nothing."""
    before = {conversation.id: conversation for conversation in older}
    after = {conversation.id: conversation for conversation in newer}
    return Difference(
        tuple(conversation for key, conversation in after.items() if key not in before),
        tuple(conversation for key, conversation in before.items() if key not in after),
        tuple((old, after[key]) for key, old in before.items() if key in after and old != after[key]),
    )


def number_of(conversation: Conversation) -> int:
    """The number in an id such as ``e12``; 0 for other ids."""
    return int(conversation.id[1:]) if conversation.id[1:].isdecimal() else 0


def edited(before: dict[str, Conversation], rows: Sequence[EditedRow]) -> Iterator[Conversation]:
    """The examples as the rows of the table say; new ones get new ids.

    Args:
        before: the examples that were shown, by their ids.
        rows: of the table, with a question and an answer each.
    """
    number = max(map(number_of, before.values()), default=0)
    used: set[str] = set()
    for row in rows:
        if row.id in before and row.id not in used:
            used.add(row.id)
            yield _changed(before[row.id], row)
        else:
            number += 1
            yield Conversation.pair(row.question, row.answer, id=f"e{number}", held_out=row.held_out)


def _changed(old: Conversation, row: EditedRow) -> Conversation:
    """The conversation with its last question and last answer replaced; its other turns stay."""
    messages = list(old.messages)
    if row.answer != old.answer:
        at = max(i for i, message in enumerate(messages) if message.role is Role.ASSISTANT)
        messages[at] = messages[at].model_copy(update={"content": row.answer})
    if row.question != old.question:
        at = max(i for i, message in enumerate(messages[:-1]) if message.role is Role.USER)
        messages[at] = messages[at].model_copy(update={"content": row.question})
    return old.model_copy(update={"messages": tuple(messages), "held_out": row.held_out})
