"""Answers that are none: a dot, "n/a", "see attachment", the error of a spreadsheet, the question said again."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, without
from studio.data.checks.facts import Text
from studio.domain.problem import Severity

_PLACEHOLDERS: Final = frozenset(
    """n a|na|nan|null|nil|undefined|tbd|tba|tbc|todo|to do|to be defined|to be done|test|teste|testing|asdf|asdfasdf
    |qwerty|xxx|xxxx|xx|aaa|abc|empty|blank|vazio|em branco|placeholder|fixme|answer|resposta|answer here|your answer here
    |insert answer here|insert answer|resposta aqui|sua resposta aqui|inserir resposta|escreva aqui|colocar resposta
    |a definir|definir|pendente|pending|sem resposta|no answer|no response|no reply
    |nao informado|nao ha resposta|sem informacao|sem dados|no data
    |same as above|see above|as above|idem|idem acima|ver acima|vide acima|o mesmo de cima|removed|deleted|excluido
    |apagado|ref|value|div 0|name|num|erro|error|message deleted|this message was deleted|mensagem apagada|media omitted
    |midia oculta|arquivo de midia oculto|em construcao|em aberto|a completar|completar|preencher
    |fill in|please fill in|sin respuesta|pendiente|n d|nd|s r|sr""".replace("\n", "").split("|")
)
_ATTACHED: Final = re.compile(
    r"(?:hi |hello |ola |oi |bom dia |boa tarde |boa noite )?(?:please |pls |kindly |por favor |favor |conforme |segue |seguem )*"
    r"(?:see|check|find|refer to|ver|vide|veja|olhar|olhe|verificar|segue|seguem|conforme|ver em|em|veja em|vea|ver el)?"
    r"(?: the| our| your| o| a| no| na| os| as| em| el)*"
    r" ?(?:attached|attachment|attachments|attached file|attached document|attached pdf|anexo|anexos|anexa|arquivo anexo"
    r"|documento anexo|pdf anexo|print anexo|imagem anexa|arquivo em anexo|documento em anexo|adjunto)"
    r"(?: file| document| for details| for more details| for more information| please| por favor| abaixo| acima| obrigado"
    r"| obrigada| thanks| thank you)*"
)
_FITTING: Final = 120  # letters: a longer answer says something, if it is no filler
_REPEATED: Final = 3  # letters: a longer answer is not by chance what was asked
_STARTS: Final = ("lorem ipsum",)


def _says_nothing(_answer: str, key: str) -> bool:
    if not key:  # signs alone, such as a dot
        return True
    if len(key) > _FITTING:
        return key.startswith(_STARTS)
    return key in _PLACEHOLDERS or key.startswith(_STARTS) or _ATTACHED.fullmatch(key) is not None


def _repeats(question: Text, answer: Text) -> bool:
    return _REPEATED < answer.letters <= _FITTING and answer.key == question.key


CHECK: Final = Check("empty_answers", Severity.WARNING, 40, fix=without, answer=_says_nothing, pair=_repeats)
