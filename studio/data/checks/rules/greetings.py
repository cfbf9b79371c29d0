"""Questions that are only greetings: nothing is asked, so nothing is learned but small talk."""

from __future__ import annotations

from typing import Final

from studio.data.checks.check import Check, without
from studio.data.text import words
from studio.domain.problem import Severity

_MAX_LETTERS: Final = 100  # letters of eight such words
_MAX_WORDS: Final = 8  # words
_GREETING: Final = words(
    "hi hello hey hiya yo greetings morning afternoon evening night day howdy oi ola oie opa eai ei alo dia tarde "
    "noite hola buenas dias tardes noches saludos salve"
)
_AROUND: Final = words(
    "good bom boa buenos there everyone all team sir madam guys folks how are you doing is it going today anyone anybody here again "
    "tudo bem td blz beleza bao bem com voce vc voces vcs como vai esta estao tem alguem ai pessoal gente amigos equipe "
    "moco moca amigo amiga senhor senhora e a o por favor please que tal muy buen dear prezados prezado prezada bos"
)


def _only_greets(key: str) -> bool:
    """Whether a question in plain letters greets and asks nothing."""
    if len(key) > _MAX_LETTERS or key.count(" ") >= _MAX_WORDS:
        return False
    found = key.split()
    return 0 < len(found) <= _MAX_WORDS and bool(_GREETING & set(found)) and set(found) <= _GREETING | _AROUND


CHECK: Final = Check("greetings", Severity.NOTE, 10, fix=without, by_default=False, asked=_only_greets)
