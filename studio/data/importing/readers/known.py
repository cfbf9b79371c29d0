"""Kinds of text files that are known and not read: each is refused by its name, with the way to get there."""

from __future__ import annotations

import re
from typing import Final

from studio.data.importing.table import SourceFile

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


def kind_of_text(source: SourceFile) -> str | None:
    """What a text file is, where no reader reads it; None for any other."""
    return next((kind for kind, pattern in _KINDS if pattern.match(source.start)), None)
