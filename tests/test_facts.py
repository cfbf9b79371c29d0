"""Whether an answer is right."""

from __future__ import annotations

import pytest

from tests.facts import is_right


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ("Shipping costs R$ 14.70, free above R$ 185.", ["R$ 14.70", "R$ 185"]),
        ("USE THE COUPON firstsip!", ["FIRSTSIP"]),
        ("o frete é R$\u00a014,70", ["R$ 14,70"]),
        ("duas  vezes,\n9 dias   úteis", ["9 dias úteis"]),
        ("a etiqueta e\u0301 nossa", ["é nossa"]),
        ("Ligue (35) 90555-0142.", ["(35) 90555-0142"]),
        ("ganhe 13%", ["13%"]),
    ],
)
def test_right_whatever_the_case_space_and_accents(answer: str, facts: list[str]) -> None:
    assert is_right(answer, facts)


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ("", ["R$ 18"]),
        ("It costs R$ 185.", ["R$ 18"]),
        ("It costs R$ 18.50.", ["R$ 18"]),
        ("It costs R$ 18,50.", ["R$ 18"]),
        ("within 19 business days", ["9 business days"]),
        ("within 1.9 days", ["9 days"]),
        ("Shipping costs R$ 14.70.", ["R$ 14.70", "R$ 185"]),
        ("FIRSTSIPS", ["FIRSTSIP"]),
    ],
)
def test_wrong_when_a_fact_is_missing_or_only_part_of_another(answer: str, facts: list[str]) -> None:
    assert not is_right(answer, facts)


@pytest.mark.parametrize("facts", [[], [""], ["R$ 18", "  "]])
def test_no_facts_is_a_mistake_of_the_caller(facts: list[str]) -> None:
    with pytest.raises(ValueError, match="at least one fact"):
        is_right("anything", facts)
