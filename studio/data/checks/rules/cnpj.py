"""CNPJ, the number of a company in Brazil, the new ones with letters too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span

_CANDIDATE: Final = re.compile(
    r"(?<![\w.,/-])[0-9A-Z]{2}[ .]?[0-9A-Z]{3}[ .]?[0-9A-Z]{3}\s?/?\s?[0-9A-Z]{4}\s?-?\s?\d{2}(?!\w|[.,/-]\d)"
)
_FORMATTED: Final = re.compile(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}\s?/\s?[0-9A-Z]{4}\s?-\s?\d{2}")
_NAMED: Final = re.compile(r"\bcnpj\b\W{0,12}(?:\w{1,6}\W{0,3}){0,2}$", re.IGNORECASE)


def _scan(text: str) -> Iterator[Span]:
    from stdnum.br import cnpj

    for match in _CANDIDATE.finditer(text):
        number = re.sub(r"[^0-9A-Z]", "", match.group())
        if sum(c.isdigit() for c in number) < 6:
            continue
        named = _NAMED.search(text[max(0, match.start() - 40) : match.start()]) is not None
        if _FORMATTED.fullmatch(match.group()) or named or cnpj.is_valid(number):
            yield Span(match.start(), match.end(), number)


KIND: Final = Kind("cnpj", "CNPJ", _scan, 25, digits=6)
