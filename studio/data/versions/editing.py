"""What a person changes in the table of examples, row by row or everywhere at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from studio.data.jsonl_codec import line_id, parsed
from studio.data.text import clean
from studio.data.versions.rows import Rows
from studio.domain.conversation import Conversation, Role, row_label


class HeldOut(StrEnum):
    """What an example is for."""

    TEST = "test"
    TRAIN = "train"
    AUTO = "auto"  # the studio draws

    @property
    def flag(self) -> bool | None:
        """As a conversation keeps it."""
        return {HeldOut.TEST: True, HeldOut.TRAIN: False, HeldOut.AUTO: None}[self]


@dataclass(frozen=True)
class RowEdit:
    """A row of the table as a person left it. What is None stays as it was."""

    id: str = ""  # of the example; empty for a new row
    question: str | None = None  # empty together with the answer deletes the row
    answer: str | None = None  # see above
    held_out: HeldOut | None = None  # what it is for

    @property
    def cleaned(self) -> RowEdit:
        """The same without what no text may hold: control characters, spaces around it."""
        question, answer = (text if text is None else clean(text)[0] for text in (self.question, self.answer))
        return RowEdit(self.id, question, answer, self.held_out)


@dataclass
class Plan:
    """What edits come to."""

    changed: dict[str, Conversation] = field(default_factory=dict)  # examples as they will be, by id
    deleted: set[str] = field(default_factory=set)  # ids of those that go
    added: list[RowEdit] = field(default_factory=list)  # new ones, without an id yet
    # labels of the rows that would be left with a question or an answer missing
    incomplete: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)  # ids that are no longer there

    @property
    def counts(self) -> dict[str, int]:
        """How many of each, for the sentence of the version."""
        return {"added": len(self.added), "removed": len(self.deleted), "changed": len(self.changed)}

    @property
    def changes_nothing(self) -> bool:
        """Whether everything is as it was."""
        return not (self.changed or self.deleted or self.added)


def plan(rows: Rows | None, edits: Sequence[RowEdit], deleted: Sequence[str] = ()) -> Plan:
    """Works out what edits change, without writing anything."""
    made = Plan()
    cleaned = [edit.cleaned for edit in edits]
    for place, row in enumerate((row for row in cleaned if not row.id), start=len(rows or ()) + 1):
        if bool(row.question) != bool(row.answer):
            made.incomplete.append(f"#{place}")
        elif row.question:
            made.added.append(row)
    wanted = {row.id: row for row in cleaned if row.id}
    gone, seen = set(deleted), set[str]()
    for place, line in enumerate(rows.lines() if rows is not None else (), start=1):
        key = line_id(line)
        if key in gone:
            made.deleted.add(key)
        elif key in wanted:
            seen.add(key)
            _plan_change(made, place, parsed(line), wanted[key])
    made.missing = (wanted.keys() | gone) - seen - made.deleted
    return made


def _plan_change(made: Plan, place: int, old: Conversation, row: RowEdit) -> None:
    new = changed(old, row)
    if not new.question and not new.answer:
        made.deleted.add(old.id)
    elif not new.answer or (old.question and not new.question):
        made.incomplete.append(row_label(old, place))
    elif new != old:
        made.changed[old.id] = new


def applied(rows: Rows | None, made: Plan) -> Iterator[Conversation | bytes]:
    """Yields the examples of the new version in their order, the new ones last, with ids of their own."""
    last = 0
    for line in rows.lines() if rows is not None else ():
        key = line_id(line)
        last = max(last, number_of(key))
        if key not in made.deleted:
            yield made.changed.get(key, line)
    for number, row in enumerate(made.added, start=last + 1):
        flag = row.held_out.flag if row.held_out else None
        yield Conversation.pair(row.question or "", row.answer or "", id=f"e{number}", held_out=flag)


def number_of(key: str) -> int:
    """The number in an id such as ``e12``; 0 for other ids."""
    return int(key[1:]) if key[1:].isdecimal() else 0


def changed(old: Conversation, row: RowEdit) -> Conversation:
    """The conversation with its last question and last answer as the row says; its other turns stay."""
    new = old if row.answer is None else old.with_answer(row.answer)
    new = new if row.question is None else new.with_question(row.question)
    return new if row.held_out is None else new.model_copy(update={"held_out": row.held_out.flag})


@dataclass(frozen=True)
class Replacement:
    """A text that takes another's place wherever it stands."""

    find: str  # what is looked for, literally
    put: str = ""  # what takes its place
    roles: tuple[Role, ...] = (Role.USER, Role.ASSISTANT)  # of the turns that are looked at
    whole_words: bool = False  # not inside of longer words
    match_case: bool = False  # not in other letters' cases

    def within(self, conversation: Conversation) -> tuple[Conversation, int]:
        """The conversation with the text replaced, and in how many places."""
        count = 0
        messages = []
        for message in conversation.messages:
            if message.role in self.roles:
                text, found = self._pattern.subn(lambda _: self.put, message.content)
                count += found
                message = message.model_copy(update={"content": text}) if found else message
            messages.append(message)
        return (conversation.model_copy(update={"messages": tuple(messages)}), count) if count else (conversation, 0)

    def may_be_in(self, line: bytes) -> bool:
        """Whether a line of a version can hold the text: quick, and never wrong where it says no."""
        return bool(self.find) and self._quoted in line.decode(errors="replace").casefold()

    @cached_property
    def _quoted(self) -> str:
        return json.dumps(self.find, ensure_ascii=False)[1:-1].casefold()

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        literal = re.escape(self.find)
        pattern = rf"(?<!\w){literal}(?!\w)" if self.whole_words else literal
        return re.compile(pattern, 0 if self.match_case else re.IGNORECASE)
