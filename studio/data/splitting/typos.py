"""How customers spell: case, accents, punctuation, politeness, typos. Each change takes its chances from a generator."""

from __future__ import annotations

import random
import unicodedata
from typing import Final

from studio.data.text import words as words_of

OPENINGS: Final = {
    "en": ("hi, ", "hello! ", "Hi there. ", "good morning, ", "please, ", "hey "),
    "pt": ("oi, ", "olá! ", "Bom dia. ", "boa tarde, ", "por favor, ", "oii "),
}
CLOSINGS: Final = {
    "en": (" thanks", " Thank you!", " please", "??", " pls help"),
    "pt": (" obrigada", " Obrigado!", " por favor", "??", " me ajuda"),
}
_NEIGHBOURS: Final = {
    "a": "qs", "e": "wr", "i": "uo", "o": "ip", "u": "yi", "s": "ad", "n": "bm", "r": "et", "t": "ry", "d": "sf",
    "l": "k", "m": "n", "c": "xv",
}  # fmt: skip
_PORTUGUESE: Final = words_of("de que não nao é para com uma um vocês voces qual como meu minha tem pra")


def language_of(text: str) -> str:
    """``pt`` or ``en``, by the small words: enough to choose a greeting."""
    return "pt" if _PORTUGUESE & set(text.lower().split()) else "en"


def lower(text: str, _rng: random.Random, _language: str) -> str:
    """Without capitals."""
    return text.lower()


def without_marks(text: str, _rng: random.Random, _language: str) -> str:
    """Without accents."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def without_end(text: str, _rng: random.Random, _language: str) -> str:
    """Without the mark at its end."""
    return text.rstrip("?!. ") or text


def polite(text: str, rng: random.Random, language: str) -> str:
    """With a greeting before it, or thanks after it."""
    if rng.random() < 0.5:
        return rng.choice(OPENINGS[language]) + text[:1].lower() + text[1:]
    return text + rng.choice(CLOSINGS[language])


def typo(text: str, rng: random.Random, _language: str) -> str:
    """One slip in one longer word: two letters swapped, one dropped, or a neighbouring key."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not places:
        return text
    place = rng.choice(places)
    word = words[place]
    at = rng.randrange(1, len(word) - 2)
    slip = rng.randrange(3)
    if slip == 0:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif slip == 1:
        word = word[:at] + word[at + 1 :]
    else:
        word = word[:at] + rng.choice(_NEIGHBOURS.get(word[at], word[at])) + word[at + 1 :]
    words[place] = word
    return " ".join(words)
