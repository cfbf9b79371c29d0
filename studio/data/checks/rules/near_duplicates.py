"""Near-duplicates: the same question with the same answer, but for small words, spelling or signs.

Other wordings of a question are wanted and are no near-duplicates. Examples that differ in a name, a number or any word
of weight ("an Apex account", "a Max account") are none either: each holds knowledge of its own.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from rapidfuzz.distance import OSA

from studio.data.checks.check import Check, Dataset, Matches, without
from studio.data.checks.facts import equal_groups, first_places
from studio.data.similarity.clusters import combined_hashes
from studio.data.text import without_accents, words
from studio.domain.problem import Severity

_WORD: Final = re.compile(r"[^\W_]+")
_SENTENCE_END: Final = re.compile(r"[.!?:]\s*[\"'(“]*$")
_SHORTEST: Final = 5  # letters of a word in which one wrong letter is a slip and not another word
# Words that may be there or not without changing what is said. Negations and prepositions are not among them.
_WEIGHTLESS: Final = words(
    "the a an is are do does i d would your you please kindly hi hello thanks thank just so well that "
    "o os as eu qual um uma uns umas e é do da dos das de seu sua seus suas vc voce voces vcs por favor oi ola "
    "el los las un una es son del su sus usted ustedes hola"
)


def _search(dataset: Dataset) -> Matches:
    rows = dataset.facts.rows
    if len(rows) < 2:
        return Matches(())
    keys = combined_hashes(dataset.question_groups.astype(np.uint64), dataset.answer_groups.astype(np.uint64))
    keys = combined_hashes(combined_hashes(keys, rows["history"]), rows["held_out"].astype(np.uint64))
    # Exact copies are another check's: of those, the first alone counts here.
    different, _ = first_places(combined_hashes(keys, rows["exact"]))
    groups = [copies for group in equal_groups(keys[different], different) for copies in _copies(dataset, group)]
    repeated = [place for group in groups for place in group[1:]]
    return Matches(repeated, groups, params={"sets": len(groups)})


def _copies(dataset: Dataset, group: list[int]) -> list[list[int]]:
    """Those of a group of similar examples that say the same, put together; of each such set at least two."""
    sets: list[tuple[list[list[str]], list[int]]] = []
    for place in group:
        texts = [_weighty(message.content) for message in dataset.conversations[place].messages]
        for known, places in sets:
            if len(known) == len(texts) and all(map(_says_the_same, known, texts)):
                places.append(place)
                break
        else:
            sets.append((texts, [place]))
    return [places for _, places in sets if len(places) > 1]


def _weighty(text: str) -> list[str]:
    """The words of weight of a text; names keep their capital letter."""
    plain = without_accents(text)
    found = []
    for match in _WORD.finditer(plain):
        word, before = match.group(), plain[: match.start()]
        begins = not before.strip() or _SENTENCE_END.search(before[-6:]) or before.endswith("\n")
        lower = word.lower() if begins or (word.isupper() and len(word) > 1) else word
        if lower not in _WEIGHTLESS:
            found.append(lower)
    return found


def _says_the_same(one: list[str], other: list[str]) -> bool:
    return len(one) == len(other) and all(map(_same_word, one, other))


def _same_word(one: str, other: str) -> bool:
    """Whether two words are the same but for one slip: a letter more, less, other, or two in the wrong order."""
    if one.casefold() == other.casefold():
        return True
    if min(len(one), len(other)) < _SHORTEST or one[0] != other[0] or not (one + other).islower():
        return False
    return not any(c.isdigit() for c in one + other) and OSA.distance(one, other, score_cutoff=1) <= 1


CHECK: Final = Check("near_duplicates", Severity.NOTE, 10, search=_search, fix=without, by_default=False)
