"""Exports of chatbot builders: intents with patterns and responses, ChatterBot, Botpress, Rasa."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from studio.data.importing.exports.base import PAIRS, TURNS, Export, has, records, some, texts
from studio.data.importing.findings import Findings
from studio.data.importing.table import Record
from studio.errors import AfinaError

_ASKED: Final = ("patterns", "pattern", "utterances", "phrases", "examples", "training_phrases", "trainingphrases",
                 "padroes", "perguntas", "patrones", "questions", "inputs")  # fmt: skip
_ANSWERED: Final = ("responses", "response", "answers", "answer", "respostas", "resposta", "respuestas", "outputs")
_NAMED: Final = ("tag", "intent", "name", "topic", "category", "title", "categoria")
_RASA_EXAMPLE: Final = re.compile(r"^\s*-\s+(.+?)\s*$", re.M)
_ENTITY: Final = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")


def _part(record: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((value for key, value in record.items() if key.lower() in names and value is not None), None)


def _is_intents(value: Any) -> bool:
    first = some(value)
    listed = sum(isinstance(_part(r, _ASKED), list) and isinstance(_part(r, _ANSWERED), list | str) for r in first)
    return bool(first) and listed >= 0.5 * len(first) and not any("paragraphs" in r for r in first)


def _intents(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    for place, record in enumerate(records(value), start=1):
        name = _part(record, _NAMED)
        asked, answered = texts(_part(record, _ASKED)), texts(_part(record, _ANSWERED))
        yield Record(place, {"question": asked, "answer": answered, "topic": name if isinstance(name, str) else ""})


def _is_chatterbot(value: Any) -> bool:
    found = value.get("conversations") if isinstance(value, dict) else None
    return (
        isinstance(found, list) and bool(found) and all(isinstance(item, list) and texts(item) for item in found[:20])
    )


def _chatterbot(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    topics = texts(value.get("categories"))
    for place, lines in enumerate(value["conversations"], start=1):
        utterances = ["" if line is None else str(line) for line in lines] if isinstance(lines, list) else []
        yield Record(place, {"messages": utterances, "topic": topics[0] if topics else "", "id": ""})


def _botpress(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    for place, record in enumerate(records(value), start=1):
        data = record.get("data") or {}
        asked, answered = data.get("questions"), data.get("answers")
        topics = texts(data.get("contexts")) or texts(data.get("category"))
        for language in asked if isinstance(asked, dict) else [None]:
            some_asked = asked[language] if isinstance(asked, dict) else asked
            some_answered = answered.get(language) if isinstance(answered, dict) else answered
            row = {"question": texts(some_asked), "answer": texts(some_answered), "topic": next(iter(topics), "")}
            yield Record(place, row)


def _is_rasa(value: Any) -> bool:
    return isinstance(value, dict) and (
        isinstance(value.get("nlu"), list)
        or isinstance(value.get("rasa_nlu_data"), dict)
        or isinstance(value.get("stories"), list)
        or isinstance(value.get("rules"), list)
        or (isinstance(value.get("responses"), dict) and any(str(k).startswith("utter_") for k in value["responses"]))
    )


def _rasa(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    """Phrases with the response named after their intent. Phrases alone have no answers, and are refused."""
    intents, responses = value.get("nlu"), value.get("responses")
    if not isinstance(intents, list) or not isinstance(responses, dict):
        raise AfinaError("data.not_readable.rasa", file=label)
    for place, intent in enumerate(intents, start=1):
        name = str(intent.get("intent", "")) if isinstance(intent, dict) else ""
        utterances = responses.get(f"utter_{name}") or responses.get(f"utter_{name.split('/')[-1]}") or []
        answers = [str(item["text"]) for item in utterances if isinstance(item, dict) and item.get("text")]
        asked = (
            [_ENTITY.sub(r"\1", phrase) for phrase in _RASA_EXAMPLE.findall(str(intent.get("examples", "")))]
            if name
            else []
        )
        if asked:
            yield Record(place, {"question": asked, "answer": answers, "topic": name})


EXPORTS: Final = (
    Export("Rasa", _is_rasa, _rasa, PAIRS),
    Export("ChatterBot", _is_chatterbot, _chatterbot, TURNS),
    Export(
        "Botpress",
        has(lambda r: isinstance(data := r.get("data"), dict) and {"questions", "answers"} <= data.keys()),
        _botpress,
        PAIRS,
    ),
    Export("intents", _is_intents, _intents, PAIRS),
)
