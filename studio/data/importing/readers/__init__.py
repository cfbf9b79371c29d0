"""The registry of readers. A new format is a file here, a line in :data:`READERS`, its sentence, and a test asset."""

from __future__ import annotations

import re
from typing import Final

from studio.data.importing.readers import (
    archive,
    columnar,
    delimited,
    documents,
    json_records,
    mail,
    prose,
    qna,
    sheets,
    web_pages,
    whatsapp,
    word,
    yaml_records,
)
from studio.data.importing.table import Reader, SourceFile
from studio.data.text import utf16_without_mark
from studio.errors import AfinaError

READERS: Final[tuple[Reader, ...]] = (
    sheets.READER,
    columnar.READER,
    word.READER,
    archive.READER,
    json_records.READER,
    yaml_records.READER,
    mail.READER,
    qna.READER,
    delimited.READER,
    web_pages.READER,
    whatsapp.READER,
    documents.READER,
    prose.READER,
)

_SIGNATURES: Final = (
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "image"),
    (b"RIFF", "media"),
    (b"%PDF", "pdf"),
    (b"\x1f\x8b", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"Rar!", "archive"),
    (b"PK", "archive"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"SQLite format 3", "database"),
    (b"OggS", "media"),
    (b"ID3", "media"),
)
# What a file begins with; the suffix of the catalog key ``error.data.not_readable.<kind>``.
_KINDS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("rasa", re.compile(r"\s*(?:<!--.*?-->\s*)*## ?(?:intent|synonym|lookup|regex):", re.S)),
    ("git_lfs", re.compile(r"version https://git-lfs\.github\.com/spec/")),
    ("subtitles", re.compile(r"\s*(?:WEBVTT\b|\d+\s*\n\d\d:\d\d:\d\d[,.]\d{3} --> )")),
    ("rtf", re.compile(r"\{\\rtf")),
    ("contacts", re.compile(r"BEGIN:VCARD", re.I)),
    ("calendar", re.compile(r"BEGIN:VCALENDAR", re.I)),
    ("sql", re.compile(r"(?:\s*(?:--[^\n]*|/\*.*?\*/;?|SET\b[^;]*;)\s*)*\s*(?:CREATE TABLE|INSERT INTO|DROP TABLE)\b", re.I | re.S)),
    ("translations", re.compile(r"(?:#[^\n]*\n)*msgid \"")),
    ("postscript", re.compile(r"%!PS")),
    ("xml", re.compile(r"\s*<\?xml\b(?!.{0,500}<(?:!DOCTYPE )?html\b)", re.I | re.S)),
)  # fmt: skip


def extensions() -> tuple[str, ...]:
    """The endings of names that the file dialog offers, with their dots."""
    return tuple(dict.fromkeys(f".{extension}" for reader in READERS for extension in reader.extensions))


def choose(source: SourceFile) -> Reader:
    """The reader that is surest of a file, by its content. Raises ``data.empty_file``, ``data.not_a_table.<kind>``."""
    if not source.head.strip(b" \t\r\n\xef\xbb\xbf\xff\xfe\0"):
        raise AfinaError("data.empty_file", file=source.name)
    binary = _binary_kind(source.head)
    if binary is None and (known := kind_of_text(source)) is not None:
        raise AfinaError(f"data.not_readable.{known}", file=source.name)
    readers = [reader for reader in READERS if reader.binary == (binary is not None)]
    sureness, reader = max(
        ((reader.sniff(source), -i, reader) for i, reader in enumerate(readers)), key=lambda x: x[:2]
    )[::2]
    if sureness <= 0:
        raise AfinaError(f"data.not_readable.{binary or 'text'}", file=source.name)
    return reader


def _binary_kind(head: bytes) -> str | None:
    """What a file is if it is not text; None for text."""
    for mark, kind in _SIGNATURES:
        if head.startswith(mark) and (mark not in (b"BM", b"MZ", b"ID3") or b"\0" in head[:200]):
            return kind
    if head.startswith(bytes.fromhex("d0cf11e0a1b11ae1")):
        return "office"
    if head[:4] in (b"PAR1", b"ARRO", b"\xff\xff\xff\xff"):
        return "binary"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or utf16_without_mark(head):
        return None
    odd = sum(byte < 9 or 13 < byte < 32 for byte in head)
    return "binary" if odd > 0.1 * len(head) else None


def kind_of_text(source: SourceFile) -> str | None:
    """What a text file is, where no reader reads it; None for any other."""
    return next((kind for kind, pattern in _KINDS if pattern.match(source.start)), None)
