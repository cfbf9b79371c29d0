"""Answers that only say that an answer will come: automatic replies, receipts of a message, a promise to look."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, without
from studio.domain.problem import Severity

_LONGEST: Final = 400  # letters: beyond, something is said beside the receipt
_AUTOMATIC: Final = re.compile(
    r"this is an? (?:automatic|automated|auto) (?:reply|response|message|e ?mail)|resposta automatica|mensagem automatica"
    r"|e ?mail automatico|do not reply to this|please do not reply|nao responda (?:a )?(?:este|esta|esse|essa)"
    r"|favor nao responder|out of (?:the )?office|estou (?:de ferias|fora do escritorio|ausente)|respuesta automatica"
)
_RECEIPT: Final = re.compile(
    r"(?:we have|we ve|we) received your (?:message|request|e ?mail|inquiry|enquiry|ticket|contact)"
    r"|(?:recebemos|acusamos o recebimento d[aeo]) (?:a )?(?:sua|seu|o seu|a sua) "
    r"(?:mensagem|contato|solicitacao|e ?mail|pedido de contato|chamado)"
    r"|(?:sua|seu) (?:mensagem|contato|solicitacao|chamado) foi recebid[ao]"
    r"|thank(?:s| you) for (?:contacting|reaching out to|writing to|getting in touch)|obrigad[oa] (?:por|pelo) (?:seu )?"
    r"(?:entrar em |ter entrado em )?contato|agradecemos (?:o |seu |o seu )?contato"
)
_LATER: Final = re.compile(
    r"(?:get|be) back (?:to|in touch)|(?:get|be) in touch|respond (?:as soon|shortly|within|soon)|reply (?:as soon|shortly|within|soon)"
    r"|will (?:contact|respond|reply|answer)|as soon as possible"
    r"|(?:retornaremos|entraremos|responderemos|retornamos|responderemos|daremos retorno)|em breve|assim que possivel"
    r"|o mais breve possivel|retorno em ate|entrara em contato"
)


def _announces(answer: str, key: str) -> bool:
    """Whether an answer, ``key`` in plain letters, only announces that one will come."""
    if not 10 < len(answer) <= _LONGEST:
        return False
    return bool(_AUTOMATIC.search(key) or (_RECEIPT.search(key) and _LATER.search(key)))


CHECK: Final = Check("boilerplate", Severity.WARNING, 25, fix=without, by_default=False, answer=_announces)
