"""Numbers, prices, dates, times, links, phones and names in a text, each as a value that is the same however it is written.

`R$ 1.234,50`, `1,234.50 reais` and `R$1234.5` are one price; `8:20 am` and `8h20` one time; `two days` and `2 dias` one
number. Portuguese and English are read at once, since owners mix them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Final

from studio.domain.proof import FactKind
from studio.evaluation.number_words import NUMBER_WORDS, UNITS

Value = Hashable
_AMOUNT: Final = r"\d+(?:[.,\u00a0 ]\d{3})*(?:[.,]\d+)?|\d+(?:[.,]\d+)?"
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        [
            "january|jan|janeiro",
            "february|feb|fevereiro|fev",
            "march|mar|março|marco",
            "april|apr|abril|abr",
            "may|maio|mai",
            "june|jun|junho",
            "july|jul|julho",
            "august|aug|agosto|ago",
            "september|sep|sept|setembro|set",
            "october|oct|outubro|out",
            "november|nov|novembro",
            "december|dec|dezembro|dez",
        ],
        start=1,
    )
    for name in names.split("|")
}
_WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "monday|mondays|mon|segunda-feira|segunda|segundas",
            "tuesday|tuesdays|tue|terça-feira|terça|terças|terca-feira|terca",
            "wednesday|wednesdays|wed|quarta-feira|quarta|quartas",
            "thursday|thursdays|thu|quinta-feira|quinta|quintas",
            "friday|fridays|fri|sexta-feira|sexta|sextas",
            "saturday|saturdays|sábado|sábados|sabado|sabados",
            "sunday|sundays|domingo|domingos",
        )
    )
    for name in names.split("|")
}
_CURRENCIES: Final = {
    "r$": "BRL", "reais": "BRL", "real": "BRL", "brl": "BRL", "us$": "USD", "$": "USD", "usd": "USD", "dollars": "USD",
    "dollar": "USD", "dólares": "USD", "dólar": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "£": "GBP", "pounds": "GBP", "libras": "GBP",
}  # fmt: skip
_MONTH: Final = "|".join(sorted(map(re.escape, _MONTHS), key=len, reverse=True))
_DAY: Final = "|".join(sorted(map(re.escape, _WEEKDAYS), key=len, reverse=True))
_UNIT: Final = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_WORDS: Final = "|".join(sorted(map(re.escape, NUMBER_WORDS), key=len, reverse=True))
_BETWEEN: Final = r"(?:\s+(?:business|working|calendar|úteis|uteis|full|whole))?"


@dataclass(frozen=True)
class FoundFact:
    """A fact where it stands.

    Args:
        kind: what it is.
        text: as it is written.
        start: first character.
        end: after the last one.
        value: the same for the same fact; of a number, the number and its unit (empty where none is written).
    """

    kind: FactKind
    text: str
    start: int
    end: int
    value: Value


def find_facts(text: str) -> list[FoundFact]:
    """The facts of a text but for names, in their order; none lies within another."""
    taken = bytearray(len(text) + 1)
    found: list[FoundFact] = []
    for kind, finder in _FINDERS:
        for start, end, value in finder(text):
            if end > start and not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(FoundFact(kind, text[start:end], start, end, value))
    return sorted(found, key=lambda fact: fact.start)


def number_of(written: str) -> float:
    """The number of digits with separators: the last of two kinds is the decimal one, a single one before three
    digits parts thousands.
    """
    digits = re.sub(r"[\s\u00a0]", "", written)
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and dot >= 0:
        decimal = "," if comma > dot else "."
        digits = digits.replace("." if decimal == "," else ",", "").replace(decimal, ".")
    elif comma >= 0 or dot >= 0:
        mark = "," if comma >= 0 else "."
        head, *groups = digits.split(mark)
        thousands = head != "0" and len(head) <= 3 and all(len(group) == 3 for group in groups)
        digits = head + "".join(groups) if thousands else digits.replace(mark, ".")
    return float(digits) if digits.count(".") <= 1 else float(digits.replace(".", ""))


Finding = tuple[int, int, Value]


def _links(text: str) -> Iterator[Finding]:
    for match in re.finditer(
        r"(?:https?://|www\.)[^\s<>\"')\]]+|\b(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[^\s<>\"')\]]*)?", text, re.I
    ):
        written = match.group().rstrip(".,;:!?")
        if "@" in text[max(0, match.start() - 1) : match.end()] or (len(written) < 4):
            continue
        value = re.sub(r"^(?:https?://)?(?:www\.)?", "", written.casefold()).rstrip("/")
        yield match.start(), match.start() + len(written), value


def _emails(text: str) -> Iterator[Finding]:
    for match in re.finditer(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+", text):
        yield match.start(), match.end(), match.group().casefold()


def _phones(text: str) -> Iterator[Finding]:
    from studio.data.checks.rules.phones import KIND

    for span in KIND.scan(text):
        yield span.start, span.end, span.value[-8:]


def _dates(text: str) -> Iterator[Finding]:
    for match in re.finditer(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b|\b(\d{1,2})/(\d{1,2})(?:/(\d{2,4}))?\b(?!/)", text):
        year, month, day, one, other, _ = match.groups()
        parts = (int(month), int(day)) if year else (int(one), int(other))
        if min(parts) >= 1 and max(parts) <= 31 and min(parts) <= 12:
            yield match.start(), match.end(), tuple(sorted(parts))  # 3/4 and 4/3 are written by people of both customs
    named = rf"\b(\d{{1,2}})(?:º|st|nd|rd|th)?\s+(?:de\s+|of\s+)?({_MONTH})\b|\b({_MONTH})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?\b"
    year_after = r"(?:,?\s+(?:de\s+)?\d{4}\b)?"
    for match in re.finditer(rf"(?:{named}){year_after}", text, re.I):
        day, month = match[1] or match[4], match[2] or match[3]
        if 1 <= int(day) <= 31:
            yield match.start(), match.end(), tuple(sorted((int(day), _MONTHS[month.casefold()])))
    for match in re.finditer(rf"\b({_DAY})\b", text, re.I):
        name = match.group()
        if name.casefold() in ("segunda", "terça", "quarta", "quinta", "sexta") and re.match(
            r"\s+(?:via|vez|etapa|opção|compra|parcela)\b", text[match.end() :], re.I
        ):
            continue  # an ordinal number
        if name.casefold() in ("mon", "tue", "wed", "thu", "fri") and not name[0].isupper():
            continue
        yield match.start(), match.end(), f"weekday {_WEEKDAYS[name.casefold()]}"


def _times(text: str) -> Iterator[Finding]:
    pattern = r"\b(\d{1,2})(?::(\d{2}))?\s?(a\.m\.|p\.m\.|am\b|pm\b)|\b(\d{1,2}):(\d{2})\b(?:\s?h\b)?|\b(\d{1,2})\s?h(?:(\d{2}))?\b"
    for match in re.finditer(pattern, text, re.I):
        hour = int(match[1] or match[4] or match[6])
        minute = int(match[2] or match[5] or match[7] or 0)
        if match[3]:
            hour = hour % 12 + (12 if match[3][0] in "pP" else 0)
        if hour > 23 or minute > 59:
            continue
        yield match.start(), match.end(), 60 * hour + minute


def _prices(text: str) -> Iterator[Finding]:
    signs = r"R\$|US\$|\$|€|£|BRL|USD|EUR"
    words = r"reais|real|dollars?|dólar(?:es)?|euros?|pounds|libras|€"
    for match in re.finditer(rf"(?<!\w)({signs})\s?({_AMOUNT})|\b({_AMOUNT})\s?({words})(?!\w)", text, re.I):
        amount, sign = match[2] or match[3], match[1] or match[4]
        yield match.start(), match.end(), (number_of(amount), _CURRENCIES[sign.casefold()])


def _percents(text: str) -> Iterator[Finding]:
    for match in re.finditer(rf"\b({_AMOUNT})\s?(?:%|percent\b|per cent\b|por cento\b)", text, re.I):
        yield match.start(), match.end(), number_of(match[1])


def _numbers(text: str) -> Iterator[Finding]:
    pattern = (
        rf"(?<![\w.,-])({_AMOUNT})(?:º|ª|st\b|nd\b|rd\b|th\b)?(?:\s?(?:-\s?)?(x)\b|{_BETWEEN}\s?-?({_UNIT})\b)?(?!\w)"
    )
    for match in re.finditer(pattern, text, re.I):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if not line.strip(" *-") and re.match(r"[.)]\s", text[match.end() :]):
            continue  # the number of a list
        yield match.start(), match.end(), (number_of(match[1]), UNITS.get((match[3] or match[2] or "").casefold(), ""))
    for match in re.finditer(rf"\b({_WORDS})(?:(?:-|\s+e\s+)({_WORDS}))?\b(?:{_BETWEEN}\s+({_UNIT})\b)?", text, re.I):
        number = NUMBER_WORDS[match[1].casefold()] + NUMBER_WORDS.get((match[2] or "").casefold(), 0)
        yield match.start(), match.end(), (float(number), UNITS.get((match[3] or "").casefold(), ""))
    for match in re.finditer(r"\b(?=\w*[A-Z])(?=\w*\d)[A-Z0-9]{3,}(?:-[A-Z0-9]+)*\b", text):
        yield match.start(), match.end(), (match.group(), "")  # a code


_FINDERS: Final[tuple[tuple[FactKind, Callable[[str], Iterator[Finding]]], ...]] = (
    (FactKind.EMAIL, _emails),
    (FactKind.LINK, _links),
    (FactKind.PHONE, _phones),
    (FactKind.DATE, _dates),
    (FactKind.MONEY, _prices),
    (FactKind.PERCENT, _percents),
    (FactKind.TIME, _times),
    (FactKind.NUMBER, _numbers),
)
