"""Light changes to questions, as customers write them: case, accents, punctuation, typos, politeness.

A model that has seen each question in several spellings answers new phrasings better; the answers are never touched.
"""

from __future__ import annotations

import random
import unicodedata
from typing import Final

from studio.domain.conversation import Conversation, Message, Role

_UNCHANGED: Final = 0.3  # share of the questions that stay as they are
_OPENINGS: Final = {
    "en": ("hi, ", "hello! ", "Hi there. ", "good morning, ", "please, ", "hey "),
    "pt": ("oi, ", "olá! ", "Bom dia. ", "boa tarde, ", "por favor, ", "oii "),
}
_CLOSINGS: Final = {
    "en": (" thanks", " Thank you!", " please", "??", " pls help"),
    "pt": (" obrigada", " Obrigado!", " por favor", "??", " me ajuda"),
}
_PORTUGUESE: Final = frozenset(
    [
        "de",
        "que",
        "não",
        "nao",
        "é",
        "para",
        "com",
        "uma",
        "um",
        "vocês",
        "voces",
        "qual",
        "como",
        "meu",
        "minha",
        "tem",
        "pra",
    ]
)
_NEIGHBOURS: Final = {
    "a": "qs", "e": "wr", "i": "uo", "o": "ip", "u": "yi", "s": "ad", "n": "bm", "r": "et", "t": "ry", "d": "sf",
    "l": "k", "m": "n", "c": "xv",
}  # fmt: skip


def vary(conversation: Conversation, rng: random.Random) -> Conversation:
    """A copy of the conversation whose user turns are spelled differently; at times it is unchanged."""
    if rng.random() < _UNCHANGED:
        return conversation
    messages = tuple(
        _varied(message, rng) if message.role is Role.USER else message for message in conversation.messages
    )
    return conversation.model_copy(update={"messages": messages})


def _varied(message: Message, rng: random.Random) -> Message:
    text = message.content
    if len(text) > 400:  # a long text is a document, not a question
        return message
    language = "pt" if _PORTUGUESE & set(text.lower().split()) else "en"
    changes = rng.sample(_CHANGES, k=rng.choice((1, 2, 2, 3)))
    for change in changes:
        text = change(text, rng, language)
    return message.model_copy(update={"content": text})


def _lower(text: str, _rng: random.Random, _language: str) -> str:
    return text.lower()


def _without_marks(text: str, _rng: random.Random, _language: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _without_end(text: str, _rng: random.Random, _language: str) -> str:
    return text.rstrip("?!. ") or text


def _shorten(text: str, rng: random.Random, _language: str) -> str:
    """Leaves out about one word in six, so that no single word is what an answer hangs on (Wei and Zou, 2019)."""
    words = text.split(" ")
    if len(words) < 4:
        return text
    return " ".join(word for word in words if rng.random() > 1 / 6) or text


def _swap(text: str, rng: random.Random, _language: str) -> str:
    """Two halves of the question in the other order, as in hurried speech."""
    words = text.split(" ")
    if len(words) < 5:
        return text
    at = rng.randrange(2, len(words) - 1)
    return " ".join(words[at:] + words[:at])


def _polite(text: str, rng: random.Random, language: str) -> str:
    if rng.random() < 0.5:
        return rng.choice(_OPENINGS[language]) + text[:1].lower() + text[1:]
    return text + rng.choice(_CLOSINGS[language])


def _typo(text: str, rng: random.Random, _language: str) -> str:
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


_CHANGES: Final = (_lower, _without_marks, _without_end, _typo, _polite, _shorten, _shorten, _swap)
