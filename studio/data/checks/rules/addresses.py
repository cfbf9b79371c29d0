"""Street addresses: a kind of street, its name, and a house number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span
from studio.data.text import plain

_WORD: Final = r"[A-ZÀ-Ý][\wÀ-ÿ'.-]{0,30}"
_NAME: Final = rf"(?:d[aeo]s?[ ])?(?:\d{{1,2}} de )?{_WORD}(?:[ ](?:d[aeo]s?|e|del?|la|los|las|of|the|[ªº]|\d{{1,2}}|{_WORD})){{0,6}}"
_LATIN: Final = re.compile(
    r"(?<!\w)(?=[RrAaTtPpEeLVvQCc])(?:[Rr]ua|R\.|[Aa]v(?:enida|\.)?|[Tt]ravessa|[Tt]v\.|[Aa]lameda|Al\.|[Pp]raça|[Pp]ça\.|[Rr]odovia|Rod\.|[Ee]strada"
    rf"|Largo|[Vv]iela|Quadra|[Cc]alle|[Aa]venida|[Cc]arrera|[Pp]laza)[ ]+{_NAME}"
    r",?[ ]*(?:[-–][ ]*)?(?:n(?:[º°o.]|úmero|umero|\.º)?[ ]*)?\d{1,5}(?!\d|[.,]\d{2}\b)"
    r"(?:[ ]?[A-Z]\b)?(?:[ ,-]{1,3}(?:apto?\.?|apartamento|ap\.|casa|bloco|bl\.|sala|fundos)[ ]*\w{1,6})*"
)
_ENGLISH: Final = re.compile(
    rf"(?<![\w$€£.,-])\d{{1,5}}[A-Z]?[ ](?:[NSEW]\.?[ ])?(?:{_WORD}|\d{{1,3}}(?:st|nd|rd|th))(?:[ ]{_WORD}){{0,4}}?[ ]"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Highway|Hwy|Parkway"
    r"|Close|Crescent)\b(?:\.(?=[ ,]*(?:Apt|Apartment|Unit|Suite|Ste|Flat|#)))?(?:[ ,]{1,2}(?:Apt|Apartment|Unit|Suite|Ste|Flat|#)\.?[ ]*\w{1,6})?"
)


def _scan(text: str) -> Iterator[Span]:
    for pattern in (_LATIN, _ENGLISH):
        for match in pattern.finditer(text):
            yield Span(match.start(), match.end(), plain(match.group()))


KIND: Final = Kind("addresses", "ADDRESS", _scan, 20, digits=1)
