"""Words of a web page's buttons at the end of a text, such as "View more": copied along, and no part of the answer."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, rewritten
from studio.domain.problem import Severity

_BUTTONS: Final = (
    r"(?:view|show|read|see|load|learn) (?:more|less|all)|more info|expand all|collapse all|back to top|copy link|"
    r"copy to clipboard|share this(?: article| page)?|print this page|"
    r"was this (?:article |answer |page )?helpful\??(?: ?\|? ?yes ?/? ?\|? ?no)?|like ?[·|] ?reply|"
    r"(?:ver|mostrar|ler|leia|exibir|carregar|saiba) (?:mais|menos|tudo)|voltar ao topo|copiar link|compartilhar|"
    r"(?:esta|essa) (?:resposta|página|informação) foi útil\??(?: ?\|? ?sim ?/? ?\|? ?não)?|"
    r"(?:ver|mostrar|leer) (?:más|menos|todo)|volver arriba|copiar enlace|compartir|¿?te resultó útil\??"
)
# On a line of its own, or behind a finished sentence: "Click on View more" is an instruction and stays.
_END: Final = re.compile(
    rf"(?:(?<=[.!?…:)])[ \t\xa0]*|[ \t]*\n\s*)(?:[»›>▸▾▼+\[(]*\s*)(?:{_BUTTONS})(?:\s*[»›>▸▾▼+…\])]*)[.]?\s*\Z",
    re.IGNORECASE,
)
_LONGEST: Final = 120  # letters of such words


def without_buttons(text: str) -> str:
    """The text without the buttons at its end."""
    while (cut := _END.sub("", text)) != text:
        text = cut
    return text


def _has(text: str) -> bool:
    return _END.search(text, max(0, len(text) - _LONGEST)) is not None


CHECK: Final = Check("interface_remains", Severity.NOTE, 15, fix=rewritten(without_buttons), text=_has)
