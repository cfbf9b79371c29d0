from __future__ import annotations

import pytest

from studio.data.importing.findings import row_list
from studio.data.text import clean, plain


@pytest.mark.parametrize(
    ("text", "expected", "damaged"),
    [
        ("  plain  ", "plain", False),
        ("a\r\nb\rc", "a\nb\nc", False),
        ("a\xa0b", "a b", False),
        ("\ufeffa", "a", False),
        ("a\0b", "ab", True),
        ("a\x07b", "ab", True),
        ("a\ud800b", "ab", True),
        ("\ud83d\ude00", "😀", False),
        ("cafe\u0301", "café", False),
        ("tab\tkept\nline kept", "tab\tkept\nline kept", False),
    ],
)
def test_clean(text: str, expected: str, damaged: bool) -> None:
    assert clean(text) == (expected, damaged)


def test_plain_is_for_comparing() -> None:
    assert plain("  Você NÃO abre,  às 9h?! ") == "voce nao abre as 9h"


def test_rows_as_a_person_writes_them() -> None:
    assert row_list([9, 3, 8, 7, 12, 3]) == "3, 7–9, 12"
    assert row_list(range(1, 100, 2)) == "1, 3, 5, 7, 9, 11, 13, 15, …"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("e\x1email", "e-mail"),
        ("segunda\x02feira", "segunda-feira"),
        ("9h \x96 18h", "9h – 18h"),
        ("so \x97 ja", "so — ja"),
    ],
)
def test_control_characters_that_stand_for_a_hyphen_become_one(text: str, cleaned: str) -> None:
    assert clean(text) == (cleaned, False)
