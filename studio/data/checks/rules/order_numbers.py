"""Numbers of orders, parcels and tickets: they lead to one customer, and mean nothing to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span
from studio.domain.problem import Severity

_NAMED: Final = re.compile(
    r"\b(?:orders?|order id|order number|tracking(?: (?:code|number|id))?|shipment|parcel|invoice|ticket|case|reference|"
    r"booking|reservation|confirmation|protocol|pedidos?|encomenda|compra|rastreio|rastreamento|c[oó]digo de rastreio|"
    r"protocolo|chamado|ordem|nota fiscal|nf-?e?|fatura|reserva|ocorr[eê]ncia|solicita[cç][aã]o|orden|factura)"
    r"(?:\s+(?:code|number|id|no|num|n[uú]mero|c[oó]digo|is|was|[eé]|de|do|da|foi|atendimento|compra|entrega|abertura))*"
    r"[\s:.#º°ª-]*(?:n\s?[º°.o]\s?)?[\s:#]*"
    r"((?=[A-Za-z0-9./-]*\d{3})[A-Za-z]{0,5}[-/]?\d[A-Za-z0-9]*(?:[-/.][A-Za-z0-9]+){0,3})",
    re.IGNORECASE,
)
_HASH: Final = re.compile(r"(?<![\w&#])#\s?([A-Za-z]{0,4}-?\d{4,})(?!\w)")
_PARCEL: Final = re.compile(
    r"(?<!\w)[A-Z]{2} ?\d{3} ?\d{3} ?\d{3} ?[A-Z]{2}(?!\w)"
)  # S10 of the Universal Postal Union
# An amount ("pedido de 1500 unidades"), a colour ("cor #123456"), a flight ("reserva no voo LA3456") or a port is none.
_AMOUNT: Final = re.compile(
    r"[.,]\d|\s?%|\s*(?:or more|ou mais|each|cada|reais|real|d[oó]lares|euros?|dollars?|unidades?|units?|un|itens|items?|pe[cç]as?|"
    r"pcs|pieces?|pessoas|people|pontos|points|dias|days|horas|hours|kg|g|ml|km|m|cm|mm|gb|mb|k|mil)\b",
    re.IGNORECASE,
)
_COLOUR: Final = re.compile(
    r"\b(?:colou?rs?|cor|cores|hex\w*|rgb|pantone|c[oó]digo da cor)\b[^.!?\n]{0,40}$", re.IGNORECASE
)
_PORT: Final = re.compile(r"\b(?:ports?|portas?|https?|tcp|udp|smtp|imap|pop3?)\b", re.IGNORECASE)
_FLIGHT: Final = re.compile(r"(?:[A-Z]{2}|[A-Z]\d)-?\d{3,4}")
_FLYING: Final = re.compile(r"\b(?:flights?|voos?|vuelos?|airlines?|embar\w+|boarding)\b", re.IGNORECASE)
_NO_NUMBER: Final = re.compile(r"\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{4}-\d{2}-\d{2}|(?:19|20)\d{2}|\d+(?:kg|g|ml|h|min|x)")


def _scan(text: str) -> Iterator[Span]:
    for pattern, group in ((_PARCEL, 0), (_NAMED, 1), (_HASH, 1)):
        for match in pattern.finditer(text):
            value = match.group(group)
            digits = sum(c.isdigit() for c in value)
            if digits >= 4 and not _NO_NUMBER.fullmatch(value) and not _means_else(text, match.start(group), value):
                yield Span(match.start(group), match.end(group), re.sub(r"\W", "", value).upper())


def _means_else(text: str, start: int, value: str) -> bool:
    """Whether a number that stands where one of an order could is something else."""
    if _AMOUNT.match(text, start + len(value)):
        return True
    before = text[max(0, start - 60) : start]
    if _COLOUR.search(before) or (value.isdigit() and len(value) <= 5 and _PORT.search(before)):
        return True
    return _FLIGHT.fullmatch(value) is not None and _FLYING.search(text) is not None


KIND: Final = Kind("order_numbers", "ORDER", _scan, 15, Severity.NOTE, may_be_ours=False, digits=4)
