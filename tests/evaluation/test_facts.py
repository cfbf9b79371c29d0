"""Facts are the same however they are written, and false ones are told from missing ones."""

from __future__ import annotations

import csv
import json

import pytest

from studio.domain.proof import FactKind, FactReport
from studio.evaluation.fact_check import FactIndex
from studio.evaluation.fact_extraction import find_facts, number_of
from studio.settings import assets_dir

OWNER = (
    "Shipping costs R$ 14.70 and takes 4 business days.",
    "Returns are free within 21 days; write to care@shop.example.",
    "We open Monday to Saturday at 8:20 am. Ask for Jussara on WhatsApp.",
    "O frete para Poços de Caldas custa R$ 1.250,00.",
)


def values(text: str) -> list[tuple[FactKind, object]]:
    return [(fact.kind, fact.value) for fact in find_facts(text)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1.234,56", 1234.56), ("1,234.56", 1234.56), ("14,70", 14.7), ("14.7", 14.7), ("1.234", 1234), ("1,234", 1234),
        ("1.234.567", 1234567), ("0,5", 0.5), ("0.500", 0.5), ("12", 12), ("1 234,5", 1234.5),
    ],
)  # fmt: skip
def test_numbers_of_both_languages(written: str, value: float) -> None:
    assert number_of(written) == pytest.approx(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It costs R$ 1.234,50.", "Custa 1.234,5 reais."),
        ("US$ 20", "20 dollars"),
        ("10 % off", "10 por cento de desconto"),
        ("We open at 8:20 am.", "Abrimos às 8h20."),
        ("by 7 pm", "até as 19h"),
        ("in 4 business days", "em quatro dias úteis"),
        ("on 12 March", "no dia 12 de março de 2026"),
        ("on 2026-03-12", "em 12/03/2026"),
        ("every Tuesday", "toda terça-feira"),
        ("see https://www.shop.example/help/", "see shop.example/help."),
        ("call (35) 90555-0142", "ligue +55 35 90555-0142"),
        ("twenty-five days", "25 dias"),
        ("vinte e cinco dias", "25 days"),
    ],
)
def test_one_fact_written_in_two_ways(one: str, other: str) -> None:
    assert values(one) == values(other) != []


def test_what_is_no_fact() -> None:
    assert values("1. Open the page\n2. Pay") == []
    assert values("We like it. Um café, please; the second cup is free.") == []


def check(answer: str, expected: str, question: str = "") -> FactReport:
    return FactIndex(OWNER).check(answer, expected, question)


def texts(report: FactReport) -> dict[str, list[str]]:
    kinds = ("present", "missing", "contradicted", "invented")
    return {kind: [fact.text for fact in getattr(report, kind)] for kind in kinds if getattr(report, kind)}


def test_present_and_missing() -> None:
    found = check("It is R$ 14,70.", OWNER[0])
    assert texts(found) == {"present": ["R$ 14,70"], "missing": ["4 business days"]}
    assert OWNER[0][found.missing[0].start : found.missing[0].end] == "4 business days"
    assert texts(check("We take parcels back for free for 21 days, at CARE@shop.example", OWNER[1])).keys() == {
        "present"
    }


def test_the_fact_of_another_answer_in_the_place_of_the_right_one_contradicts() -> None:
    found = check("Shipping costs R$ 14.70 and takes 21 days.", OWNER[0])
    assert texts(found)["contradicted"] == ["21 days"]
    assert found.contradicted[0].expected == "4 business days"


def test_what_no_answer_of_the_owner_says_is_invented_where_it_stands() -> None:
    answer = "Shipping costs R$ 99 and takes 4 business days. Ask Ricardo at www.fake.example."
    found = check(answer, OWNER[0])
    assert [fact.text for fact in found.invented] == ["R$ 99", "Ricardo", "www.fake.example"]
    assert all(answer[fact.start : fact.end] == fact.text for fact in found.invented)
    assert found.invented[0].expected == "R$ 14.70"


def test_what_the_question_says_is_not_invented() -> None:
    assert texts(check("For your 3 kg to Lisbon: R$ 14.70, 4 business days.", OWNER[0], "3 kg to Lisbon?")) == {
        "present": ["R$ 14.70", "4 business days"]
    }


def test_a_name_is_known_in_small_letters_and_at_the_start_of_a_sentence() -> None:
    assert "missing" not in texts(check("Jussara answers on whatsapp, Monday to Saturday, from 8:20 am.", OWNER[2]))


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_sample_has_its_facts_and_no_others(language: str) -> None:
    samples = assets_dir() / "samples"
    listed = json.loads((samples / f"{language}.facts.json").read_text(encoding="utf-8"))
    with (samples / f"{language}.train.csv").open(encoding="utf-8", newline="") as file:
        answers = list(dict.fromkeys(row["answer"] for row in csv.DictReader(file)))
    index = FactIndex(answers)
    for topic in listed.values():
        own = index.check(topic["answer"], topic["answer"])
        assert texts(own).keys() == {"present"}, topic
        said = " ".join(fact.text for fact in own.present).casefold()
        assert any(fact.casefold().split()[0] in said for fact in topic["facts"]), (topic, said)
    for one, other in zip(listed.values(), list(listed.values())[1:], strict=False):
        wrong = index.check(other["answer"], one["answer"])
        assert wrong.missing
        assert not wrong.invented
