"""Personal data: found in all texts at once, told apart from the company's own contacts, masked consistently.

Each kind (e-mail, phone …) has a file with a ``KIND``; here their findings are put in order of certainty, so that no
letter belongs to two, and the same value gets the same mask throughout a dataset.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from studio.domain.conversation import Conversation, Role

_RECURS: Final = 3  # different questions that a value is told in answer to, before it counts as the company's own
_BEFORE: Final = 60  # letters before a value that say whose it is
_OURS: Final = re.compile(
    r"\b(?:our|us|ours|contact|reach|call|write to|e-?mail(?: us)?(?: at| to)?|message|whatsapp|hotline|support|store|shop|office|"
    r"headquarters|visit|located|nosso|nossa|nossos|nossas|conosco|contato|ligue|ligar|fale|chame|escreva|mande|envie|"
    r"atendimento|central|suporte|sac|loja|sede|endereço|endereco|ficamos|estamos|visite|matriz|filial|telefone|"
    r"nuestro|nuestra|llame|escriba|tienda)\b[^.!?\n]*$",
    re.IGNORECASE,
)
_YOURS: Final = re.compile(
    r"\b(?:your|yours|you gave|you provided|registered|on file|seu|sua|seus|suas|cadastrad[oa]|informad[oa]|"
    r"do cliente|of the customer|tu|su)\b[^.!?\n]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Span:
    """A value in a text.

    Args:
        start: first letter.
        end: after the last letter.
        value: as it is compared: digits only, lower case.
        ours: whether the value itself shows that it is a company's: ``support@…``, a toll-free number.
    """

    start: int
    end: int
    value: str
    ours: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of personal data.

    Args:
        code: of its check.
        mask: ``EMAIL`` makes ``[EMAIL_1]``.
        scan: yields its values in a text.
        worth: tells fast whether a text can hold one at all.
        may_be_ours: whether a company has such a value of its own and tells it to customers.
        digits: the fewest that a value has; a text with fewer is not looked at.
    """

    code: str
    mask: str
    scan: Callable[[str], Iterator[Span]]
    worth: Callable[[str], object]
    may_be_ours: bool = True
    digits: int = 0


@dataclass(frozen=True)
class Place:
    """Where a value stands: the example, the turn, and the letters."""

    example: int
    turn: int
    span: Span


# Bytes of UTF-8 that are no digits; those of scripts that have digits of their own count as digits.
_NO_DIGITS: Final = bytes(i for i in range(0xD9) if not 0x30 <= i <= 0x39)


@cache
def kinds() -> tuple[Kind, ...]:
    """Every kind, the surest first: where two claim the same letters, the first one has them."""
    from studio.data.checks import (
        addresses,
        bank_accounts,
        cards,
        cnpj,
        cpf,
        email_addresses,
        names,
        order_numbers,
        phones,
        postal_codes,
    )

    modules = (email_addresses, bank_accounts, cards, cnpj, cpf, order_numbers, phones, postal_codes, addresses, names)
    return tuple(module.KIND for module in modules)


def spans(text: str) -> list[tuple[Kind, Span]]:
    """The personal data of a text in the order of its letters; no two overlap."""
    taken: list[tuple[Kind, Span]] = []
    digits = len(text.encode("utf-8", "replace").translate(None, _NO_DIGITS))
    for kind in kinds():
        if digits >= kind.digits and kind.worth(text):
            for span in kind.scan(text):
                if all(span.end <= other.start or span.start >= other.end for _, other in taken):
                    taken.append((kind, span))
    return sorted(taken, key=lambda found: found[1].start)


@dataclass(frozen=True)
class Personal:
    """All values of a dataset.

    Args:
        private: places by code of the kind: what a person would not want learned.
        company: places by code of the kind: the company's own contacts, which answers should tell.
        masks: the mask of each value, by code of the kind and value.
        shown: the text of a company's value as it stands in the first answer, by code of the kind and value.
    """

    private: dict[str, list[Place]]
    company: dict[str, list[Place]]
    masks: dict[tuple[str, str], str]
    shown: dict[tuple[str, str], str]

    @classmethod
    def of(cls, conversations: Sequence[Conversation]) -> Personal:
        """Looks through all turns but the system's, which the company wrote."""
        found: list[tuple[Kind, Place]] = []
        highest: dict[str, int] = defaultdict(int)
        known: dict[str, list[tuple[Kind, Span]]] = {}
        for example, conversation in enumerate(conversations):
            for turn, message in enumerate(conversation.messages):
                if message.role is Role.SYSTEM:
                    continue
                text = message.content
                if text not in known:
                    known[text] = spans(text)
                found += [(kind, Place(example, turn, span)) for kind, span in known[text]]
                for mask, number in _MASK.findall(text) if "[" in text else ():
                    highest[mask] = max(highest[mask], int(number))
        ours = _ours(conversations, found)
        personal = cls(defaultdict(list), defaultdict(list), {}, {})
        for kind, place in found:
            key = (kind.code, place.span.value)
            if key in ours:
                personal.company[kind.code].append(place)
                text = conversations[place.example].messages[place.turn].content
                personal.shown.setdefault(key, text[place.span.start : place.span.end])
            else:
                personal.private[kind.code].append(place)
            if key not in personal.masks:
                highest[kind.mask] += 1
                personal.masks[key] = f"[{kind.mask}_{highest[kind.mask]}]"
        return personal

    def masked(self, conversations: Sequence[Conversation], places: Iterable[tuple[str, Place]]) -> list[Conversation]:
        """The conversations with the values at some places, each with the code of its kind, masked."""
        by_turn: dict[tuple[int, int], list[tuple[str, Span]]] = defaultdict(list)
        for code, place in places:
            by_turn[place.example, place.turn].append((code, place.span))
        changed = list(conversations)
        for (example, turn), found in by_turn.items():
            conversation = changed[example]
            text = conversation.messages[turn].content
            for code, span in sorted(found, key=lambda item: -item[1].start):
                text = text[: span.start] + self.masks[code, span.value] + text[span.end :]
            messages = list(conversation.messages)
            messages[turn] = messages[turn].model_copy(update={"content": text})
            changed[example] = conversation.model_copy(update={"messages": tuple(messages)})
        return changed


_MASK: Final = re.compile(r"\[([A-Z]+)_(\d{1,6})\]")


def _ours(conversations: Sequence[Conversation], found: Sequence[tuple[Kind, Place]]) -> set[tuple[str, str]]:
    """The values that are the company's own.

    They are told in answers and not by customers (but for one in ten, who may ask about them), and: the value itself
    shows it, or it recurs in answers to three different questions, or the words before it say so ("call us at …").
    """
    questions: dict[tuple[str, str], set[str]] = defaultdict(set)
    told: dict[tuple[str, str], int] = defaultdict(int)
    asked: dict[tuple[str, str], int] = defaultdict(int)
    said_to_be: dict[tuple[str, str], bool] = {}
    for kind, place in found:
        key = (kind.code, place.span.value)
        conversation = conversations[place.example]
        message = conversation.messages[place.turn]
        if not kind.may_be_ours:
            continue
        if message.role is Role.USER:
            asked[key] += 1
            continue
        told[key] += 1
        questions[key].add(conversation.question)
        before = message.content[max(0, place.span.start - _BEFORE) : place.span.start]
        named = kind.code != "names" and bool(_OURS.search(before)) and not _YOURS.search(before)
        said_to_be[key] = said_to_be.get(key, False) or place.span.ours or named
    return {
        key
        for key, count in told.items()
        if asked[key] * 10 <= count and (said_to_be[key] or len(questions[key]) >= _RECURS)
    }
