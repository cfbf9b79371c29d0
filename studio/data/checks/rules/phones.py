"""Phone numbers: by the numbering plans of phonenumbers, by the way they are written, by the words before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from studio.data.checks.personal import Kind, Span
from studio.data.text import words

_CANDIDATE: Final = re.compile(
    r"(?<![\w.,/#$-])(?:\+|00)?(?:\(\s?\+?\d{1,4}\s?\)|\d)(?:[ \t.\-–/]{0,3}(?:\(\d{1,4}\)|\d)){6,16}(?!\w|[.,]\d)"
)
_NAMED: Final = re.compile(
    r"(?:phone|mobile|cell|tel|telephone|call|ring|text|sms|dial|fax|fone|telefone|celular|whats\w*|zap|wpp|lig(?:a|ar|am|ue\w*|ou)|contato|contact|"
    r"reach|number is|n[uú]mero (?:é|e)|tel[eé]fono|móvil|movil|llam\w+)\b\W{0,6}(?:\w{1,9}\W{1,3}){0,3}$",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(
    r"(?:order|pedido|protocol\w*|ticket|invoice|nota|nf|cep|cpf|cnpj|rg|sku|ean|c[oó]digo|code|tracking|rastre\w+|serial|s[eé]rie|barra\w*|bar ?code|upc|"
    r"boleto|conta|ag[eê]ncia|account|r\$|us\$|isbn|model\w*|refer\w+|ref|ref\.|n[º°])\b\W{0,5}(?:\w{1,8}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
# Ways of writing that only phone numbers have: (11) 98765-4321, 11 98765 4321, 415-555-0132, (415) 555-0132.
_BRAZIL: Final = re.compile(r"(?:\+?55[\s.-]*)?(?:\(\s?0?[1-9]\d\s?\)\s*|0?[1-9]\d[\s.-]+)9?[\s.]?\d{4}[\s.–-]?\d{4}")
_BRAZIL_SHORT: Final = re.compile(r"9[\s.]?\d{4}[-.–\s]\d{4}")
_AMERICA: Final = re.compile(
    r"(?:\+?1[\s.-]*)?(?:\(\s?[2-9]\d{2}\s?\)[\s.-]*[2-9]\d{2}[\s.-]?|[2-9]\d{2}[.-][2-9]\d{2}[\s.-])\d{4}"
)
_BRITAIN: Final = re.compile(r"07\d{3}[\s-]\d{3}[\s-]?\d{3}|0[12]\d{1,3}[\s-]\d{3,4}[\s-]\d{3,4}")
_FREE: Final = re.compile(
    r"0\s?[38]00[\s.-]?\d{3}[\s.-]?\d{4}|(?:\+?1[\s.-]?)?\(?8(?:00|33|44|55|66|77|88)\)?[\s.-]\d{3}[\s.-]?\d{4}|[34]00\d[\s.-]\d{4}"
)
_NO_PHONE: Final = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}|\d{1,3}(?:\.\d{3}){2,}|"  # an address of a network; a sum with dots between thousands
    r"(?:19|20)\d{2}\s?[-–/]\s?(?:19|20)\d{2}|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*"
)
_AREA_CODES: Final = words(
    "11 12 13 14 15 16 17 18 19 21 22 24 27 28 31 32 33 34 35 37 38 41 42 43 44 45 46 47 48 49 51 53 54 55 61 62 63 64 "
    "65 66 67 68 69 71 73 74 75 77 79 81 82 83 84 85 86 87 88 89 91 92 93 94 95 96 97 98 99"
)


def _scan(text: str) -> Iterator[Span]:
    for match in _CANDIDATE.finditer(text):
        written = match.group()
        digits = re.sub(r"\D", "", written)
        if not 8 <= len(digits) <= 15 or len(set(digits)) < 3 or _NO_PHONE.fullmatch(written):
            continue
        before = text[max(0, match.start() - 40) : match.start()]
        free = _FREE.fullmatch(written) is not None
        if free or _is_phone(written, digits, bool(_NAMED.search(before)), bool(_OTHER.search(before))):
            yield Span(match.start(), match.end(), _value(digits), ours=free)


def _is_phone(written: str, digits: str, named: bool, other: bool) -> bool:
    if written.startswith(("+", "(+")):
        return named or _is_valid(f"+{digits}", None)
    if named:
        return True
    if other:
        return False
    if _BRAZIL.fullmatch(written):
        local = (digits.removeprefix("55") if len(digits) > 11 else digits).lstrip("0")
        separated = len(written) > len(digits)
        return separated and local[:2] in _AREA_CODES
    if written.startswith("00"):
        return len(written) > len(digits) and _is_valid(f"+{digits.removeprefix('00')}", None)
    if _BRITAIN.fullmatch(written) or _AMERICA.fullmatch(written) or _BRAZIL_SHORT.fullmatch(written):
        return True
    if written == digits:  # bare digits may be anything: only a mobile number of Brazil shows what it is
        local = digits[2:] if len(digits) == 13 and digits.startswith("55") else digits
        return len(local) == 11 and local[2] == "9" and local[:2] in _AREA_CODES
    return any(_is_valid(written, region) for region in ("GB", "PT", "ES"))


@lru_cache(maxsize=50_000)
def _is_valid(number: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, region)))
    except phonenumbers.NumberParseException:
        return False


def _value(digits: str) -> str:
    """The same for +55 11 98765-4321, 011 98765-4321 and 11 98765-4321."""
    digits = digits.removeprefix("00")
    if len(digits) in (12, 13) and digits.startswith("55"):
        return digits[2:]
    if len(digits) == 11 and digits.startswith("1") and digits[2] != "9":
        return digits[1:]
    return digits.lstrip("0")


KIND: Final = Kind("phones", "PHONE", _scan, 30, digits=8)
