"""Whether an answer to something that a model cannot know hands the question on, declines it, or makes something up."""

from __future__ import annotations

import re
from typing import Final

_DECLINES: Final = re.compile(
    r"\b(?:i (?:do not|don't|don’t|cannot|can't|can’t|am not able|am unable|have no)|i'm (?:not able|unable|sorry)|i’m (?:not able|unable|sorry)"
    r"|sorry|unfortunately|(?:can|could) only help|not (?:something|able)|unable to|no information|outside (?:of )?(?:what|my)|as an ai"
    r"|não (?:posso|consigo|sei|tenho|temos|podemos|sabemos|é possível|fazemos|atendemos)|nao (?:posso|consigo|sei|tenho)"
    r"|desculpe|desculpa|lamento|sinto muito|infelizmente|só (?:posso|consigo|ajudo)|somente (?:posso|ajudo)|fora do (?:meu|nosso)"
    r"|não faz parte|como (?:uma )?(?:ia|inteligência))\b",
    re.IGNORECASE,
)
_HANDS_ON: Final = re.compile(
    r"\b(?:contact|reach out|ask (?:a|your|the)|see a|consult|speak (?:to|with)|talk (?:to|with)|call (?:us|our|the|your|a|an)|visit (?:the|their|your)"
    r"|get in touch|refer to|check with|write to|e-?mail (?:us|our)|message (?:us|our)|real person|our team"
    r"|entre em contato|fale com|procure|consulte|converse com|pergunte a|ligue|chame|acesse o site|mande (?:uma )?mensagem|nossa equipe"
    r"|nosso (?:atendimento|time|suporte)|gente de verdade|encaminh\w+|transfer\w+)\b",
    re.IGNORECASE,
)


def reaction(answer: str) -> str:
    """``refused`` (also where nothing is said), ``handed`` or ``answered``."""
    if not answer.strip() or _DECLINES.search(answer):
        return "refused"
    return "handed" if _HANDS_ON.search(answer) else "answered"
