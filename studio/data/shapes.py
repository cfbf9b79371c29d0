"""From a record to a conversation: a row with mapped columns, or turns as training tools write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from studio.data.limits import MAX_CELL
from studio.data.mapping import held_out_value
from studio.data.text import clean
from studio.domain.conversation import Message, Role
from studio.domain.dataset import Mapping

_TURN_KEYS: Final = ("messages", "conversations", "conversation", "turns", "dialog", "dialogue", "chat")
_WHO: Final = ("role", "from", "speaker", "author", "sender")
_WHAT: Final = ("content", "value", "text", "message", "parts")
_ROLES: Final[dict[str, Role]] = {
    **dict.fromkeys(("system", "developer"), Role.SYSTEM),
    **dict.fromkeys(("user", "human", "customer", "client", "cliente", "prompter", "usuario", "visitor"), Role.USER),
    **dict.fromkeys(
        (
            "assistant",
            "gpt",
            "bot",
            "chatgpt",
            "model",
            "agent",
            "agente",
            "atendente",
            "function_call",
            "tool_call",
            "ai",
        ),
        Role.ASSISTANT,
    ),
    **dict.fromkeys(("tool", "function", "observation", "tool_response", "ipython"), Role.TOOL),
}


@dataclass(frozen=True)
class Converted:
    """What became of a record.

    Args:
        messages: the turns; empty where the record cannot be used.
        problem: code of the problem that kept it out, or of a note about it.
        note: code of something worth knowing about a record that was kept.
    """

    messages: tuple[Message, ...] = ()
    problem: str | None = None
    note: str | None = None


def turns_key(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str | None:
    """The column that holds lists of turns, if there is one."""
    for column in sorted(columns, key=lambda c: c.lower() not in _TURN_KEYS):
        values = [row.get(column) for row in rows if row.get(column)]
        if values and sum(_are_turns(parsed(value)) for value in values) >= 0.5 * len(values):
            return column
    return None


def parsed(value: Any) -> Any:
    """A list of turns that a table keeps as JSON text, as a list."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _are_turns(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(turn, dict) and any(k in turn for k in _WHO) and any(k in turn for k in (*_WHAT, "tool_calls"))
            for turn in value
        )
    )


def from_turns(turns: Any, system: str | None = None) -> Converted:
    """The conversation of a list of turns, in the dialects of OpenAI, ShareGPT and their relatives.

    Turns after the last answer are dropped; a conversation without a question or an answer is a problem.
    """
    messages: list[Message] = [Message(role=Role.SYSTEM, content=system)] if system else []
    media = damaged = False
    for turn in turns if isinstance(turns, list) else []:
        if not isinstance(turn, dict):
            return Converted(problem="data.bad_turn")
        who = str(next((turn[key] for key in _WHO if turn.get(key)), "")).strip().lower()
        role = _ROLES.get(who)
        if role is None:
            return Converted(problem="data.bad_turn")
        text, has_media = _content(turn)
        media |= has_media
        cleaned, dirty = clean(text)
        damaged |= dirty
        if cleaned:
            learn = turn.get("weight") not in (0, 0.0, False)
            messages.append(Message(role=role, content=cleaned, learn=learn))
    if media:
        return Converted(problem="data.media")
    return finished(_merged(messages), damaged)


def finished(messages: list[Message], damaged: bool = False) -> Converted:
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
            texts.append(part)
        elif isinstance(part, dict):
            kind = str(part.get("type", "text"))
            text = part.get("text", part.get("value", part.get("content")))
            if isinstance(text, str) and "image" not in kind and "audio" not in kind and "video" not in kind:
                texts.append(text)
            else:
                media = True
        elif part is not None:
            texts.append(json.dumps(part, ensure_ascii=False))
    for call in turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else []):
        texts.append(json.dumps(call.get("function", call) if isinstance(call, dict) else call, ensure_ascii=False))
    return "\n".join(texts), media


def from_columns(values: dict[str, Any], mapping: Mapping) -> Converted:
    """The conversation of a row: what its mapped columns hold."""
    question, dirty_question = _joined(values, mapping.question)
    answer, dirty_answer = _joined(values, mapping.answer)
    system, _ = _joined(values, mapping.system)
    if not question and not answer:
        return Converted(problem="data.no_pair")
    if not question:
        return Converted(problem="data.no_question")
    if not answer:
        return Converted(problem="data.no_answer")
    messages = [Message(role=Role.SYSTEM, content=system)] if system else []
    messages += [Message(role=Role.USER, content=question), Message(role=Role.ASSISTANT, content=answer)]
    return finished(messages, dirty_question or dirty_answer)


def held_out_of(values: dict[str, Any], mapping: Mapping) -> bool | None:
    """What the row says about being kept for the test."""
    return held_out_value(values.get(mapping.held_out)) if mapping.held_out else None


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
    """A value as text; empty for what stands for nothing."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
