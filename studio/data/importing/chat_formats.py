"""Conversations as lists of turns, in the dialects of OpenAI, ShareGPT and their relatives; and written as one text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from studio.data.limits import MAX_CELL
from studio.data.text import clean, plain
from studio.domain.conversation import Message, Role

_TURN_KEYS: Final = (
    "messages",
    "conversations",
    "conversation",
    "turns",
    "dialog",
    "dialogue",
    "chat",
    "utterances",
    "log",
)
_WHO: Final = ("role", "from", "speaker", "author", "sender")
_WHAT: Final = ("content", "value", "text", "message", "utterance", "parts")
_THOUGHT: Final = ("reasoning", "thinking", "redacted_thinking")
_USER: Final = Role.USER
MEDIA_MARK: Final = re.compile(r"<(image|video|audio)>")
LABEL: Final = re.compile(r"(?:^|\n)\s*(?:#+\s*)?(Human|User|Assistant|Cliente|Customer|Agent|Atendente|Bot):\s*", re.I)
_ROLES: Final[dict[str, Role]] = {
    **dict.fromkeys(("system", "developer"), Role.SYSTEM),
    **dict.fromkeys(
        ("user", "human", "customer", "client", "cliente", "prompter", "usuario", "visitor", "end user", "requester",
         "inbound", "incoming", "solicitante", "consumidor", "guest", "caller", "buyer", "comprador", "contact", "shopper",
         "end_user", "lead", "hospede", "paciente", "aluno", "visitante"),
        Role.USER,
    ),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "chatgpt", "model", "agent", "agente", "atendente", "function call", "tool call",
         "ai", "support", "suporte", "sac", "outbound", "outgoing", "empresa", "staff", "operator", "operador", "seller", "vendedor", "rep", "representative", "advisor", "consultor", "admin",
         "chatbot", "assistente", "asistente"),
        Role.ASSISTANT,
    ),
    **dict.fromkeys(("tool", "function", "observation", "tool response", "ipython"), Role.TOOL),
}  # fmt: skip


@dataclass(frozen=True)
class Converted:
    """What became of a record."""

    messages: tuple[Message, ...] = ()  # the turns; empty where the record cannot be used
    problem: str | None = None  # code of the problem that kept it out
    note: str | None = None  # code of something worth knowing about a record that was kept
    # codes of what was left out of a record that was kept, and how many of each
    left_out: tuple[tuple[str, int], ...] = ()


def role_of(who: Any) -> Role | None:
    """The role that a speaker's name stands for; None for a person's name."""
    if isinstance(who, dict):  # the author as an object
        who = who.get("role") or who.get("type")
    return _ROLES.get(plain(str(who or "")))


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

    Turns after the last answer are left out; a conversation without a question or an answer is a problem.
    """
    messages: list[Message] = []
    damaged = False
    listed = _spoken(turns) if isinstance(turns, list) else []
    for turn in listed:
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
            learn = role is not Role.ASSISTANT or weight not in (0, 0.0, False)
            messages.append(Message(role=role, content=cleaned, learn=learn))
    if system and not any(message.role is Role.SYSTEM for message in messages):
        messages.insert(0, Message(role=Role.SYSTEM, content=clean(system)[0]))
    unanswered = next((n for n, m in enumerate(reversed(messages)) if m.role is Role.ASSISTANT), 0)
    made = finished(_merged(messages), damaged)
    if unanswered and made.problem is None:
        made = replace(made, left_out=(*made.left_out, ("data.turns_after", unanswered)))
    return made


def _spoken(turns: list[Any]) -> list[Any]:
    """Turns in which each says who speaks: texts without a speaker alternate, and a customer begins.

    Where ``system`` answers a user and nobody else does, as in MultiWOZ, it is the assistant.
    """
    if turns and all(isinstance(turn, str) for turn in turns):
        turns = [{"text": text} for text in turns]
    if turns and all(isinstance(turn, dict) and not any(turn.get(key) for key in _WHO) for turn in turns):
        return [{**turn, "role": ("user", "assistant")[n % 2]} for n, turn in enumerate(turns)]
    who = [
        role_of(next((turn[key] for key in _WHO if turn.get(key)), "")) if isinstance(turn, dict) else None
        for turn in turns
    ]
    if Role.ASSISTANT not in who and _USER in who and Role.SYSTEM in who[who.index(_USER) :]:
        return [
            {**turn, "role": "assistant"} if role is Role.SYSTEM else turn
            for turn, role in zip(turns, who, strict=True)
        ]
    return turns


def turns_column(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str | None:
    for column in sorted(columns, key=lambda c: c.lower() not in _TURN_KEYS):
        values = [row.get(column) for row in rows if row.get(column)]
        named = column.lower() in _TURN_KEYS
        if values and sum(_are_turns(parsed(value), named) for value in values) >= 0.5 * len(values):
            return column
    return None


def _are_turns(value: Any, named: bool) -> bool:
    """Whether a value is a list of turns; where the column is named for it, they need not say who speaks."""
    if named and isinstance(value, list) and len(value) >= 2:
        plain_texts = all(isinstance(turn, str) for turn in value)
        if plain_texts or all(isinstance(turn, dict) and isinstance(turn.get("text"), str) for turn in value):
            return True
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


def finished(messages: list[Message], damaged: bool = False) -> Converted:
    """Checks that turns make an example: a question first, an answer last."""
    while messages and messages[-1].role is not Role.ASSISTANT:
        messages.pop()
    if not messages:
        return Converted(problem="data.no_answer")
    if _USER not in [message.role for message in messages]:
        return Converted(problem="data.no_question")
    if max([len(message.content) for message in messages]) > MAX_CELL:
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
            media |= bool(MEDIA_MARK.search(part))
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


def transcript(text: str) -> list[dict[str, str]]:
    """Turns of a text such as ``Human: … Assistant: …``."""
    parts = LABEL.split(text)
    return [{"role": who, "content": content} for who, content in zip(parts[1::2], parts[2::2], strict=True)]
