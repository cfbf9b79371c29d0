"""E-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span
from studio.data.text import words

_ADDRESS: Final = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}(?:@| @ )(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.){1,5}[^\W\d_]{2,24}(?![\w@])"
)
_SPELLED: Final = re.compile(
    r"(?<![\w.+-])[a-z0-9][\w.+-]{0,63} ?[(\[{](?:at|arroba)[)\]}] ?[a-z0-9-]{2,63}"
    r"(?: ?(?:\.|[(\[{](?:dot|ponto|punto)[)\]}]) ?[a-z]{2,12}){1,3}(?!\w)",
    re.IGNORECASE,
)
_SPOKEN: Final = re.compile(
    r"(?<![\w.+-])[a-z0-9][\w.+-]{1,63} (?:arroba|at) [a-z0-9-]{2,40} (?:dot|ponto|punto) [a-z]{2,12}(?: (?:dot|ponto|punto) [a-z]{2,3})?(?!\w)",
    re.IGNORECASE,
)
_ROLES: Final = words(
    "contact contato contacto support suporte sac atendimento help ajuda hello hi ola oi info informacoes vendas sales "
    "comercial loja shop store office orders pedidos billing financeiro service servico faleconosco fale privacidade "
    "privacy lgpd dpo noreply no-reply naoresponda admin team equipe rh jobs press imprensa marketing returns trocas "
    "devolucoes customerservice customercare care ouvidoria"
)


_SIGN: Final = re.compile(r"@|[(\[{]at|arroba| (?:dot|ponto|punto) ", re.IGNORECASE)  # one is in each of them


def _scan(text: str) -> Iterator[Span]:
    for pattern in (_ADDRESS, _SPELLED, _SPOKEN) if _SIGN.search(text) else ():
        for match in pattern.finditer(text):
            value = "".join(match.group().split()).casefold().strip(".")
            local = re.split(r"[@(\[{]", value)[0]
            start = match.start() + (len(match.group()) - len(match.group().lstrip(".")))
            yield Span(start, match.end(), value, ours=re.split(r"[.+_-]", local)[0] in _ROLES or local in _ROLES)


KIND: Final = Kind("emails", "EMAIL", _scan, 30)
