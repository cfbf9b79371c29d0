"""CEP, the postal code of Brazil: eight digits that lead to one street."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span
from studio.domain.problem import Severity

_WRITTEN: Final = re.compile(r"(?<![\w.,/-])\d{2}\.?\d{3}-\d{3}(?!\w|[.,/-]\d)")
_NAMED: Final = re.compile(
    r"\bcep\b\W{0,3}(?:\s*(?:é|e|do|da|de|is|here|aqui|meu|number|n[uú]mero)\b)*\W{0,4}(\d{5}[ -]?\d{3})(?!\w)",
    re.IGNORECASE,
)


def _scan(text: str) -> Iterator[Span]:
    for match in _NAMED.finditer(text):
        yield Span(match.start(1), match.end(1), re.sub(r"\D", "", match.group(1)))
    for match in _WRITTEN.finditer(text):
        yield Span(match.start(), match.end(), re.sub(r"\D", "", match.group()))


KIND: Final = Kind("postal_codes", "CEP", _scan, 15, Severity.NOTE, digits=8)
