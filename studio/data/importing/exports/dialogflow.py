"""Dialogflow: intents of both versions, and agents as they are exported, a file with phrases beside each intent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from studio.data.importing.exports.base import PAIRS, Export, has, records, some, texts
from studio.data.importing.findings import Findings
from studio.data.importing.table import Record
from studio.errors import AfinaError

_PHRASES: Final = ("trainingPhrases", "training_phrases", "userSays")
_PHRASES_FILE: Final = re.compile(r"(?:^|/)intents/(.+)_usersays_([A-Za-z-]+)\.json$")
_OF_AGENT: Final = re.compile(r"(?:^|/)(?:intents|entities)/[^/]+\.json$|(?:^|/)(?:agent|package)\.json$")


def agent_files(names: Iterable[str]) -> tuple[list[tuple[str, str]], set[str]]:
    """Of the files of an exported agent those with an intent and with its phrases, and all that belong to the agent.

    Returns:
        Pairs of names, and names; both empty where there is no agent.
    """
    known = set(names)
    found = [
        (name[: match.start(1)] + match[1] + ".json", name)
        for name in sorted(known)
        if (match := _PHRASES_FILE.search(name))
    ]
    pairs = [pair for pair in found if pair[0] in known]
    return pairs, {name for name in known if _OF_AGENT.search(name)} if pairs else set()


def agent_rows(pairs: Iterable[tuple[str, str]], load: Callable[[str], bytes]) -> Iterator[Record]:
    """The rows of an exported agent: each intent with the phrases of one language and its answers in that language."""
    for place, (intent_file, phrases_file) in enumerate(pairs, start=1):
        match = _PHRASES_FILE.search(phrases_file)
        try:
            intent, phrases = json.loads(load(intent_file)), json.loads(load(phrases_file))
        except (ValueError, RecursionError):
            raise AfinaError("data.broken_json", file=intent_file, row=1, column=1) from None
        if isinstance(intent, dict) and isinstance(phrases, list):
            yield _row(place, {**intent, "userSays": phrases}, match[2].lower() if match else "")


def _row(place: int, intent: dict[str, Any], language: str = "") -> Record:
    phrases: list[Any] = next((intent[name] for name in _PHRASES if isinstance(intent.get(name), list)), [])
    asked = [_phrase(phrase) for phrase in phrases]
    name = intent.get("displayName") or intent.get("name") or ""
    topic = name if isinstance(name, str) else ""
    answers = _answers(intent, language)
    return Record(place, {"question": list(filter(None, asked)), "answer": answers, "topic": topic})


def _phrase(phrase: Any) -> str:
    """A phrase from its parts, of which some stand for a value of an entity."""
    if not isinstance(phrase, dict):
        return str(phrase).strip()
    parts = phrase.get("parts") or phrase.get("data") or []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict)).strip()


def _answers(intent: dict[str, Any], language: str) -> list[str]:
    messages = [m for m in intent.get("messages") or [] if isinstance(m, dict)]
    for response in intent.get("responses") or []:
        if isinstance(response, dict):
            messages += [m for m in response.get("messages") or [] if isinstance(m, dict)]
    spoken = [m for m in messages if not language or str(m.get("lang", language)).lower() == language]
    found: list[str] = []
    for message in spoken:
        text = message.get("text")
        found += texts(text.get("text") if isinstance(text, dict) else message.get("speech"))
    return found


def _intents(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    for place, intent in enumerate(records(value), start=1):
        yield _row(place, intent)


def _is_half(value: Any) -> bool:
    """Whether a value is one of the two files of an intent: alone it has no questions, or no answers."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(r.get("data"), list) and "isTemplate" in r for r in some(value) or [{}])
    return isinstance(value, dict) and "responses" in value and "webhookUsed" in value and "userSays" not in value


def _half(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    raise AfinaError("data.not_readable.dialogflow", file=label)
    yield


EXPORTS: Final = (
    Export("Dialogflow", _is_half, _half, PAIRS),
    Export(
        "Dialogflow",
        has(
            lambda r: (
                any(isinstance(r.get(name), list) for name in _PHRASES) and not {"messages", "responses"}.isdisjoint(r)
            )
        ),
        _intents,
        PAIRS,
    ),
)
