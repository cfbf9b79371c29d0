"""Every language says the same things, and every code has its sentence."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

from studio import errors
from studio.domain.problem import Problem
from studio.i18n import LOCALES, catalog, negotiate

STUDIO = Path(errors.__file__).parent
REFERENCE = catalog("en")


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def forms(entry: str | dict[str, str]) -> list[str]:
    return list(entry.values()) if isinstance(entry, dict) else [entry]


@pytest.mark.parametrize("locale", LOCALES)
def test_same_keys(locale: str) -> None:
    assert catalog(locale).entries.keys() == REFERENCE.entries.keys()


@pytest.mark.parametrize("locale", LOCALES)
def test_same_placeholders_and_forms(locale: str) -> None:
    for key, entry in catalog(locale).entries.items():
        reference = REFERENCE.entries[key]
        assert isinstance(entry, dict) == isinstance(reference, dict), key
        wanted = set().union(*map(placeholders, forms(reference)))
        for sentence in forms(entry):
            assert sentence.strip(), key
            missing = wanted - placeholders(sentence) - ({"n"} if isinstance(entry, dict) else set())
            assert not missing, f"{key} in {locale} lacks {missing}"
            assert placeholders(sentence) <= wanted | {"n"}, f"{key} in {locale} has unknown placeholders"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_can_be_made(locale: str) -> None:
    for key, entry in catalog(locale).entries.items():
        names = set().union(*map(placeholders, forms(entry))) | {"n"}
        assert catalog(locale)(key, **dict.fromkeys(names, 2))


def codes_raised() -> set[str]:
    """Codes named in the source: first argument of an error, or ``code=`` of a problem."""
    found = {code for _, _, code in errors.TABLE}
    for path in STUDIO.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            values = [k.value for k in node.keywords if k.arg == "code"] if name == "Problem" else node.args[:1]
            if name in ("AfinaError", "Problem"):
                found |= {v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)}
    return found


@pytest.mark.parametrize("locale", LOCALES)
def test_every_code_has_a_sentence(locale: str) -> None:
    missing = {code for code in codes_raised() if f"errors.{code}" not in catalog(locale).entries}
    assert not missing


def test_unknown_code_still_gives_a_sentence() -> None:
    assert "no.such_code" in REFERENCE.problem(Problem(code="no.such_code", params={"a": 1}))


def test_numbers_sizes_and_durations_follow_the_language() -> None:
    english, portuguese = catalog("en"), catalog("pt")
    assert (english.number(1234.5, 1), portuguese.number(1234.5, 1)) == ("1,234.5", "1.234,5")
    assert (english.size(98_362_432), portuguese.size(1_290_000_000)) == ("98\xa0MB", "1,3\xa0GB")
    assert [english.duration(s) for s in (1, 38, 100, 4800)] == ["1 second", "40 seconds", "2 minutes", "1 h 20 min"]
    assert portuguese.duration(60) == "1 minuto"
    assert portuguese.duration_between(60, 240) == "1 a 4 minutos"
    assert english.duration_between(60, 240) == "1 to 4 minutes"
    assert english.duration_between(40, 120) == "40 seconds to 2 minutes"
    assert english.duration_between(110, 125) == "2 minutes"


@pytest.mark.parametrize("locale", LOCALES)
def test_nought_is_many(locale: str) -> None:
    """“0 visitas”, as Brazilians write it, though the plural rules of Unicode count nought as one in Portuguese."""
    say = catalog(locale)
    assert say("share.visits", n=0) == {"en": "0 visits", "pt": "0 visitas"}[locale]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("de-DE,de;q=0.9,pt;q=0.5,en;q=0.7", "en"),
        ("fr", "en"),
        ("pt;q=broken, en;q=0.3", "en"),
    ],
)
def test_language_of_a_browser(header: str | None, expected: str) -> None:
    assert negotiate(header) == expected
