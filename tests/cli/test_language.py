"""The language of the terminal."""

from __future__ import annotations

import pytest

from studio.cli.language import take_language, terminal_locale
from studio.errors import AfinaError


@pytest.mark.parametrize(
    ("environment", "locale"),
    [
        ({"LANG": "pt_BR.UTF-8"}, "pt"),
        ({"LANG": "pt_PT"}, "pt"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "pt_BR.UTF-8"}, "pt"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "pt_BR.UTF-8"}, "pt"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": ""}, "en"),
        ({"LC_ALL": "en_US.UTF-8", "AFINA_LANG": "pt"}, "pt"),
        ({}, "en"),
    ],
)
def test_language_of_the_environment(environment: dict[str, str], locale: str) -> None:
    assert terminal_locale(environment) == locale


@pytest.mark.parametrize(
    ("arguments", "rest"),
    [
        (["--lang", "pt", "train", "--help"], ["train", "--help"]),
        (["train", "--lang=pt", "--help"], ["train", "--help"]),
        (["train", "--help", "--lang", "pt"], ["train", "--help"]),
    ],
)
def test_lang_may_stand_anywhere(arguments: list[str], rest: list[str]) -> None:
    assert take_language(arguments, {"LANG": "en_US"}) == ("pt", rest)


def test_what_follows_two_dashes_is_left_alone() -> None:
    assert take_language(["train", "--", "--lang", "pt"], {}) == ("en", ["train", "--", "--lang", "pt"])


@pytest.mark.parametrize("arguments", [["--lang", "fr"], ["--lang="], ["train", "--lang"]])
def test_a_language_that_does_not_exist_is_refused(arguments: list[str]) -> None:
    with pytest.raises(AfinaError) as caught:
        take_language(arguments, {})
    assert caught.value.code == "cli.no_such_language"
    assert caught.value.params["choices"] == "en, pt"
