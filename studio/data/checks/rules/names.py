"""Names of people, where the words around them leave no doubt: "my name is …", "meu nome é …", "Sra. …"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from studio.data.checks.personal import Kind, Span
from studio.data.text import plain, words

_LETTERS: Final = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_INTRODUCTION: Final = re.compile(
    r"\b(?:my (?:full )?name(?:'s| is|’s)|the name is|(?:full |first |last |family |your |customer |client |"
    r"contact |guest |(?<!\w )(?<![\w-]))name:|i am called|i'm called|meu nome(?: completo)? [ée]|nome completo:|"
    r"(?<!\w )(?<![\w-])nome:|"
    r"me chamo|eu me chamo|chamo-me|mi nombre es|me llamo)\s+(?:o |a |is )?"
    rf"({_LETTERS}(?:\s{_LETTERS}){{0,4}})",
    re.IGNORECASE,
)
_MENU: Final = re.compile(r"^[ \t]*(?:[A-C]|[1-3])[.)]", re.MULTILINE)  # "A. Billing", above "D. Something else"
_CAPITAL: Final = r"[A-ZÀ-Ý][^\W\d_]*(?:['’-][^\W\d_]+)*"
_SPEAKING: Final = re.compile(
    rf"\b[Tt]his is ({_CAPITAL}(?:\s{_CAPITAL}){{1,2}}(?!\s{_CAPITAL})|{_CAPITAL}(?=,? (?:from|speaking|calling|here|writing)\b))"
)
_SPEAKING_PT: Final = re.compile(
    rf"\b(?:[Aa]qui (?:é|quem fala é)(?: [oa])?|[Ff]ala [oa]|[Ss]ou [oa]) ({_CAPITAL}(?:\s(?:d[aeo]s?\s)?{_CAPITAL}){{0,3}})"
)
_TITLE: Final = re.compile(
    rf"(?<!\w)(?:Mr|Mrs|Ms|Miss|Sr|Sra|Srta|Dona)\.?[ªº]? ({_CAPITAL}(?:\s(?:d[aeo]s?\s)?{_CAPITAL}){{0,3}})"
)
# A lone D is a title where somebody is addressed or a small word stands before it, not in "Vitamin D. Take one a day".
_DONA: Final = re.compile(
    rf"(?:\b(?:[Aa]|[àÀ]|e|o|d[aeo]|[Cc]om|[Pp]ara|pra|pel[ao]|[Cc]ar[ao]|[Pp]rezad[ao]|[Oo]lá|[Oo]i|[Ss]ra?)[ ,.]+)D[.ªº]+ "
    rf"({_CAPITAL}(?:\s(?:d[aeo]s?\s)?{_CAPITAL}){{0,3}})"
    rf"|^[ \t]*D[.ªº]+ ({_CAPITAL}(?:\s(?:d[aeo]s?\s)?{_CAPITAL}){{0,3}})(?=\s*[,:!])",
    re.MULTILINE,
)
_ADDRESSED: Final = re.compile(
    rf"(?:^|[.!?]\s+|\n)(?:Hi|Hello|Hey|Dear|Olá|Ola|Oi|Prezad[oa]|Car[oa]|Querid[oa]|Hola|Estimad[oa]),? ({_CAPITAL}(?:\s(?:d[aeo]s?\s)?{_CAPITAL}){{0,2}})(?=\s*[,!:.]|\s*$)",
    re.MULTILINE,
)
_NO_NAME: Final = words(
    "a o e i the an is not no in on at of and or but with for from to by as it its this that these those my your our his her "
    "misspelled spelled spelt wrong incorrect written missing different listed printed there here now also correct registered "
    "please can could would will want need have has had where when how what why who which because so if then "
    "com em na no nas nos da de do das dos para por que se eu voce ele ela nao nem mas ou um uma esta estao esse essa isso "
    "quero queria gostaria preciso tenho estou sou comprei fiz moro errado errada diferente igual escrito incorreto correto "
    "como qual quando onde porque meu minha seu sua ja aqui team all everyone sir madam customer client customers friend "
    "friends folks guys valued equipe time pessoal gente cliente clientes amigo amiga amigos senhor senhora senhores boa bom "
    "tudo good morning afternoon evening dia tarde noite thanks thank obrigado obrigada store shop loja support suporte "
    "atendimento y pero tengo quiero soy desde en mi su del el la los las virtual assistant assistente robo bot just "
    "calling writing contacting trying looking about regarding sobre ligando escrevendo entrando brazil brasil there's"
)
_PARTICLES: Final = words("da de do das dos e di del van von der la")
_LOWER_WORDS: Final = 3  # of a name written in small letters: more may be the rest of the sentence


# Each pattern fits only where one of its hints is; they are looked for first, in a tenth of the time.
_INTRODUCING: Final = ("name", "nome", "nombre", "cham", "llamo", "called")
_HERE: Final = ("qui é", "qui quem", "ala o ", "ala a ", "ou o ", "ou a ")
_TITLES: Final = ("Mr", "Ms", "Miss", "Sr", "Dona")
_LONE_D: Final = ("D.", "Dª", "Dº")
_GREETINGS: Final = ("Hi", "Hello", "Hey", "Dear", "Ol", "Oi", "Prezad", "Car", "Querid", "Hola", "Estimad")


def _scan(text: str) -> Iterator[Span]:
    lower = text.lower()
    if any(map(lower.__contains__, _INTRODUCING)):
        for match in _INTRODUCTION.finditer(text):
            yield from _name(text, match.start(1), match.group(1))
    if "his is " in text:
        yield from _named(text, _SPEAKING)
    if any(map(text.__contains__, _LONE_D)) and not _MENU.search(text):
        yield from _named(text, _DONA)
    for pattern, hints in ((_SPEAKING_PT, _HERE), (_TITLE, _TITLES), (_ADDRESSED, _GREETINGS)):
        if any(map(text.__contains__, hints)):
            yield from _named(text, pattern)


def _named(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    for match in pattern.finditer(text):
        group = match.lastindex or 1
        yield from _name(text, match.start(group), match.group(group), capitals=True)


def _name(text: str, start: int, found: str, capitals: bool = False) -> Iterator[Span]:
    """The name at the beginning of ``found``, as far as its words can be one."""
    end = 0
    small = False
    count = 0
    for match in re.finditer(r"\S+", found):
        word = match.group()
        particle = count > 0 and word in _PARTICLES
        if not particle and plain(word) in _NO_NAME:
            break
        if not particle:
            if count == 0:
                small = word[0].islower()
            elif word[0].islower() != small or (small and count >= _LOWER_WORDS):
                break
            count += 1
            end = match.end()
    if count and end > 1 and not (capitals and small):
        yield Span(start, start + end, plain(text[start : start + end]))


KIND: Final = Kind("names", "NAME", _scan, 20)
