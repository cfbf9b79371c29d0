"""Places of a template that were never filled, such as ``{{name}}`` or ``{Order Number}``: the chatbot would say them."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, Dataset, Matches, without
from studio.data.text import plain, words
from studio.domain.problem import Severity

_NAME: Final = r"[^\W\d_][\w .'/-]{0,38}"
_BRACES: Final = re.compile(rf"\{{\{{\s*{_NAME}\s*\}}\}}|\$\{{\s*{_NAME}\s*\}}|(?<![\\\w$]){{\s*{_NAME}\s*}}")
_SQUARE: Final = re.compile(r"\[\s*([^\W\d_][\w .'/-]{1,40})\s*\](?!\()")
_ANGLE: Final = re.compile(r"<\s*([^\W\d_][^<>\n=/@]{1,40})\s*>")
_PERCENT: Final = re.compile(
    r"%\(\w+\)[sd]|(?<![\w%])%[A-Z][A-Z_]{2,30}%|(?<!\w)__[A-Z][A-Z_]{2,30}__(?!\w)|(?<![\w\\])\{\d\}"
)
# A pair of brackets may hold anything ("[beta]", "<3"): it is a place to fill where it says whose or what.
_OF_WHOM: Final = words(
    "your our insert enter name company customer client order product phone email number date address link url website "
    "agent user username first last amount price placeholder city store brand here seu sua nosso nossa inserir insira "
    "nome empresa cliente pedido produto telefone numero data endereco valor preco loja marca atendente usuario site "
    "cidade aqui tu nombre cliente pedido producto telefono fecha direccion tienda xxx xx"
)
_MASK: Final = re.compile(r"[A-ZÀ-Ý]+_\d{1,6}")
_CHOICE: Final = re.compile(r"^(?:x| |optional|opcional|sic|\.\.\.|…)$", re.IGNORECASE)
_SHOWN: Final = 3


def places(text: str) -> list[str]:
    """The places of a text that were never filled, as they stand there."""
    if "```" in text:
        return []
    found = [match.group() for match in _BRACES.finditer(text)] if "{" in text else []
    if "%" in text or "__" in text or "{" in text:
        found += [match.group() for match in _PERCENT.finditer(text)]
    for sign, pattern in (("[", _SQUARE), ("<", _ANGLE)):
        if sign in text:
            found += [match.group() for match in pattern.finditer(text) if _to_fill(match.group(1))]
    return found


def _to_fill(name: str) -> bool:
    name = name.strip()
    if _MASK.fullmatch(name) or _CHOICE.match(name):
        return False
    return not _OF_WHOM.isdisjoint(plain(name).split()) or ("_" in name and name.replace("_", "").isalpha())


def _has(text: str) -> bool:
    return bool(places(text))


def _search(dataset: Dataset) -> Matches:
    rows = dataset.flagged("placeholders")
    shown: dict[str, None] = {}
    for row in rows[: 10 * _SHOWN].tolist():
        shown.update(dict.fromkeys(p for m in dataset.conversations[row].messages for p in places(m.content)))
    examples = ", ".join(list(shown)[:_SHOWN])
    return Matches(rows, params={"examples": examples})


CHECK: Final = Check("placeholders", Severity.WARNING, 30, search=_search, fix=without, by_default=False, text=_has)
