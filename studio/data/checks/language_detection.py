"""The language of a text, by the small words that every sentence has. No model, no native library."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, repeat
from typing import Final

from studio.data.text import words

_WORD: Final = re.compile(r"[^\W\d_]+")
_FEWEST_WORDS: Final = 4  # in fewer, one borrowed word decides
_MOST_WORDS: Final = 400  # that are looked at
SMALL_WORDS: Final = {
    "en": words(
        "the of and to in is it you that for on are with as be at this have from or by not but what can your we when how "
        "do if will my our they which there their has would about out up so who get than please does was an i a me any"
    ),
    "pt": words(
        "de que e do da em um uma para com não os no se na por mais as dos como mas ao ele das à seu sua ou quando muito nos "
        "já eu também só pelo pela até isso ela você vocês está são meu minha não tem foi qual quanto o a é nossa nosso "
        "posso onde fica vc vcs pra pro nao voce voces obrigado obrigada tá cadê aceita porque então me por este esta todo toda todos sobre entre desde quero queria pode favor fazer faz alguém algum alguma ter ser estou estão muito bem hoje sim ainda às aos depois"
    ),
    "es": words(
        "de que el la los las un una en y a por con no para su al lo como más pero sus le ya o este sí porque esta entre "
        "cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno les ni usted ustedes es "
        "está son mi tiene fue cuál cuánto puedo dónde del se nuestra nuestro gracias cómo qué envío hoy tienda"
    ),
    "fr": words(
        "le la les de des du et en un une est que qui dans pour pas sur ne se ce il elle vous nous je avec au aux sont mais "
        "ou où votre notre mon ma mes vos nos être avoir peut quel quelle comment c'est très plus cette livraison bonjour"
    ),
    "de": words(
        "der die das und ist in zu den mit nicht von sie es ein eine auf für dem im sich des auch als an wie wir ihr ihre "
        "ich kann können bei nach aus oder wenn wird sind haben hat uns unser einen einer zum zur noch nur mein meine wo"
    ),
    "it": words(
        "il lo la gli le di che e un una per con non sono è in del della dei delle al alla si da come ma anche più questo "
        "questa nel nella se ci mi ti vostro nostro quanto dove quando posso ho ha può essere ordine spedizione grazie"
    ),
}
TYPICAL: Final = (("pt", ("ã", "õ", "lh", "nh")), ("es", ("ñ", "¿", "¡", "ción")), ("de", ("ß", "sch")))
NAMES: Final = tuple(SMALL_WORDS)
_NAMES_OF: Final = {
    word: tuple(name for name in NAMES if word in SMALL_WORDS[name]) for small in SMALL_WORDS.values() for word in small
}


def language(text: str) -> str:
    """The language of a text, or an empty one where it is too short or too unclear to say."""
    lower = text.lower()
    found = _WORD.findall(lower)[:_MOST_WORDS]
    if len(found) < _FEWEST_WORDS:
        return ""
    hits = Counter(chain.from_iterable(map(_NAMES_OF.get, found, repeat(()))))
    scores = {name: hits[name] / len(found) for name in NAMES}
    for name, letters in TYPICAL:
        scores[name] += 0.06 * min(3, sum(map(lower.count, letters)))
    best = max(scores, key=scores.__getitem__)
    share = scores.pop(best)
    clear = share * len(found) >= 2 and share >= 0.2 and share >= 1.5 * max(scores.values())
    return best if clear else ""
