"""Questions asked in other words, for a test where every answer is there once. By rules: the same every time.

A customer who knows the answer's question by heart is rare: they open differently ("Como faço para …" becomes "O que
preciso fazer para …"), greet, and mistype. What these rewordings test is whether an answer is found again; they are closer
to the question than a stranger's words, and the sentence beside the result says so.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from studio.data.checks.language_detection import language
from studio.data.splitting.typos import language_of, lower, typo, without_end, without_marks
from studio.data.text import plain
from studio.domain.conversation import Conversation

MAX_REWORDED: Final = 200
_ENOUGH: Final = 20
_LONGEST: Final = 300  # characters: a longer text is a letter, and opens in its own way
# An opening, and those that may stand for it; the rest of the question follows unchanged.
_OPENINGS: Final[dict[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "pt": (
        (
            r"como (?:eu )?(?:faço|fazer|posso fazer) (?:para|pra) ",
            ("o que preciso fazer para ", "qual o caminho para "),
        ),
        (r"como (?:eu )?(?:posso|consigo) ", ("o que preciso fazer para ", "tem como eu ")),
        (r"como (?:é|e) ", ("me explica como é ", "queria entender como é ")),
        (r"como ", ("queria saber como ", "me explica como ")),
        (r"qual (?:é |e )?(?=[oa] )", ("pode me dizer qual é ", "queria saber ")),
        (r"qual ", ("queria saber qual ", "me diz qual ")),
        (r"quais (?:são |sao )?(?=[oa]s )", ("pode me dizer quais são ", "queria saber ")),
        (r"quais ", ("queria saber quais ", "me diz quais ")),
        (r"(?:eu )?posso ", ("é possível ", "dá para ", "tem como ")),
        (r"(?:é|e) poss[ií]vel ", ("dá para ", "tem como ", "consigo ")),
        (r"(?:dá|da) (?:para|pra) ", ("é possível ", "tem como ")),
        (r"(?:eu )?consigo ", ("é possível ", "dá para ")),
        (r"(?:vocês|voces|vcs) ", ("por acaso vocês ", "a loja de vocês, por acaso vocês ", "queria saber se vocês ")),
        (r"tem ", ("vocês têm ", "queria saber se tem ", "existe ")),
        (r"onde ", ("em que lugar ", "me diz onde ")),
        (r"quando ", ("em que dia ", "queria saber quando ")),
        (r"quanto tempo ", ("em quanto tempo ", "queria saber quanto tempo ")),
        (r"quanto ", ("queria saber quanto ", "me diz quanto ")),
        (r"(?:por que|porque|pq) ", ("qual o motivo, por que ", "queria entender por que ")),
        (r"(?:quero|preciso|gostaria de|queria) (?=\w+[aeio]r\b)", ("como faço para ", "tem como ")),
        (r"(?=(?:o|a|os|as|meu|minha|meus|minhas) )", ("uma dúvida: ", "sobre isto: ")),
    ),
    "es": (
        (r"¿?c[oó]mo (?:puedo|hago para) ", ("qué tengo que hacer para ", "hay forma de ")),
        (r"¿?cu[aá]l es ", ("quería saber cuál es ", "me puede decir cuál es ")),
        (r"¿?puedo ", ("es posible ", "hay forma de ")),
        (r"¿?(?=(?:cu[aá]nto|cu[aá]ndo|d[oó]nde|qu[eé]|tienen) )", ("quería saber ", "me puede decir ")),
    ),
    "en": (
        (r"how (?:do|can|could|should) (?:i|we) ", ("what do I need to do to ", "what is the way to ")),
        (r"how to ", ("what do I need to do to ", "I would like to ")),
        (r"how (?=much|many|long|often|soon|fast)", ("I wanted to know how ", "can you tell me how ")),
        (r"how ", ("I wanted to know how ", "please explain how ")),
        (r"what(?: is|'s|’s) ", ("can you tell me ", "I would like to know ")),
        (r"what are ", ("can you tell me ", "I would like to know ")),
        (r"what ", ("can you tell me what ", "I wanted to know what ")),
        (r"can (?:i|we) ", ("is it possible to ", "am I able to ")),
        (r"is it possible to ", ("can I ", "am I able to ")),
        (r"do you ", ("I wanted to know if you ", "would you happen to ")),
        (r"can you ", ("is it possible for you to ", "could you please ")),
        (r"(?:is|are) there ", ("do you have ", "I wanted to know if you have ")),
        (r"where ", ("in which place, where ", "can you tell me where ")),
        (r"when ", ("on what day, when ", "can you tell me when ")),
        (r"which ", ("can you tell me which ", "I wanted to know which ")),
        (r"why ", ("what is the reason, why ", "I do not understand why ")),
        (r"i (?:want|need|would like) to |i'd like to ", ("is it possible to ", "how do I ")),
        (r"(?=(?:the|my|our|your) )", ("a question: ", "about this: ")),
    ),
}
_LEADING_WORDS: Final = {
    "pt": ("oi, uma dúvida: ", "bom dia, me ajuda com uma coisa: ", "olá, preciso saber: "),
    "es": ("hola, una duda: ", "buenos días, me ayuda con algo: ", "buenas, necesito saber: "),
    "en": ("hi, a question: ", "hello, can you help me: ", "good morning, I need to know: "),
}
_SPELLINGS: Final = (lower, without_marks, without_end, typo)


@dataclass(frozen=True)
class Rewording:
    """A question in other words."""

    origin: str  # id of the example whose question it is
    original: str  # the question as it is there
    question: str  # the same in other words
    answer: str  # of the example


def reworded(question: str, rng: random.Random, locale: str = "en") -> str | None:
    """A question in other words: another opening, and at times a slip of spelling.

    Args:
        question: what was asked.
        rng: decides; the same seed gives the same words.
        locale: ``pt``, ``es`` or ``en``.

    Returns:
        None for a text that is empty or too long to be a question.
    """
    text = question.strip()
    if not text or len(text) > _LONGEST or not plain(text):
        return None
    changed = _opened(text, locale, rng)
    spelling = rng.choice((None, None, *_SPELLINGS))
    if spelling is not None:
        changed = spelling(changed, rng, locale)
    return changed if plain(changed) != plain(text) else None


def how_many(examples: int, share: float) -> int:
    """How many rewordings make a test: they cost no example of training, so a small set is asked nearly whole."""
    return min(MAX_REWORDED, max(round(examples * share), min(examples, _ENOUGH)))


def rewordings(conversations: Sequence[Conversation], seed: int, count: int) -> list[Rewording]:
    """Other words for the questions of some examples, one an answer, in the order of the examples."""
    rng = random.Random(seed)
    known: set[str] = set()
    places = []
    for place, conversation in enumerate(conversations):
        answer = plain(conversation.answer)
        if not conversation.held_out and answer not in known:
            known.add(answer)
            places.append(place)
    found: dict[int, Rewording] = {}
    for place in rng.sample(places, len(places)):
        if len(found) >= min(count, MAX_REWORDED):
            break
        conversation = conversations[place]
        words = reworded(conversation.question, rng, _language_of(conversation))
        if words is not None:
            found[place] = Rewording(conversation.id, conversation.question, words, conversation.answer)
    return [found[place] for place in sorted(found)]


def held_out_examples(
    chosen: Iterable[Rewording], conversations: Iterable[Conversation], first: int
) -> list[Conversation]:
    """Rewordings as examples for the test: the conversation of their origin, with its last question in other words."""
    origins = {conversation.id: conversation for conversation in conversations}
    made = []
    for number, item in enumerate((item for item in chosen if item.origin in origins), start=first):
        origin = origins[item.origin]
        update = {"id": f"e{number}", "held_out": True, "reworded_from": origin.id}
        made.append(origin.with_question(item.question).model_copy(update=update))
    return made


def _language_of(conversation: Conversation) -> str:
    """The answer is longer and better spelled than the question, so both are looked at."""
    found = language(f"{conversation.question} {conversation.answer}")
    return found if found in _OPENINGS else language_of(conversation.question)


def _opened(text: str, locale: str, rng: random.Random) -> str:
    """The question with another opening, or with a greeting before it."""
    first = text[:1].lower() + text[1:]
    for pattern, others in _OPENINGS[locale]:
        found = re.match(pattern, text, re.I)
        if found:
            rest = text[found.end() :] if found.end() else first
            opening = rng.choice(others)
            return opening[:1].upper() + opening[1:] + rest
    opening = rng.choice(_LEADING_WORDS[locale])
    return opening[:1].upper() + opening[1:] + first
