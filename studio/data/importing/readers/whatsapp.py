"""A chat exported from WhatsApp: both date styles, messages of several lines, system lines and media left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from studio.data.importing.exports.base import CHAT, by_pause
from studio.data.importing.table import Reader, SourceFile, Table
from studio.data.text import lines
from studio.domain.problem import Severity

_DATE: Final = r"(\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}),?\s+(\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?\s?m\.?)?)"
_LINE: Final = re.compile(rf"^\[?{_DATE}\]?\s*(?:-\s)?\s*(.*)$", re.I | re.S)
_SAID: Final = re.compile(r"^([^:]{1,80}?):\s(.*)$", re.S)
_MARKS: Final = str.maketrans("\u202f\xa0", "  ", "\u200e\u200f\u202a\u202c\ufeff")
_MEDIA: Final = re.compile(
    r"^<?\s*(m[ií]dia oculta|media omitted|multimedia omitido|arquivo de m[ií]dia oculto)\s*>?$"
    r"|^(imagem|v[ií]deo|[áa]udio|figurinha|documento|gif|image|video|audio|sticker|document|contact card|imagen)"
    r"\s+(ocultad[oa]|omitid[oa]|omitted)$"
    r"|\((arquivo anexado|file attached|archivo adjunto)\)$|^<(anexado|attached|adjunto): .*>$",
    re.I,
)
_DELETED: Final = re.compile(
    r"^(esta mensagem foi apagada|mensagem apagada|voc[êe] apagou esta mensagem|this message was deleted|"
    r"you deleted this message|se elimin[óo] este mensaje|null)\.?$",
    re.I,
)
_EDITED: Final = re.compile(r"\s*<(mensagem editada|this message was edited|se edit[óo] este mensaje)\.?>\s*$", re.I)


def _sniff(source: SourceFile) -> float:
    first = [line.translate(_MARKS) for line in source.start.splitlines()[:50] if line.strip()]
    dated = [match for line in first if (match := _LINE.match(line))]
    speech = sum(bool(_SAID.match(match[3])) for match in dated)
    return 0.98 if speech >= 2 and first and _LINE.match(first[0]) else 0.0


def _read(source: SourceFile) -> Iterator[Table]:
    yield Table(source.name, CHAT, by_pause(_messages(source)), detail=source.encoding)


def _messages(source: SourceFile) -> Iterator[tuple[datetime | None, str, str, int]]:
    current: tuple[int, datetime | None, str, list[str]] | None = None
    for number, line in enumerate(lines(source.path, source.encoding), start=1):
        text = line.translate(_MARKS).rstrip("\r\n")
        match = _LINE.match(text)
        if match is None:
            if current is not None:
                current[3].append(text)
            continue
        if current is not None:
            yield from _kept(source, current)
        speech = _SAID.match(match[3])
        # A dated line without a speaker is the app's own: "Messages are end-to-end encrypted".
        current = (number, _moment(match[1], match[2]), speech[1].strip(), [speech[2]]) if speech else None
    if current is not None:
        yield from _kept(source, current)


def _kept(
    source: SourceFile, message: tuple[int, datetime | None, str, list[str]]
) -> Iterator[tuple[datetime | None, str, str, int]]:
    number, moment, sender, texts = message
    text = _EDITED.sub("", "\n".join(texts)).strip()
    if _MEDIA.search(text):
        source.findings.row("data.chat_media", source.name, number, Severity.NOTE)
    elif text and not _DELETED.match(text):
        yield moment, sender, text, number


def _moment(date: str, time: str) -> datetime | None:
    """The moment of a message. Day and month may be swapped: only pauses are measured, so either order will do."""
    parts = [int(part) for part in re.split(r"[/.-]", date)]
    year = parts.pop(0) if parts[0] > 31 else parts.pop()
    first, second = parts
    day, month = (first, second) if second <= 12 else (second, first)
    clock = [int(part) for part in re.findall(r"\d+", time)]
    afternoon = re.search(r"p\.?\s?m", time, re.I)
    hour = clock[0] % 12 + 12 if afternoon else clock[0] % 12 if re.search(r"a\.?\s?m", time, re.I) else clock[0]
    try:
        return datetime(year + 2000 if year < 100 else year, month, day, hour, clock[1])
    except ValueError:
        return None


READER: Final = Reader("whatsapp", ("txt",), _sniff, _read)
