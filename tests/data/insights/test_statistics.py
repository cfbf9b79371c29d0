"""What the plots count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.data.checks.check import Dataset
from studio.data.checks.dataset import ScannedDataset
from studio.data.insights.statistics import Copies, Topic, copies, languages, lengths, main_language, spread, topics
from studio.domain.conversation import Conversation


@dataclass(frozen=True)
class Counted:
    """Lengths that a test chose."""

    counts: tuple[int, ...]
    limit: int

    def lengths(self, conversations: Sequence[Conversation]) -> Sequence[int]:
        return self.counts


def pairs(*rows: tuple[str, str, str | None, bool | None]) -> Dataset:
    return ScannedDataset.of(Conversation.pair(q, a, topic=topic, held_out=kept) for q, a, topic, kept in rows)


def of_lengths(limit: int, *counts: int) -> Dataset:
    return ScannedDataset(
        tuple(Conversation.pair(f"q{n}", "a", id=f"e{n}") for n in range(len(counts))), Counted(counts, limit)
    )


def test_lengths_are_counted_in_round_steps() -> None:
    found = lengths(of_lengths(100, 10, 11, 57, 99, 100, 101, 240))
    assert found is not None
    assert found.width == 5
    assert sum(found.counts) == found.examples == 7
    assert found.counts[2] == 2
    assert found.bars()[2] == (10, 14, 2)
    assert found.bars()[-1] == (120, 240, 1)
    assert (found.over, found.median, found.longest) == (2, 99, 240)


def test_one_very_long_example_does_not_squeeze_the_others() -> None:
    found = lengths(of_lengths(50, *range(20, 40), 90_000))
    assert found is not None
    assert found.width * len(found.counts) <= 70
    assert found.counts[-1] == 1
    assert found.longest == 90_000


def test_no_lengths_without_a_model_or_examples() -> None:
    assert lengths(pairs(("q", "a", None, None))) is None
    assert lengths(of_lengths(10)) is None


def test_languages_by_answer_then_by_question() -> None:
    english = "You can send it back to us within seven days of delivery."
    portuguese = "Você pode devolver o produto em até sete dias depois da entrega."
    found = languages(
        pairs(
            ("a?", english, None, None),
            ("b?", english, None, None),
            (portuguese, "Ok", None, None),
            ("?", "1", None, None),
        )
    )
    assert found == (("en", 2), ("pt", 1), ("", 1))
    assert main_language(found) == "en"
    assert main_language(languages(pairs(("?", "1", None, None)))) == ""


def test_topics_count_wordings_and_the_proof() -> None:
    dataset = pairs(
        ("How much is shipping to me?", "Ten.", "shipping", None),
        ("How much is shipping to me", "Ten.", "shipping", None),
        ("What do you charge for delivery?", "Ten.", "shipping", True),
        ("When do you open on Sundays?", "At nine.", "hours", None),
    )
    found = topics(dataset)
    assert found.named
    assert found.topics == (Topic("shipping", 3, 1, 1, "e1"), Topic("hours", 1, 1, 0, "e4"))
    assert [topic.name for topic in found.single] == ["shipping", "hours"]
    assert [topic.name for topic in found.topics if not topic.held_out] == ["hours"]
    kept = topics(dataset, {"e4"})
    assert all(topic.held_out for topic in kept.topics)
    assert [topic.name for topic in kept.single] == ["shipping"], "one that only the proof asks has no wording to learn"


def test_answers_stand_for_topics_that_nobody_named() -> None:
    found = topics(
        pairs(("First way?", "Yes.", None, None), ("Other words!", "yes", None, None), ("More?", "No.", "x", None))
    )
    assert not found.named
    assert [(topic.name, topic.examples) for topic in found.topics] == [("First way?", 2), ("More?", 1)]


def test_copies_are_groups_with_their_answers() -> None:
    found = copies(
        pairs(
            ("How long does the delivery take?", "Four days.", None, None),
            ("how long does the delivery take", "Four days.", None, None),
            ("How long does the delivery take??", "Nine whole weeks.", None, None),
            ("Do you take cards?", "Yes.", None, None),
        )
    )
    assert found == (Copies("How long does the delivery take?", ("e1", "e2", "e3"), 2),)


def test_a_sample_is_even_and_whole_where_it_can_be() -> None:
    assert spread([1, 2, 3], 5) == [1, 2, 3]
    found = spread(range(100), 10)
    assert found == list(range(0, 100, 10))
