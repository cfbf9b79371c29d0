"""The practice part: real examples where there are many, other words where there are few; never near the exam."""

from __future__ import annotations

from studio.data.splitting.practice import PracticeKind, draw_practice, lesson_questions, reworded_practice
from studio.data.splitting.saved_split import draw
from studio.data.splitting.split import Split, SplitKind, leaks
from studio.domain.conversation import Conversation
from studio.domain.dataset import SplitChoice

_THINGS = ("kettle", "grinder", "scarf", "lantern", "violin", "bicycle", "curtain", "saddle", "teapot", "compass")
_WAYS = (
    "What does the {} of shelf {} cost?",
    "price for a {} on rack {} please",
    "how much money do you want for {} number {}",
    "is {} article {} expensive or cheap",
    "tell me the amount to pay: {} , item {}",
)


def _shop(count: int) -> list[Conversation]:
    """Examples of some answers, each asked in five ways."""
    made = []
    for number in range(count):
        thing, shelf = _THINGS[number // 5 % 10], number // 50
        question = _WAYS[number % 5].format(thing, shelf * 37 + 11)
        made.append(Conversation.pair(question, f"The {thing} {shelf} costs R$ {number // 5 + 3}.", id=f"e{number}"))
    return made


def test_many_examples_are_parted_in_three_without_a_leak() -> None:
    shop = _shop(600)
    found = draw(shop, SplitChoice())
    assert found.practice_kind is PracticeKind.REAL
    train, practice, exam = ([shop[place] for place in part] for part in (found.train, found.practice, found.held_out))
    assert sorted([*found.train.tolist(), *found.practice, *found.held_out]) == list(range(600))
    assert 40 <= len(practice) <= 60
    assert not leaks(Split(tuple(train), (*practice, *exam), SplitKind.MIXED))
    assert not leaks(Split(tuple(practice), tuple(exam), SplitKind.MIXED))
    assert {c.answer for c in practice} <= {c.answer for c in train}  # new wordings of what is learned


def test_few_examples_are_all_learned_from_and_practised_in_other_words() -> None:
    shop = _shop(80)
    found = draw(shop, SplitChoice())
    assert (found.practice_kind, found.practice) == (PracticeKind.REWORDED, ())
    train = [shop[place] for place in found.train]
    practice = reworded_practice(train, 42)
    assert len(practice) >= 10
    asked = {c.question for c in shop}
    assert not any(c.question in asked for c in practice)
    assert {c.answer for c in practice} <= {c.answer for c in train}
    assert practice == reworded_practice(train, 42)


def test_one_example_is_too_little_to_practise_with() -> None:
    assert draw_practice(_shop(1), 1).kind is PracticeKind.NONE


def test_the_lesson_is_asked_as_it_was_taught_and_in_other_words() -> None:
    shop = _shop(80)
    known, reworded = lesson_questions(shop, 42, 16)
    assert len(known) == len({c.answer for c in known}) == 16
    assert {c.question for c in known} <= {c.question for c in shop}
    assert reworded
    assert not {c.question for c in reworded} & {c.question for c in shop}
