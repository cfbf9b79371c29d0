"""Text from bytes: encodings recognised, and what no model should see taken out."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from studio.errors import translated_os_errors

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 32_768
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufeff\ud800-\udfff\ufffe\uffff]")
# Where a page or a document shows a hyphen or a dash: U+0002 is what copying from a PDF leaves of one at the end of a line,
# U+001E Word's hyphen that does not break, U+0096 and U+0097 are dashes of Windows-1252 that were read as Latin-1.
_HYPHENS: Final = str.maketrans({"\x02": "-", "\x1e": "-", "\x96": "–", "\x97": "—"})
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_WESTERN: Final = frozenset("áéíóúâêôãõàçüñäößèìòùîûëïœæåøÁÉÍÓÚÂÊÔÃÕÀÇÜÑÄÖÈÌÒÙÎÛËÏŒÆÅØºª°”’»…–—•€®™´ \xa0")
_OTHERS: Final = ("cp1250", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "gb18030", "big5", "cp932", "cp949")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_WORD: Final = re.compile(r"[^\W_]+")
_SPACES = re.compile("[\xa0\u2007\u202f]")


def clean(text: str) -> tuple[str, bool]:
    """Takes out what spoils an example: NULs, other control characters, lone surrogates, byte order marks.

    Line breaks become ``\\n``, unbreakable spaces become spaces, control characters that stand for a hyphen become one, letters are composed (NFC), ends are trimmed.

    Returns:
        The text, and whether something was taken out that a person should be told of.
    """
    if text.isprintable():  # no line breaks, no other spaces, nothing to take out
        return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip(), False
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATE_PAIR.sub(_joined, text)
    kept, damaged = _UNWANTED.subn("", text.lstrip("\ufeff").translate(_HYPHENS))
    return unicodedata.normalize("NFC", _SPACES.sub(" ", kept)).strip(), damaged > 0


def _joined(pair: re.Match[str]) -> str:
    return pair.group().encode("utf-16", "surrogatepass").decode("utf-16")


def plain(text: str) -> str:
    """Lower case without accents or punctuation, words apart by one space: for comparing, never for showing."""
    found = folded(text)
    if not found.isascii():
        found = "".join(c for c in found if not unicodedata.combining(c))
    return " ".join(_WORD.findall(found))


def folded(text: str) -> str:
    """Lower case without accents, for searching."""
    return without_accents(text.casefold())


def without_accents(text: str) -> str:
    """A text with the letters of Europe bare."""
    return text if text.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFKD", text))


def words(text: str) -> frozenset[str]:
    """The words of a text as a set: a table of names, written as one reads it."""
    return frozenset(text.split())


def detect_encoding(path: Path) -> str:
    """The encoding of a text file: by its mark, else UTF-8 if it is valid, else by what its letters look like.

    Returns:
        A codec name; ``utf-8-mixed`` for UTF-8 with some lines in Windows-1252 (see :func:`lines`).

    Raises:
        AfinaError: ``disk.missing`` or ``disk.not_writable`` when the file cannot be opened.
    """
    with translated_os_errors(), path.open("rb") as file:
        head = file.read(_SAMPLE)
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name
        wide = utf16_without_mark(head)
        if wide:
            return wide
        file.seek(0)
        foreign, total = _lines_that_are_not_utf8(file)
    if not foreign:
        return "utf-8"
    sample = b"\n".join(foreign)
    # Only lines with a byte above 127 count: the others are the same in every encoding.
    return "utf-8-mixed" if total >= 10 * len(foreign) else _single_byte(sample)


def _lines_that_are_not_utf8(file: Iterator[bytes]) -> tuple[list[bytes], int]:
    foreign: list[bytes] = []
    total = 0
    for line in file:
        if line.isascii():
            continue
        total += 1
        if len(foreign) < 2_000:
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                foreign.append(line[:2_000])
    return foreign, total


def utf16_without_mark(head: bytes) -> str | None:
    """The codec of text in UTF-16 that does not say so, by its many zeros; None for any other."""
    if len(head) < 4:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _single_byte(sample: bytes) -> str:
    """Windows-1252 is what spreadsheets of the Americas and Western Europe write, so another must look much better."""
    from charset_normalizer import from_bytes

    try:
        sample.decode("cp1252")
        western = "cp1252"
    except UnicodeDecodeError:
        western = "latin-1"
    if _looks_western(sample.decode(western)):
        return western
    best = from_bytes(sample[:_SAMPLE], cp_isolation=list(_OTHERS)).best()
    return best.encoding if best is not None else "cp1250"  # the likeliest of those it cannot tell apart


def _looks_western(text: str) -> bool:
    """Whether the letters inside words are those of Western European languages: ``ção`` but not ``³ó¹``."""
    inside = [c for before, c in pairwise(text) if ord(c) > 127 and before.isalpha()]
    odd = sum(c not in _WESTERN for c in inside)
    plain_letters = sum(c.isascii() and c.isalpha() for c in text)
    return odd <= 0.1 * len(inside) and len(inside) <= 0.5 * plain_letters + 5


def lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a text file with their ends, split at ``\\n``, ``\\r`` and ``\\r\\n`` only.

    A byte that the encoding does not know becomes U+FFFD. In ``utf-8-mixed`` each line is UTF-8 or Windows-1252.
    """
    if encoding == "utf-8-mixed":
        with path.open("rb") as raw:
            for line in raw:
                try:
                    yield line.decode("utf-8")
                except UnicodeDecodeError:
                    yield line.decode("cp1252", "replace")
        return
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        yield from file


def read_text(path: Path, encoding: str) -> str:
    """The whole file as text."""
    return "".join(lines(path, encoding))
