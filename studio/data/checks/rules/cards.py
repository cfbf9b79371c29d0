"""Card numbers: 13 to 19 digits of a known issuer whose check digit (Luhn) is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span

_CANDIDATE: Final = re.compile(r"(?<![\w.,-])(?:\d[ .-]?){12,18}\d(?!\w|[.,-]\d)")
# First digits and lengths of Visa, Mastercard, American Express, Discover, Diners, JCB, Elo, Hipercard (ISO/IEC 7812).
_ISSUER: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|6(?:011|4[4-9]|5)\d{12,13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|35\d{14}|(?:50|63)\d{14}|(?:606282|637095|637568|637599|637609|637612)\d{10}"
)


def _scan(text: str) -> Iterator[Span]:
    from stdnum import luhn

    for match in _CANDIDATE.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if _ISSUER.fullmatch(digits) and len(set(digits)) > 1 and luhn.is_valid(digits):
            yield Span(match.start(), match.end(), digits)


KIND: Final = Kind("cards", "CARD", _scan, 40, may_be_ours=False, digits=13)
