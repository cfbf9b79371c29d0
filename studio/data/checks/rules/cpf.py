"""CPF, the number of a person in Brazil; both check digits must be right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span

_CANDIDATE: Final = re.compile(r"(?<![\w.,/+-])\d{3}[ .]?\d{3}[ .]?\d{3}[ ./-]{0,3}\d{2}(?![\w]|[.,/-]\d)")
_NAMED: Final = re.compile(r"\bcpf\b\W{0,12}(?:\w{1,6}\W{0,3}){0,2}$", re.IGNORECASE)
_PHONE: Final = re.compile(
    r"(?:phone|mobile|cell|tel|fone|celular|whats\w*|zap|lig(?:a|ar|am|ue\w*|ou)|call|n[uú]mero de contato)\b\W{0,10}(?:\w{1,6}\W{0,3}){0,2}$",
    re.IGNORECASE,
)


def _scan(text: str) -> Iterator[Span]:
    from stdnum.br import cpf

    for match in _CANDIDATE.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        before = text[max(0, match.start() - 40) : match.start()]
        formatted = re.fullmatch(r"\d{3}\.\d{3}\.\d{3}\s?-\s?\d{2}", match.group()) is not None
        named = _NAMED.search(before) is not None
        # One with a slip of the pen, but written or called a CPF, is a person's number all the same.
        if formatted or named or (cpf.is_valid(digits) and not _PHONE.search(before)):
            yield Span(match.start(), match.end(), digits)


KIND: Final = Kind("cpf", "CPF", _scan, 40, may_be_ours=False, digits=11)
