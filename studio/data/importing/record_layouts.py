"""From a record to a conversation: mapped columns, turns as training tools write them, preferences, chat logs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from studio.data.importing.chat_formats import (
    LABEL,
    MEDIA_MARK,
    Converted,
    finished,
    from_turns,
    parsed,
    role_of,
    transcript,
    turns_column,
)
from studio.data.importing.column_content import inner_text
from studio.data.importing.column_mapping import guess
from studio.data.importing.column_names import exact_role, header_role
from studio.data.importing.prompt_templates import unwrap
from studio.data.text import clean, plain
from studio.domain.conversation import Message, Role
from studio.domain.dataset import ColumnRole, Mapping

_MEDIA_KEYS: Final = frozenset(("images", "image", "videos", "video", "audios", "audio"))
_PASSAGE: Final = frozenset(
    ["text", "content", "raw_content", "document", "passage", "body", "texto", "conteudo", "contenido", "documento"]
)
_PASSAGE_LENGTH: Final = 200  # characters on average: shorter texts are something else
# The apostrophe with which a spreadsheet, or our own export, marks "text, no formula".
_MARKED: Final = re.compile(r"(?:\A|(?<=[;|\t\r\n]))([\s\"]*)'(?=[=+\-@])")
_BEGINNING: Final = re.compile(r"\A.{20,300}?[.!?…:。！？](?=\s|$)|\A.{20,200}(?=\s)", re.S)


class Kind(StrEnum):
    """How the records of a table are laid out."""

    COLUMNS = "columns"
    TURNS = "turns"
    PREFERENCE = "preference"
    TRANSCRIPT = "transcript"
    PASSAGES = "passages"
    TEMPLATE = "template"


@dataclass(frozen=True)
class Layout:
    """How the records of a table are laid out."""

    kind: Kind  # the way
    column: str | None = None  # that holds the turns, or the texts
    then: str | None = None  # column with the turns that come after those of ``column``


def layout(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Layout:
    """How the records are laid out, from their columns and some of the first rows."""
    names = {column.lower() for column in columns}
    if {"chosen", "rejected"} <= names or {"chosen_messages", "rejected_messages"} <= names:
        before = [column for column in columns if not column.lower().startswith(("chosen", "rejected"))]
        return Layout(Kind.PREFERENCE, turns_column(before, rows))
    column = turns_column(columns, rows)
    if column is not None:
        completion = turns_column([name for name in columns if name.lower() == "completion"], rows)
        if column.lower() == "prompt" and completion is not None:
            return Layout(Kind.TURNS, column, completion)
        return Layout(Kind.TURNS, column)
    if len(columns) <= 2 and not _wrapped(columns, rows):
        for name in columns:
            texts = [row[name] for row in rows if isinstance(row.get(name), str)]
            if texts and sum(len(LABEL.findall(text)) >= 2 for text in texts) > 0.8 * len(texts):
                return Layout(Kind.TRANSCRIPT, name)
    if (wrapped := _wrapped(columns, rows)) is not None:
        return Layout(Kind.TEMPLATE, wrapped)
    passages = _passages(columns, rows)
    return Layout(Kind.PASSAGES, passages) if passages else Layout(Kind.COLUMNS)


def convert(values: dict[str, Any], how: Layout, mapping: Mapping) -> Converted:
    """The conversation of a record."""
    if not _MEDIA_KEYS.isdisjoint(values) and any(values.get(key) for key in _MEDIA_KEYS):
        return Converted(problem="data.media")
    if how.kind is Kind.PREFERENCE:
        return _from_preference(values, how, mapping)
    if how.kind is Kind.TRANSCRIPT:
        return from_turns(transcript(shown(values.get(how.column or ""))))
    if how.kind is Kind.TEMPLATE:
        unwrapped = unwrap(shown(values.get(how.column or "")))
        return from_turns(unwrapped.turns, _system(values)) if unwrapped else Converted(problem="data.no_template")
    if how.kind is Kind.PASSAGES:
        return _from_passage(shown(values.get(how.column or "")))
    if _is_disliked(values, how):
        return Converted(problem="data.not_preferred")
    if how.kind is Kind.TURNS and values.get(how.column or "") is not None:
        return from_turns(_turns(values, how), _system(values))
    if how.kind is Kind.TURNS or values.keys().isdisjoint((*mapping.question, *mapping.answer)):
        return _of_another_shape(values)
    return _from_columns(values, mapping)


def _of_another_shape(values: dict[str, Any]) -> Converted:
    """The conversation of a record that has none of the fields of the others: lists may hold records of many shapes."""
    if (column := turns_column(list(values), [values])) is not None:
        return from_turns(parsed(values[column]), _system(values))
    return _from_columns(values, guess(list(values), [values]).mapping)


def _turns(values: dict[str, Any], how: Layout) -> Any:
    first, then = parsed(values.get(how.column or "")), parsed(values.get(how.then or ""))
    return [*first, *then] if isinstance(first, list) and isinstance(then, list) else first


def _is_disliked(values: dict[str, Any], how: Layout) -> bool:
    """Whether a record is marked as a bad answer, as KTO sets do; a `label` of a table may be about anything else."""
    if "kto_tag" not in values and "label" not in values:
        return False
    marks = [values.get("kto_tag")]
    if how.kind is Kind.TURNS or "completion" in values:
        marks.append(values.get("label"))
    return any(mark is False or str(mark).lower() == "false" for mark in marks)


def _passages(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str | None:
    """The column of texts, where a table is nothing else: what language models are first made from."""
    named = [column for column in columns if plain(column).replace(" ", "_") in _PASSAGE]
    if len(named) != 1:
        return None
    for column in columns:
        texts = [shown(row.get(column)) for row in rows]
        long = sum(map(len, texts)) >= _PASSAGE_LENGTH * max(1, len(texts))
        if long != (column == named[0]) or (column != named[0] and any(len(t.split()) > 3 for t in texts)):
            return None
    return named[0]


def _wrapped(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str | None:
    """The column in which whole conversations are written as a template has them, where no other has the answers."""
    if {exact_role(column) for column in columns} >= {ColumnRole.QUESTION, ColumnRole.ANSWER}:
        return None
    roles = {header_role(column) for column in columns}
    if {(ColumnRole.QUESTION, 1.0), (ColumnRole.ANSWER, 1.0)} <= roles:
        return None
    for column in columns:
        texts = [row[column] for row in rows if isinstance(row.get(column), str) and row[column].strip()]
        if texts and sum(unwrap(text) is not None for text in texts) >= 0.8 * len(texts):
            return column
    return None


def wordings(values: dict[str, Any], mapping: Mapping) -> tuple[list[dict[str, Any]], int]:
    """A record whose question is a list, as one record a wording; and how many answers after the first there are.

    Those are kept beside the example, as ``other answers``.
    """
    lists = [name for name in (*mapping.question, *mapping.answer) if isinstance(values.get(name), list | dict)]
    if not lists:
        return [values], 0
    values = dict(values)
    others: list[str] = []
    for name in mapping.answer:
        several = _several(values.get(name))
        others += several[1:]
    if others:
        values["other answers"] = others
    asked = _several(values.get(mapping.question[0])) if len(mapping.question) == 1 else []
    if len(asked) < 2:
        return [values], len(others)
    return [{**values, mapping.question[0]: wording} for wording in asked], len(others)


def _several(value: Any) -> list[str]:
    """The different texts of a value that is a list of them; none for any other."""
    inner = inner_text(value)
    value = value if inner is None else inner
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return []
    return list(dict.fromkeys(item.strip() for item in value if item.strip()))


def _from_passage(text: str) -> Converted:
    """The beginning of a text as what is said first, the rest as how it goes on."""
    whole, damaged = clean(text)
    begins = _BEGINNING.match(whole)
    rest = whole[begins.end() :].strip() if begins else ""
    if begins is None or not rest:
        return Converted(problem="data.no_answer")
    turns = ((Role.USER, begins[0].strip()), (Role.ASSISTANT, rest))
    return finished([Message(role=role, content=content) for role, content in turns], damaged)


def _from_preference(values: dict[str, Any], how: Layout, mapping: Mapping) -> Converted:
    """The preferred answer after its question; the rejected one is not learned from."""
    chosen = parsed(values.get("chosen_messages") or values.get("chosen"))
    before = parsed(values.get(how.column)) if how.column else parsed(values.get("prompt"))
    if isinstance(chosen, str) and len(LABEL.findall(chosen)) >= 2:
        return from_turns(transcript(chosen))
    if isinstance(chosen, str):
        chosen = [{"role": "assistant", "content": chosen}]
    elif isinstance(chosen, dict):
        chosen = [chosen]
    if not isinstance(chosen, list):
        return Converted(problem="data.no_answer")
    if any(isinstance(turn, dict) and role_of(turn.get("role", turn.get("from"))) is Role.USER for turn in chosen):
        return from_turns(chosen, _system(values))
    if not isinstance(before, list):
        columns = [name for name in mapping.question if name not in ("chosen", "rejected")]
        question = _joined(values, columns)[0]
        before = [{"role": "user", "content": question}] if question else []
    return from_turns([*before, *chosen], _system(values))


def _from_columns(values: dict[str, Any], mapping: Mapping) -> Converted:
    question, dirty_question = _joined(values, mapping.question)
    answer, dirty_answer = _joined(values, mapping.answer)
    system, _ = _joined(values, mapping.system)
    if (problem := _pair_problem(question, answer)) is not None:
        return Converted(problem=problem)
    messages = [Message(role=Role.SYSTEM, content=system)] if system else []
    for pair in _history(values.get("history")):
        messages += [Message(role=Role.USER, content=pair[0]), Message(role=Role.ASSISTANT, content=pair[1])]
    messages += [Message(role=Role.USER, content=question), Message(role=Role.ASSISTANT, content=answer)]
    return finished(messages, dirty_question or dirty_answer)


def _pair_problem(question: str, answer: str) -> str | None:
    """Code of what keeps a question with its answer from being an example."""
    if not question or not answer:
        return "data.no_answer" if question else "data.no_question" if answer else "data.no_pair"
    return "data.media" if "<" in question and MEDIA_MARK.search(question) else None


def _history(value: Any) -> list[tuple[str, str]]:
    """The earlier turns of an Alpaca record: a list of pairs."""
    pairs = parsed(value) if value else None
    if not isinstance(pairs, list):
        return []
    return [
        (clean(str(pair[0]))[0], clean(str(pair[1]))[0])
        for pair in pairs
        if isinstance(pair, list | tuple) and len(pair) == 2 and pair[0] and pair[1]
    ]


def _system(values: dict[str, Any]) -> str | None:
    text = values.get("system") or values.get("system_prompt")
    return text.strip() or None if isinstance(text, str) else None


def _joined(values: dict[str, Any], columns: Sequence[str]) -> tuple[str, bool]:
    """The text of one or several cells, cleaned; and whether something was taken out."""
    texts = []
    damaged = False
    for column in columns:
        text, dirty = clean(shown(values.get(column)))
        damaged |= dirty
        if "'" in text:
            text = _MARKED.sub(r"\1", text)
        if text:
            texts.append(text)
    return "\n".join(texts), damaged


def shown(value: Any) -> str:
    """A value as text; empty for what stands for nothing. Of a list of answers the first, which tools rank highest."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if (inner := inner_text(value)) is not None:
        value = inner
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value[0] if value else ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
