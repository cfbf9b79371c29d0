"""IBAN: international bank account numbers with the right check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span

_CANDIDATE: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?![A-Za-z0-9])", re.IGNORECASE)


def _scan(text: str) -> Iterator[Span]:
    from stdnum import iban

    for match in _CANDIDATE.finditer(text):
        pieces = re.split(r"([ -])", match.group())
        # Words after the number may look like a part of it: the longest beginning that is valid counts.
        while pieces:
            candidate = "".join(pieces).rstrip(" -")
            number = re.sub(r"[ -]", "", candidate).upper()
            if len(number) >= 15 and iban.is_valid(number, check_country=False):
                yield Span(match.start(), match.start() + len(candidate), number)
                break
            pieces = pieces[:-1]


KIND: Final = Kind("bank_accounts", "IBAN", _scan, 30, digits=6)
