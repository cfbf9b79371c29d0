"""What is wrapped around records in JSON: objects in objects, categories that hold the questions, texts by their question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from studio.data.importing.chat_formats import turns_column
from studio.data.importing.column_mapping import guess
from studio.data.text import words

_WORDS: Final = 3  # on average, of what is a text and no name of a field or a value of a setting
_SAMPLE: Final = 20
_SETTINGS: Final = words(
    "name title description version author license url homepage language lang locale email id type date created updated test "
    "start build nome titulo descricao versao autor idioma nombre descripcion"
)


def single_part(value: dict[str, Any]) -> Any:
    """The only list or object that stands in an object beside plain values, as in ``{"status": "ok", "data": {…}}``."""
    parts = [item for item in value.values() if isinstance(item, dict | list) and item]
    if len(parts) != 1:
        return None
    part = parts[0]
    is_record = isinstance(part, dict) and (turns_column(list(part), [part]) is not None or has_pair(part))
    return None if is_record and len(value) == 1 else part  # a record under its own name


def is_text_by_question(value: Any) -> bool:
    """Whether an object has questions as keys and answers as values, and is no list of settings."""
    if not isinstance(value, dict) or not value or not all(isinstance(item, str) for item in value.values()):
        return False
    names = [str(key) for key in value]
    if not _SETTINGS.isdisjoint(map(str.lower, names)):
        return False
    wordy = sum(len(text.split()) for text in value.values()) >= _WORDS * len(value)
    asking = sum(name.rstrip().endswith("?") for name in names)
    return asking >= 0.5 * len(names) or (wordy and not has_pair(value))


def texts_by_topic(value: dict[str, Any]) -> list[dict[str, str]] | None:
    """The records of ``{"Delivery": {"How long …?": "Three days.", …}, …}``; None for any other object."""
    if not value or not all(
        is_text_by_question(part) and any(str(key).rstrip().endswith("?") for key in part) for part in value.values()
    ):
        return None
    return [
        {"question": question, "answer": answer, "topic": topic}
        for topic, part in value.items()
        for question, answer in part.items()
    ]


def inside_wrappers(items: Sequence[Any]) -> list[Any] | None:
    """The records inside records that only wrap them: ``[{"id": 1, "attributes": {…}}, …]`` of an interface.

    Returns:
        Those records, each with what its wrapper says beside them; None where the records are no wrappers.
    """
    records = [item for item in items[:_SAMPLE] if isinstance(item, dict)]
    if not records or any(has_pair(record) for record in records[:3]):
        return None
    names = [name for name, part in records[0].items() if isinstance(part, dict) and has_pair(part)]
    if len(names) != 1 or not all(isinstance(record.get(names[0]), dict) for record in records):
        return None
    name = names[0]
    return [
        {**{key: part for key, part in item.items() if key != name}, **item[name]}
        if isinstance(item, dict) and isinstance(item.get(name), dict)
        else item
        for item in items
    ]


def inside_categories(items: Sequence[Any]) -> list[dict[str, Any]] | None:
    """The records inside records that are categories: ``[{"name": "Delivery", "faqs": [{…}, …]}, …]``.

    Returns:
        Those records, each with what its category says beside them; None where the records are no categories.
    """
    records = [item for item in items[:_SAMPLE] if isinstance(item, dict)]
    if not records or any(has_pair(record) for record in records[:3]):
        return None
    names = {
        name
        for record in records
        for name, part in record.items()
        if isinstance(part, list) and part and all(isinstance(item, dict) for item in part)
    }
    if len(names) != 1:
        return None
    name = names.pop()
    if not all(isinstance(item, dict) and isinstance(item.get(name) or [], list) for item in items):
        return None  # what is no category would be left out without a word
    inner = [item for record in records for item in record.get(name) or [] if isinstance(item, dict)]
    if not inner or not guess(list(inner[0]), inner[:_SAMPLE]).by_header:
        return None
    found: list[dict[str, Any]] = []
    for record in items:
        topic = next((part for part in record.values() if isinstance(part, str)), "")
        found += [{"topic": topic, **item} for item in record.get(name) or [] if isinstance(item, dict)]
    return found


def has_pair(record: dict[str, Any]) -> bool:
    """Whether the fields of a record say that one asks and another answers."""
    return guess(list(record), [record]).by_header
