"""From a record to a conversation: mapped columns, turns as training tools write them, preferences, chat logs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from studio.data.limits import MAX_CELL
from studio.data.text import clean, plain
from studio.domain.conversation import Message, Role
from studio.domain.dataset import Mapping

_TURN_KEYS: Final = ("messages", "conversations", "conversation", "turns", "dialog", "dialogue", "chat")
_WHO: Final = ("role", "from", "speaker", "author", "sender")
_WHAT: Final = ("content", "value", "text", "message", "parts")
_MEDIA_KEYS: Final = ("images", "image", "videos", "video", "audios", "audio")
_THOUGHT: Final = ("reasoning", "thinking", "redacted_thinking")
_MEDIA_MARK: Final = re.compile(r"<(image|video|audio)>")
_LABEL: Final = re.compile(
    r"(?:^|\n)\s*(?:#+\s*)?(Human|User|Assistant|Cliente|Customer|Agent|Atendente|Bot):\s*", re.I
)
_ROLES: Final[dict[str, Role]] = {
    **dict.fromkeys(("system", "developer"), Role.SYSTEM),
    **dict.fromkeys(
        ("user", "human", "customer", "client", "cliente", "prompter", "usuario", "visitor", "end user", "requester",
         "inbound", "incoming", "solicitante", "consumidor"),
        Role.USER,
    ),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "chatgpt", "model", "agent", "agente", "atendente", "function call", "tool call",
         "ai", "support", "suporte", "sac", "outbound", "outgoing", "empresa", "staff", "operator", "operador"),
        Role.ASSISTANT,
    ),
    **dict.fromkeys(("tool", "function", "observation", "tool response", "ipython"), Role.TOOL),
}  # fmt: skip


class Kind(StrEnum):
    """How the records of a table are laid out."""

    COLUMNS = "columns"
    TURNS = "turns"
    PREFERENCE = "preference"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True)
class Layout:
    """How the records of a table are laid out, and the column that holds the turns, if one does."""

    kind: Kind
    column: str | None = None


@dataclass(frozen=True)
class Converted:
    """What became of a record.

    Args:
        messages: the turns; empty where the record cannot be used.
        problem: code of the problem that kept it out.
        note: code of something worth knowing about a record that was kept.
    """

    messages: tuple[Message, ...] = ()
    problem: str | None = None
    note: str | None = None


def role_of(who: Any) -> Role | None:
    """The role that a speaker's name stands for; None for a person's name."""
    return _ROLES.get(plain(str(who or "")))


def layout(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Layout:
    """How the records are laid out, from their columns and some of the first rows."""
    names = {column.lower() for column in columns}
    if {"chosen", "rejected"} <= names or {"chosen_messages", "rejected_messages"} <= names:
        before = [column for column in columns if not column.lower().startswith(("chosen", "rejected"))]
        return Layout(Kind.PREFERENCE, _turns_column(before, rows))
    column = _turns_column(columns, rows)
    if column is not None:
        return Layout(Kind.TURNS, column)
    if len(columns) <= 2:
        for name in columns:
            texts = [row[name] for row in rows if isinstance(row.get(name), str)]
            if texts and sum(len(_LABEL.findall(text)) >= 2 for text in texts) > 0.8 * len(texts):
                return Layout(Kind.TRANSCRIPT, name)
    return Layout(Kind.COLUMNS)


def convert(values: dict[str, Any], how: Layout, mapping: Mapping) -> Converted:
    """The conversation of a record."""
    if any(values.get(key) for key in _MEDIA_KEYS):
        return Converted(problem="data.media")
    if how.kind is Kind.PREFERENCE:
        return _from_preference(values, how, mapping)
    if how.kind is Kind.TRANSCRIPT:
        return from_turns(_transcript(shown(values.get(how.column or ""))))
    if how.kind is Kind.TURNS:
        if values.get("label") is False:
            return Converted(problem="data.not_preferred")
        return from_turns(parsed(values.get(how.column or "")), _system(values))
    return _from_columns(values, mapping)


def parsed(value: Any) -> Any:
    """A list of turns that a table keeps as JSON text, as a list."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def from_turns(turns: Any, system: str | None = None) -> Converted:
    """The conversation of a list of turns, in the dialects of OpenAI, ShareGPT and their relatives.

    Turns after the last answer are dropped; a conversation without a question or an answer is a problem.
    """
    messages: list[Message] = []
    damaged = False
    for turn in turns if isinstance(turns, list) else []:
        if not isinstance(turn, dict):
            return Converted(problem="data.bad_turn")
        role = role_of(next((turn[key] for key in _WHO if turn.get(key)), ""))
        if role is None:
            return Converted(problem="data.bad_turn")
        text, has_media = _content(turn)
        if has_media:
            return Converted(problem="data.media")
        cleaned, dirty = clean(text)
        damaged |= dirty
        if cleaned:
            weight = turn.get("weight", turn.get("loss_weight"))
            messages.append(Message(role=role, content=cleaned, learn=weight not in (0, 0.0, False)))
    if system and not any(message.role is Role.SYSTEM for message in messages):
        messages.insert(0, Message(role=Role.SYSTEM, content=clean(system)[0]))
    return _finished(_merged(messages), damaged)


def _turns_column(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str | None:
    for column in sorted(columns, key=lambda c: c.lower() not in _TURN_KEYS):
        values = [row.get(column) for row in rows if row.get(column)]
        if values and sum(_are_turns(parsed(value)) for value in values) >= 0.5 * len(values):
            return column
    return None


def _are_turns(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(turn, dict)
            and any(key in turn for key in _WHO)
            and any(key in turn for key in (*_WHAT, "tool_calls", "function_call"))
            for turn in value
        )
    )


def _finished(messages: list[Message], damaged: bool = False) -> Converted:
    """Checks that turns make an example: a question first, an answer last."""
    while messages and messages[-1].role is not Role.ASSISTANT:
        messages.pop()
    if not messages:
        return Converted(problem="data.no_answer")
    if not any(message.role is Role.USER for message in messages):
        return Converted(problem="data.no_question")
    if any(len(message.content) > MAX_CELL for message in messages):
        return Converted(problem="data.cell_too_long")
    return Converted(tuple(messages), note="data.control_characters" if damaged else None)


def _merged(messages: list[Message]) -> list[Message]:
    """Turns where nobody speaks twice in a row: chat templates expect the speakers to alternate."""
    merged: list[Message] = []
    for message in messages:
        last = merged[-1] if merged else None
        if last is not None and last.role is message.role and last.learn == message.learn:
            merged[-1] = last.model_copy(update={"content": f"{last.content}\n{message.content}"})
        else:
            merged.append(message)
    return merged


def _content(turn: dict[str, Any]) -> tuple[str, bool]:
    """The text of a turn, tool calls as JSON, and whether it has pictures or sound."""
    value = next((turn[key] for key in _WHAT if turn.get(key) is not None), "")
    texts: list[str] = []
    media = False
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            media |= bool(_MEDIA_MARK.search(part))
            texts.append(part)
        elif isinstance(part, dict):
            text = part.get("text", part.get("value", part.get("content")))
            kind = str(part.get("type", "text"))
            if kind in _THOUGHT:
                continue  # what a model thought is no part of what a customer is told
            media |= not isinstance(text, str) or any(word in kind for word in ("image", "audio", "video"))
            texts.append(text if isinstance(text, str) else "")
        elif part is not None:
            texts.append(json.dumps(part, ensure_ascii=False))
    calls = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
    for call in calls if isinstance(calls, list) else [calls]:
        texts.append(json.dumps(call.get("function", call) if isinstance(call, dict) else call, ensure_ascii=False))
    return "\n".join(text for text in texts if text), media


def _from_preference(values: dict[str, Any], how: Layout, mapping: Mapping) -> Converted:
    """The preferred answer after its question; the rejected one is not learned from."""
    chosen = parsed(values.get("chosen_messages") or values.get("chosen"))
    before = parsed(values.get(how.column)) if how.column else parsed(values.get("prompt"))
    if isinstance(chosen, str) and len(_LABEL.findall(chosen)) >= 2:
        return from_turns(_transcript(chosen))
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


def _transcript(text: str) -> list[dict[str, str]]:
    """Turns of a text such as ``Human: … Assistant: …``."""
    parts = _LABEL.split(text)
    return [{"role": who, "content": said} for who, said in zip(parts[1::2], parts[2::2], strict=True)]


def _from_columns(values: dict[str, Any], mapping: Mapping) -> Converted:
    question, dirty_question = _joined(values, mapping.question)
    answer, dirty_answer = _joined(values, mapping.answer)
    system, _ = _joined(values, mapping.system)
    if not question and not answer:
        return Converted(problem="data.no_pair")
    if not question:
        return Converted(problem="data.no_question")
    if not answer:
        return Converted(problem="data.no_answer")
    if _MEDIA_MARK.search(question):
        return Converted(problem="data.media")
    messages = [Message(role=Role.SYSTEM, content=system)] if system else []
    for pair in _history(values.get("history")):
        messages += [Message(role=Role.USER, content=pair[0]), Message(role=Role.ASSISTANT, content=pair[1])]
    messages += [Message(role=Role.USER, content=question), Message(role=Role.ASSISTANT, content=answer)]
    return _finished(messages, dirty_question or dirty_answer)


def _history(value: Any) -> list[tuple[str, str]]:
    """The earlier turns of an Alpaca record: a list of pairs."""
    pairs = parsed(value)
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
    texts = []
    damaged = False
    for column in columns:
        text, dirty = clean(shown(values.get(column)))
        damaged |= dirty
        if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@"):
            text = text[1:]  # the apostrophe with which a spreadsheet, or our own export, marks "text, no formula"
        if text:
            texts.append(text)
    return "\n".join(texts), damaged


def shown(value: Any) -> str:
    """A value as text; empty for what stands for nothing. Of a list of answers the first, which tools rank highest."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, dict) and isinstance(value.get("text"), list):  # SQuAD's {"text": […], "answer_start": […]}
        value = value["text"]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value[0] if value else ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
