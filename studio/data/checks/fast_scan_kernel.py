"""All that the checks look for in every text, seen in one go over its bytes by compiled code.

What it says is what :func:`studio.data.text.plain`, :func:`studio.data.checks.language_detection.language` and
:class:`studio.data.checks.prefilter.Prefilter` say; of a text with letters that are not in their tables it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from studio.compiled import compiled
from studio.data.checks.prefilter import Prefilter
from studio.data.text import Tables, tables

_LANGUAGES: Final = 6
_MOST: Final = 400  # words that are looked at for the language
_FEWEST: Final = 4
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a, 64 bits
_UNSEEN: Final = 255


@dataclass(frozen=True)
class Seen:
    """What was seen of some texts.

    Args:
        plain: their :func:`studio.data.text.plain` forms, one after the other, in ASCII.
        plain_ends: ``(N,)`` where each of those ends.
        folded: without regard to letter case and spaces, in UTF-8.
        folded_ends: ``(N,)`` where each of those ends; as the one before for a text that must be folded otherwise.
        known: ``(N,)`` whether all letters of the text are in the tables; nothing holds for others.
        hints: ``(N,)`` a bit a hint.
        digits: ``(N,)`` how many digits there are at most.
        languages: ``(N,)`` 0 for unclear, else the place of the language + 1.
    """

    plain: bytes
    plain_ends: list[int]
    folded: bytes
    folded_ends: list[int]
    known: list[bool]
    hints: list[int]
    digits: list[int]
    languages: list[int]


class FastScanner:
    """Looks at texts.

    Args:
        hints: at most 62, a bit each.
        small_words: of each of six languages.
        typical: letters that speak for a language: place, and the letters in small ones.
    """

    def __init__(
        self,
        hints: Sequence[Prefilter],
        small_words: Sequence[frozenset[str]],
        typical: Sequence[tuple[int, Sequence[str]]],
    ) -> None:
        signs = np.zeros(256, np.uint64)
        words: dict[bytes, list[int]] = {}
        for place, hint in enumerate(hints):
            for letter in hint.letters:
                encoded = letter.encode("cp1252", "ignore")
                signs[list(encoded)] |= np.uint64(1 << place)
            for word in hint.words:
                words.setdefault(word.encode("cp1252"), [0, 0])[0] |= 1 << place
        for place, known in enumerate(small_words):
            for word in known:
                words.setdefault(word.encode("cp1252"), [0, 0])[1] |= 1 << place
        marks = [(place, letters.encode("cp1252")) for place, all_letters in typical for letters in all_letters]
        self._tables = _arrays(tables(), signs)
        self._words = _word_table(words)
        self._marks = (
            np.array([place for place, _ in marks], np.int64),
            np.frombuffer(b"".join(letters for _, letters in marks), np.uint8),
            np.cumsum([len(letters) for _, letters in marks]),
            np.isin(np.arange(256), [letters[0] for _, letters in marks]),
        )

    def look(self, texts: Sequence[bytes]) -> Seen:
        """Looks at texts in Windows-1252."""
        ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
        joined = np.frombuffer(b"".join(texts), np.uint8)
        count = len(texts)
        plain, folded = np.empty(len(joined), np.uint8), np.empty(2 * len(joined), np.uint8)
        plain_ends, folded_ends = np.empty(count, np.int64), np.empty(count, np.int64)
        hints, digits = np.zeros(count, np.int64), np.zeros(count, np.int64)
        known, languages = np.empty(count, np.bool_), np.zeros(count, np.uint8)
        look(
            joined,
            ends,
            self._tables,
            self._words,
            self._marks,
            (plain, plain_ends, folded, folded_ends),
            (known, hints, digits, languages),
        )
        return Seen(
            plain[: plain_ends[-1] if count else 0].tobytes(),
            plain_ends.tolist(),
            folded[: folded_ends[-1] if count else 0].tobytes(),
            folded_ends.tolist(),
            known.tolist(),
            hints.tolist(),
            digits.tolist(),
            languages.tolist(),
        )


def _arrays(known: Tables, signs: Any) -> tuple[Any, ...]:
    simple = np.zeros(256, np.bool_)
    simple[list(known.simple)] = True
    return (
        np.frombuffer(known.plain, np.uint8),
        np.frombuffer(known.lower, np.uint8),
        np.frombuffer(known.small, np.uint8),
        simple,
        signs.astype(np.int64),
    )


def _word_table(words: Mapping[bytes, Sequence[int]]) -> tuple[Any, ...]:
    """A hash table of words: their hashes, hints and languages."""
    places = 1 << (4 * len(words)).bit_length()
    keys, hints, spoken = np.zeros(places, np.uint64), np.zeros(places, np.int64), np.zeros(places, np.int64)
    for word, (hinted, languages) in words.items():
        key = int(_BASIS)
        for byte in word:
            key = (key ^ byte) * int(_PRIME) & 0xFFFFFFFFFFFFFFFF
        place = key & (places - 1)
        while keys[place]:
            place = (place + 1) & (places - 1)
        keys[place], hints[place], spoken[place] = key, hinted, languages
    return keys, hints, spoken


@compiled()
def look(letters: Any, ends: Any, tables: Any, words: Any, marks: Any, forms: Any, seen: Any) -> None:
    """Fills ``forms`` and ``seen``, the columns of :class:`Seen`."""
    known, hints, digits, languages = seen
    simple = tables[3]
    first = plain_end = folded_end = 0
    for text in range(len(ends)):
        last = ends[text]
        known[text] = True
        found, numbers = np.int64(0), 0
        for at in range(first, last):
            letter = letters[at]
            known[text] &= simple[letter]
            found |= tables[4][letter]
            numbers += 48 <= letter <= 57 or 128 <= letter < 160
        if known[text]:
            plain_end = _plain(letters, first, last, tables[0], forms[0], plain_end)
            folded_end = _folded(letters, first, last, tables[2], forms[2], folded_end)
            hinted, languages[text] = _words(letters, first, last, tables, words, marks)
            hints[text], digits[text] = found | hinted, numbers
        forms[1][text] = plain_end
        forms[3][text] = folded_end
        first = last


@compiled()
def _plain(letters: Any, first: int, last: int, table: Any, into: Any, end: int) -> int:
    """Puts the plain form into ``into`` from ``end`` on; returns its end."""
    start = end
    for at in range(first, last):
        letter = table[letters[at]]
        if letter != 32 or (end > start and into[end - 1] != 32):
            into[end] = letter
            end += 1
    return end - 1 if end > start and into[end - 1] == 32 else end


@compiled()
def _folded(letters: Any, first: int, last: int, small: Any, into: Any, end: int) -> int:
    """Puts the folded form into ``into`` from ``end`` on, in UTF-8; returns its end, or ``end`` for what it cannot fold."""
    spaced = False
    for at in range(first, last):
        letter = letters[at]
        if 128 <= letter < 160 or letter == 0xDF or letter == 0xB5:  # not Latin-1, or more than another letter case
            return end
        spaced |= letter == 9 or letter == 10 or (letter == 32 and at > first and letters[at - 1] == 32)
    start = end
    for at in range(first, last):
        letter = small[letters[at]]
        blank = letter == 32 or 9 <= letter <= 13 or 28 <= letter <= 31 or letter == 160
        if spaced and blank:
            if end > start and into[end - 1] != 32:
                into[end] = 32
                end += 1
        elif letter < 128:
            into[end] = letter
            end += 1
        else:
            into[end] = 0xC0 | letter >> 6
            into[end + 1] = 0x80 | letter & 0x3F
            end += 2
    return end - 1 if spaced and end > start and into[end - 1] == 32 else end


@compiled()
def _words(letters: Any, first: int, last: int, tables: Any, words: Any, marks: Any) -> Any:
    """The hints of the words of a text, and its language."""
    keys, hints, spoken = words
    places = np.uint64(len(keys) - 1)
    hits = np.zeros(_LANGUAGES, np.int64)
    hinted = np.int64(0)
    count = 0
    key = _BASIS
    for at in range(first, last + 1):
        letter = tables[1][letters[at]] if at < last else np.uint8(32)
        if letter != 32:
            key = (key ^ np.uint64(letter)) * _PRIME
            continue
        if key == _BASIS:
            continue
        place = key & places
        while keys[place] != 0 and keys[place] != key:
            place = (place + np.uint64(1)) & places
        if keys[place] == key:
            hinted |= hints[place]
            if count < _MOST:
                for language in range(_LANGUAGES):
                    hits[language] += spoken[place] >> language & 1
        count += 1
        key = _BASIS
    return hinted, _language(letters, first, last, tables[2], marks, hits, min(count, _MOST))


@compiled()
def _language(letters: Any, first: int, last: int, small: Any, marks: Any, hits: Any, count: int) -> int:
    """As :func:`studio.data.checks.language_detection.language`: the place of the language + 1, 0 for unclear."""
    if count < _FEWEST:
        return 0
    scores = hits / count
    spoken, parts, part_ends, begins = marks
    seen = np.zeros(_LANGUAGES, np.int64)
    for at in range(first, last):
        if not begins[small[letters[at]]]:
            continue
        begin = 0
        for part in range(len(spoken)):
            length = part_ends[part] - begin
            same = at + length <= last
            for k in range(length):
                if not same or small[letters[at + k]] != parts[begin + k]:
                    same = False
                    break
            seen[spoken[part]] += same
            begin += length
    best, second = 0, 0.0
    for language in range(_LANGUAGES):
        if seen[language]:
            scores[language] += 0.06 * min(3, seen[language])
        if scores[language] > scores[best]:
            best = language
    for language in range(_LANGUAGES):
        if language != best:
            second = max(second, scores[language])
    clear = scores[best] * count >= 2 and scores[best] >= 0.2 and scores[best] >= 1.5 * second
    return best + 1 if clear else 0
