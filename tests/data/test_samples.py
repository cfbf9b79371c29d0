"""The sample data keeps what its README promises."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.settings import assets_dir
from tests.facts import is_right

SAMPLES = assets_dir() / "samples"
LOCALES = ("en", "pt")
TOPICS, PHRASINGS, HELD_OUT = 24, 8, 2


def rows(name: str) -> list[dict[str, str]]:
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def facts(locale: str) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads((SAMPLES / f"{locale}.facts.json").read_text(encoding="utf-8"))
    return content


def plain(text: str) -> str:
    """Lower case, without accents and punctuation: what is left when spelling does not count."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", letters))


def near(first: str, second: str) -> bool:
    """Whether two plain questions say the same in nearly the same letters or the same words."""
    words, others = set(first.split()), set(second.split())
    if len(words & others) / len(words | others) >= 0.75:
        return True
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    return matcher.real_quick_ratio() > 0.85 and matcher.quick_ratio() > 0.85 and matcher.ratio() > 0.85


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("part", "phrasings"), [("train", PHRASINGS), ("heldout", HELD_OUT)])
def test_every_topic_has_its_phrasings_and_one_answer(locale: str, part: str, phrasings: int) -> None:
    table = rows(f"{locale}.{part}.csv")
    assert {tuple(row) for row in table} == {("question", "answer", "topic")}
    assert Counter(row["topic"] for row in table) == dict.fromkeys(facts(locale), phrasings)
    answers = facts(locale)
    assert len(answers) == TOPICS
    assert all(row["answer"] == answers[row["topic"]]["answer"] for row in table)


@pytest.mark.parametrize("locale", LOCALES)
def test_no_question_appears_twice_or_nearly_twice(locale: str) -> None:
    questions = [row["question"] for part in ("train", "heldout") for row in rows(f"{locale}.{part}.csv")]
    assert all(question == question.strip() and question for question in questions)
    alike = [pair for pair in combinations(questions, 2) if near(plain(pair[0]), plain(pair[1]))]
    assert alike == []


@pytest.mark.parametrize(
    ("first", "second"),
    [("cadê meu pedido", "cade meu pedido??"), ("how do i track my package", "how do i trak my package")],
)
def test_a_typo_or_an_accent_does_not_make_a_new_question(first: str, second: str) -> None:
    assert near(plain(first), plain(second))


@pytest.mark.parametrize("locale", LOCALES)
def test_answers_are_short_and_distinct(locale: str) -> None:
    answers = [topic["answer"] for topic in facts(locale).values()]
    assert len(set(answers)) == TOPICS
    assert all(15 <= len(answer.split()) <= 35 for answer in answers), [len(a.split()) for a in answers]


@pytest.mark.parametrize("locale", LOCALES)
def test_facts_tell_the_topics_apart(locale: str) -> None:
    topics = facts(locale)
    for name, topic in topics.items():
        assert 1 <= len(topic["facts"]) <= 3
        right = [other for other, content in topics.items() if is_right(content["answer"], topic["facts"])]
        assert right == [name]


@pytest.mark.parametrize("locale", LOCALES)
def test_no_question_gives_a_fact_away(locale: str) -> None:
    topics = facts(locale)
    for part in ("train", "heldout"):
        for row in rows(f"{locale}.{part}.csv"):
            assert not is_right(row["question"], topics[row["topic"]]["facts"]), row


def test_files_are_plain_utf8_with_unix_line_ends() -> None:
    for path in sorted(Path(SAMPLES).glob("*.csv")):
        content = path.read_bytes()
        assert not content.startswith(b"\xef\xbb\xbf"), path.name
        assert b"\r" not in content, path.name


@pytest.mark.parametrize("locale", LOCALES)
def test_the_exam_is_as_hard_as_the_questions_of_training(locale: str) -> None:
    """A look-up by letters finds as many topics of the exam as of each training question among all others."""
    from studio.encoders.letters import letter_vectorizer

    train, exam = rows(f"{locale}.train.csv"), rows(f"{locale}.heldout.csv")
    vectors = letter_vectorizer().fit_transform([row["question"] for row in (*train, *exam)])
    alike = (vectors @ vectors.T).toarray()
    topics = np.array([row["topic"] for row in (*train, *exam)])
    np.fill_diagonal(alike, -1.0)
    found = topics[: len(train)][alike[:, : len(train)].argmax(1)] == topics
    assert abs(found[: len(train)].mean() - found[len(train) :].mean()) < 0.08
