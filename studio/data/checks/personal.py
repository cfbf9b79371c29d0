"""Personal data: found in all texts at once, told apart from the company's own contacts, masked consistently.

Each kind (e-mail, phone …) has a file with a ``KIND``; here their findings are put in order of certainty, so that no
letter belongs to two, and the same value gets the same mask throughout a dataset.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from studio.data.checks.facts import Facts, first_places
from studio.data.checks.language_detection import NAMES
from studio.data.similarity.clusters import Hashes, Ints, combined_hashes
from studio.domain.conversation import Conversation
from studio.domain.problem import Severity

_RECURS: Final = 3  # different questions that a value is told in answer to, before it counts as the company's own
_CONTEXT_LETTERS: Final = 200  # letters before a value that say whose it is, within its sentence
_OURS: Final = re.compile(
    r"\b(?:our|us|ours|contact|reach|call|write to|e-?mail(?: us)?(?: at| to)?|message|whatsapp|hotline|support|store|shop|office|"
    r"headquarters|visit|located|nosso|nossa|nossos|nossas|conosco|contato|ligue|ligar|fale|chame|escreva|mande|envie|"
    r"atendimento|central|suporte|sac|loja|sede|endereço|endereco|ficamos|estamos|visite|matriz|filial|telefone|"
    r"nuestro|nuestra|llame|escriba|tienda|plantão|emergência|emergencia|emergency|on duty|ouvidoria"
    r"|0[389]00(?=[\s.-]?\d))\b",
    re.IGNORECASE,
)
_YOURS: Final = re.compile(
    r"\b(?:your|yours|you gave|you provided|registered|on file|seu|sua|seus|suas|cadastrad[oa]|informad[oa]|"
    r"do cliente|of the customer|call you|reach you|contact you|tu|su)\b"
    r"(?:\s+[\w-]+)?",
    re.IGNORECASE,
)
_DIGIT: Final = re.compile(r"\d")
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s)|\n")
# What a mask is called where the answers are in another language than English.
_MASKS: Final = {
    "pt": {"PHONE": "TELEFONE", "CARD": "CARTÃO", "ADDRESS": "ENDEREÇO", "NAME": "NOME", "ORDER": "PEDIDO"},
    "es": {"PHONE": "TELÉFONO", "CARD": "TARJETA", "ADDRESS": "DIRECCIÓN", "NAME": "NOMBRE", "ORDER": "PEDIDO"},
}


@dataclass(frozen=True)
class Span:
    """A value in a text."""

    start: int  # first letter
    end: int  # after the last letter
    value: str  # as it is compared: digits only, lower case
    ours: bool = False  # whether the value itself shows that it is a company's: ``support@…``, a toll-free number


@dataclass(frozen=True)
class Kind:
    """One kind of personal data."""

    code: str  # of its check
    mask: str  # ``EMAIL`` makes ``[EMAIL_1]``
    scan: Callable[[str], Iterator[Span]]  # yields its values in a text
    weight: float  # of its check
    severity: Severity = Severity.WARNING  # of its check
    digits: int = 0  # the fewest that a value has
    may_be_ours: bool = True  # whether a company has such a value of its own and tells it to customers


def spans(text: str, kinds: Sequence[Kind]) -> list[tuple[Kind, Span]]:
    """The personal data of a text in the order of its letters; no two overlap, the surest kind comes first."""
    taken: list[tuple[Kind, Span]] = []
    digits = len(_DIGIT.findall(text))
    for kind in kinds:
        for span in kind.scan(text) if digits >= kind.digits else ():
            if all(span.end <= other.start or span.start >= other.end for _, other in taken):
                taken.append((kind, span))
    return sorted(taken, key=lambda found: found[1].start)


def is_company_value(text: str, kind: Kind, span: Span) -> bool:
    """Whether a value, or the words before it, show that it is the company's own ("call us at …")."""
    if span.ours or kind.code == "names":
        return span.ours
    before = _SENTENCE_END.split(text[max(0, span.start - _CONTEXT_LETTERS) : span.start])[-1]
    return _last(_OURS, before) > _last(_YOURS, before)  # whoever is named nearest to the value has it


def _last(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match of a pattern ends; -1 where there is none."""
    return max((match.end() for match in pattern.finditer(text)), default=-1)


def mask_numbers(text: str) -> list[tuple[str, int]]:
    """The masks that stand in a text already: ``("EMAIL", 7)`` for ``[EMAIL_7]``."""
    return [(mask, int(number)) for mask, number in _MASK.findall(text)] if "[" in text else []


@dataclass(frozen=True)
class Personal:
    """All values of a dataset.

    Args:
        kinds: of personal data, in the order of the registry; ``kind`` of a value is a place in it.
        values: those of :class:`studio.data.checks.facts.Facts`, ``(V,)``, with the numbers of their masks; the same
            value has the same mask throughout.
        ours: ``(V,)``, whether each is the company's own contact, which answers should tell.
        language: of the answers, which the masks are named in.
        contacts: hashes of the values that are the company's own.
        recalled: those of them that are known to be from before only.
    """

    kinds: Sequence[Kind]
    values: NDArray[np.void]
    ours: NDArray[np.bool_]
    language: str
    contacts: Hashes
    recalled: Hashes

    @classmethod
    def of(cls, facts: Facts, kinds: Sequence[Kind], contacts: Hashes | None = None) -> Personal:
        """Looks through the values of all turns but the system's, which the company wrote.

        ``contacts`` were the company's own before a fix took examples away: a number told in two answers that are left
        is still the one of the shop.
        """
        values = facts.values
        hashes = combined_hashes(values["value"], values["kind"].astype(np.uint64))
        first, rank = first_places(hashes)
        numbers = np.zeros(len(first), np.int64)
        language = _language(facts)
        for place, kind in enumerate(kinds):
            of_kind = np.flatnonzero(values["kind"][first] == place)
            used = max((facts.masks.get(name, 0) for name in _names(kind.mask)), default=0)
            numbers[of_kind] = used + 1 + np.arange(len(of_kind))
        different, shown = hashes[first], _ours(facts, kinds, len(first), rank)
        ours = shown if contacts is None else shown | np.isin(different, contacts)
        values = values.copy()
        values["number"] = numbers[rank]
        return cls(kinds, values, ours[rank], language, different[ours], different[ours & ~shown])

    def private(self, code: str) -> NDArray[np.void]:
        """The values of one kind that a person would not want learned, with their masks."""
        kind = [known.code for known in self.kinds].index(code)
        return np.compress((self.values["kind"] == kind) & ~self.ours, self.values)

    def company(self) -> NDArray[np.void]:
        """The company's own contacts, with their masks."""
        return np.compress(self.ours, self.values)

    def mask(self, kind: Kind, number: int = 1) -> str:
        """What stands for a value in a text: ``[PHONE_1]``, in Portuguese ``[TELEFONE_1]``."""
        return f"[{_MASKS.get(self.language, {}).get(kind.mask, kind.mask)}_{number}]"

    def masked(self, conversations: Sequence[Conversation], places: NDArray[np.void]) -> dict[int, Conversation | None]:
        """The conversations with some values masked, by their positions."""
        by_row: dict[int, list[tuple[int, int, int, str]]] = defaultdict(list)
        for place in places:
            mask = self.mask(self.kinds[place["kind"]], place["number"])
            by_row[int(place["row"])].append((int(place["turn"]), int(place["start"]), int(place["end"]), mask))
        changed: dict[int, Conversation | None] = {}
        for row, found in by_row.items():
            conversation = conversations[row]
            messages = list(conversation.messages)
            for turn, start, end, mask in sorted(found, reverse=True):
                text = messages[turn].content
                messages[turn] = messages[turn].model_copy(update={"content": text[:start] + mask + text[end:]})
            changed[row] = conversation.model_copy(update={"messages": tuple(messages)})
        return changed


def _names(mask: str) -> set[str]:
    """What a mask is called in each language."""
    return {mask, *(names[mask] for names in _MASKS.values() if mask in names)}


def _language(facts: Facts) -> str:
    """The language of most texts; empty where none is known."""
    spoken = np.concatenate((facts.rows["answered_in"], facts.rows["asked_in"]))
    counts = np.bincount(spoken, minlength=len(NAMES) + 1)[1:]
    return NAMES[int(counts.argmax())] if counts.any() else ""


def _ours(facts: Facts, kinds: Sequence[Kind], count: int, rank: Ints) -> NDArray[np.bool_]:
    """Which different values are the company's own.

    They are told in answers and not by customers (but for one in ten, who may ask about them), and: the value itself
    shows it, or it recurs in answers to three different questions, or the words before it say so, or the question asks
    the company for it.
    """
    values = facts.values
    may = np.array([kind.may_be_ours for kind in kinds])[values["kind"]]
    told, asked = may & ~values["asked"], may & values["asked"]
    times_told = np.bincount(rank[told], minlength=count)
    times_asked = np.bincount(rank[asked], minlength=count)
    wanted = (facts.rows["wanted"][values["row"]] >> values["kind"]) & 1 > 0
    said_to_be = np.bincount(rank[told & (values["ours"] | wanted)], minlength=count) > 0
    questions = facts.rows["question"][values["row"][told]]
    different, _ = first_places(combined_hashes(rank[told].astype(np.uint64), questions))
    recurs = np.bincount(rank[told][different], minlength=count) >= _RECURS
    own: NDArray[np.bool_] = (times_told > 0) & (times_asked * 10 <= times_told) & (said_to_be | recurs)
    return own


_MASK: Final = re.compile(r"\[([A-ZÀ-Ý]+)_(\d{1,6})\]")
