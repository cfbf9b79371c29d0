"""The language of a text, by the small words that every sentence has. No model, no native library."""

from __future__ import annotations

from typing import Final

from studio.data.text import lower_words, words

_FEWEST_WORDS: Final = 4  # in fewer, one borrowed word decides
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
_ASCII_LETTERS: Final = (("pt", ("lh", "nh")), ("de", ("sch",)))
NAMES: Final = tuple(SMALL_WORDS)


_WIDTH: Final = 10  # bits: room for a count of every language in one number, so that counting is one sum
_MOST_WORDS: Final = 400  # words that are looked at


def _counts() -> dict[str | bytes, int]:
    """One in the place of each language that has a small word; for each word as text and in Windows-1252."""
    found: dict[str | bytes, int] = {}
    for word in frozenset().union(*SMALL_WORDS.values()):
        count = sum(1 << place * _WIDTH for place, name in enumerate(NAMES) if word in SMALL_WORDS[name])
        found[word] = found[word.encode("cp1252")] = count
    return found


_COUNTS: Final = _counts()
_SHIFTS: Final = tuple(place * _WIDTH for place in range(len(NAMES)))
_NONE: Final = (0,) * _MOST_WORDS


def language(text: str) -> str:
    """The language of a text, or an empty one where it is too short or too unclear to say."""
    found = lower_words(text)
    count = min(len(found), _MOST_WORDS)
    if count < _FEWEST_WORDS:
        return ""
    hits = sum(map(_COUNTS.get, found, _NONE))  # as many words as there are zeros
    scores = [(hits >> shift & 1023) / count for shift in _SHIFTS]
    lower = text.lower()
    for name, letters in _ASCII_LETTERS if lower.isascii() else TYPICAL:
        seen = 0
        for letter in letters:
            seen += lower.count(letter)
        if seen:
            scores[NAMES.index(name)] += 0.06 * min(3, seen)
    first = max(scores)
    best = scores.index(first)
    scores[best] = 0.0
    clear = first * count >= 2 and first >= 0.2 and first >= 1.5 * max(scores)
    return NAMES[best] if clear else ""
