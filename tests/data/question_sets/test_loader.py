"""The question sets: whole, without an answer in its own question, and matched the way people write."""

from __future__ import annotations

from collections import Counter

import pytest

from studio.data.question_sets.loader import KnowledgeQuestion, knowledge_questions, out_of_scope_questions
from studio.i18n import LOCALES


@pytest.mark.parametrize("locale", LOCALES)
def test_sixty_different_questions_of_each_kind(locale: str) -> None:
    for questions in (knowledge_questions(locale), out_of_scope_questions(locale)):
        assert len({question.question for question in questions}) == len(questions) == 60


@pytest.mark.parametrize("locale", LOCALES)
def test_no_question_holds_its_own_answer(locale: str) -> None:
    assert [asked.question for asked in knowledge_questions(locale) if asked.is_right(asked.question)] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_the_first_questions_out_of_scope_are_of_every_kind(locale: str) -> None:
    kinds = Counter(asked.kind for asked in out_of_scope_questions(locale)[:24])
    assert len(kinds) == 8
    assert set(kinds.values()) == {3}


def test_a_language_without_questions_of_its_own_is_asked_in_english() -> None:
    assert knowledge_questions("fi") == knowledge_questions("en")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("A capital é BRASÍLIA.", True),
        ("brasilia", True),
        ("**Brasília**, desde 1960", True),
        ("Os brasilienses dizem que é o Rio.", False),
        ("", False),
    ],
)
def test_case_accents_and_marks_do_not_count_and_words_are_whole(answer: str, right: bool) -> None:
    assert KnowledgeQuestion("Capital do Brasil?", ("Brasília",)).is_right(answer) is right


def test_any_of_several_phrases_is_right() -> None:
    asked = KnowledgeQuestion("How many hours are there in a day?", ("24", "twenty four"))
    assert asked.is_right("There are twenty-four of them.")
    assert asked.is_right("24 hours")
    assert not asked.is_right("There are 240.")
