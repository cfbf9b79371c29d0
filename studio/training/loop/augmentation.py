"""Light changes to questions, as customers write them: case, accents, punctuation, typos, politeness.

A model that has seen each question in several spellings answers new phrasings better; the answers are never touched.
"""

from __future__ import annotations

import random
from typing import Final

from studio.data.splitting.typos import language_of, lower, polite, typo, without_end, without_marks
from studio.domain.conversation import Conversation, Message, Role

_UNCHANGED: Final = 0.3  # share of the questions that stay as they are


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
    language = language_of(text)
    changes = rng.sample(_CHANGES, k=rng.choice((1, 2, 2, 3)))
    for change in changes:
        text = change(text, rng, language)
    return message.model_copy(update={"content": text})


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


_CHANGES: Final = (lower, without_marks, without_end, typo, polite, _shorten, _shorten, _swap)
