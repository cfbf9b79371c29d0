"""Answers that can be trusted: to the letter, with a promise that holds, handed over where nothing is sure."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studio.data.question_sets.loader import out_of_scope_questions
from studio.domain.conversation import Conversation
from studio.settings import assets_dir
from studio.trust.calibration import allowed_wrong, risk_curve
from studio.trust.decision import AnswerKind
from studio.trust.fitting import fit, known_questions, question_set
from studio.trust.index import Floats, Index
from studio.trust.selector import AnswerSelector, answer_confidence
from studio.trust.selector_files import load_selector, save_selector
from studio.trust.summary import SUMMARY_FILE, VERSION, SelectorSummary
from studio.trust.tuned_fitting import is_better


def sample(locale: str, part: str) -> list[Conversation]:
    with (assets_dir() / "samples" / f"{locale}.{part}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Conversation.pair(row["question"], row["answer"], id=f"e{n}") for n, row in enumerate(rows)]


def letters_only(texts: Sequence[str]) -> Floats:
    return np.zeros((len(texts), 0), np.float32)


def fitted(examples: Sequence[Conversation], locale: str) -> AnswerSelector:
    """A selector that reads letters, so that no model is needed."""
    known = known_questions(examples, locale)
    return fit(Index(known, letters_only(known.questions), letters_only(known.answers)))


@pytest.fixture(scope="session")
def portuguese() -> AnswerSelector:
    return fitted(sample("pt", "train"), "pt")


def decide(selector: AnswerSelector, texts: Sequence[str], careful: float = 0.1) -> list[str]:
    return [one.kind.value for one in selector.decide(tuple(texts), letters_only(texts), careful)]


@pytest.mark.parametrize("locale", ["en", "pt"])
def test_the_question_sets_are_varied_and_none_is_of_the_exam(locale: str) -> None:
    none = question_set("none_of_these", locale)
    assert len(set(none)) == len(none) == 300
    assert not {one.question for one in out_of_scope_questions(locale)} & set(none)
    assert question_set("small_talk", locale)


def test_a_known_answer_is_the_owners_to_the_letter_and_names_its_example(portuguese: AnswerSelector) -> None:
    examples = {each.id: each for each in sample("pt", "train")}
    questions = tuple(each.question for each in sample("pt", "heldout"))
    known = [one for one in portuguese.decide(questions, letters_only(questions), 0.1) if one.kind is AnswerKind.KNOWN]
    assert known
    for one in known:
        assert one.answer == examples[one.source].answer


def test_what_no_owner_answers_goes_to_a_person_and_greetings_to_the_model(portuguese: AnswerSelector) -> None:
    handed = decide(portuguese, [one.question for one in out_of_scope_questions("pt")])
    assert handed.count("handed_over") >= 0.8 * len(handed)
    assert decide(portuguese, ["bom dia", "obrigada!"]) == ["written", "written"]
    assert "written" not in decide(portuguese, ["e isso demora?", "e lá?", "isso é rápido?"]), "short, but no greeting"


def test_more_careful_answers_less(portuguese: AnswerSelector) -> None:
    levels = portuguese.curve.levels
    assert [one.threshold for one in levels] == sorted((one.threshold for one in levels), reverse=True)
    assert [one.answered for one in levels] == sorted(one.answered for one in levels)
    assert all(one.wrong <= one.careful for one in levels if one.is_promised)


def test_the_owner_learns_which_of_her_questions_hold_the_threshold_up() -> None:
    examples = sample("en", "train")
    elsewhere = next(each for each in examples if each.answer != examples[0].answer)
    planted = Conversation.pair(f"{examples[0].question} ok", elsewhere.answer, id="planted")
    selector = fitted([*examples, planted], "en")
    listed = {one.source: one for one in selector.curve.misread}
    assert listed["planted"].question == planted.question
    assert listed["planted"].taken_for == examples[0].answer
    without = fitted([each for each in examples if each.id not in listed], "en")
    level = selector.curve.level(0.02)
    assert level.answered < level.answered_without
    assert abs(level.answered_without - without.curve.level(0.02).answered) < 0.15, "about what comes of it"


def test_a_question_without_another_wording_is_not_called_misread() -> None:
    asked = [each.question for each in sample("en", "train")][:80]
    selector = fitted([Conversation.pair(text, f"answer {n}", id=f"e{n}") for n, text in enumerate(asked)], "en")
    assert selector.curve.misread == ()


def test_the_same_answer_again_is_no_answer_to_what_was_asked_next(portuguese: AnswerSelector) -> None:
    question = "qual o prazo de entrega"
    (first,) = portuguese.decide((question,), letters_only([question]), 0.1)
    assert first.kind is AnswerKind.KNOWN
    texts = ("e pra lá?", f"{question} e pra lá?")
    together = portuguese.decide_in_context(texts, letters_only(texts), 0.1, [])
    again = portuguese.decide_in_context(texts, letters_only(texts), 0.1, [first.answer])
    assert together.answer == first.answer
    assert again.kind is AnswerKind.WRITTEN


def test_where_every_answer_is_unique_only_what_is_nearly_the_same_is_known() -> None:
    once = {each.answer: each for each in sample("en", "train")}
    selector = fitted(list(once.values()), "en")
    assert decide(selector, ["where in the world is my grandmother"], 0.02) == ["handed_over"]
    assert not selector.curve.level(0.02).is_promised, "24 questions promise nothing"


def test_of_many_unique_answers_each_question_finds_its_own() -> None:
    asked = [each.question for each in sample("en", "train")][:80]
    selector = fitted([Conversation.pair(text, f"answer {n}", id=f"e{n}") for n, text in enumerate(asked)], "en")
    best = selector.probabilities(tuple(asked), letters_only(asked))[:, :80].argmax(axis=1)
    assert (best == np.arange(80)).mean() > 0.95
    assert not selector.curve.level(0.02).answered, "nothing that was asked once is promised"


@pytest.mark.parametrize("questions", [["How do I reset my router?"], ["How do I reset it?", "how do I reset it"]])
def test_a_single_question_is_enough(questions: list[str]) -> None:
    selector = fitted([Conversation.pair(question, "Press the red button.", id="e1") for question in questions], "en")
    (asked,) = selector.decide(questions[:1], letters_only(questions[:1]), 0.1)
    assert 0 <= asked.confidence <= 1
    kept = SelectorSummary(encoder="", curve=selector.curve).model_dump_json()
    assert SelectorSummary.model_validate_json(kept).curve == selector.curve


def test_the_owners_own_question_gets_her_answer_unless_she_has_two() -> None:
    pairs = [("Do you open on Sundays?", "No."), ("When do you close?", "At six."), ("When do you close?", "At noon.")]
    selector = fitted([Conversation.pair(*pair, id=f"e{n}") for n, pair in enumerate(pairs)], "en")
    asked = ["do you open on sundays", "When do you close?", "who are you"]
    own, contradicted, other = selector.decide(asked, letters_only(asked), 0.005)
    assert (own.kind, own.answer, own.source, own.confidence) == (AnswerKind.KNOWN, "No.", "e0", 1.0)
    assert contradicted.kind is AnswerKind.HANDED_OVER
    assert other.kind is AnswerKind.HANDED_OVER


def test_too_few_questions_promise_nothing() -> None:
    assert allowed_wrong(79, 0.02, 0.8) == -1
    assert 0 <= allowed_wrong(80, 0.02, 0.8) < 0.1
    level = risk_curve(np.full(10, 0.7), np.zeros(10, bool)).level(0.02)
    assert not level.is_promised
    assert level.threshold >= 0.98, "what cannot be promised is answered only where there is hardly a doubt"


def test_the_promise_holds_over_random_splits() -> None:
    """Forty draws of questions whose confidence says little: too much risk in no more of them than was stated."""
    random = np.random.default_rng(3)
    confidence = random.beta(2, 1, 20_000)
    is_wrong = random.random(20_000) > confidence**0.3
    broken = 0
    for _ in range(40):
        chosen = random.permutation(20_000)[:400]
        curve = risk_curve(confidence[chosen], is_wrong[chosen], certainty=0.8)
        level = curve.level(0.05)
        assert level.is_promised
        broken += float(((confidence > level.threshold) & is_wrong).mean()) > 0.05
    assert broken <= 12, "8 of 40 are stated; 13 or more would be a chance of 4 %"


def test_a_part_of_a_wrong_answer_is_a_part_of_the_way_to_the_next() -> None:
    """Of 96 questions one wrong answer is too much for 2 in 100, none is too little: between the two, on the way."""
    confidence, is_wrong = np.linspace(0.99, 0.1, 96), np.zeros(96, bool)
    is_wrong[[20, 40]] = True
    assert 0 < allowed_wrong(96, 0.02) < 1
    level = risk_curve(confidence, is_wrong).level(0.02)
    assert level.is_promised
    assert 20 / 96 < level.answered < 40 / 96
    assert level.wrong == pytest.approx(1 / 96)
    above = [
        float(((confidence > each.threshold) & is_wrong).mean()) for each in risk_curve(confidence, is_wrong).levels
    ]
    assert above == sorted(above), "less careful, more wrong"


def test_what_no_answer_fits_has_no_confidence_and_of_two_that_fit_neither_has_much() -> None:
    sure, torn, outside = [0.6, 0.01, 0.2, 0.19], [0.4, 0.4, 0.1, 0.1], [0.3, 0.0, 0.6, 0.1]
    found = answer_confidence(np.array([sure, torn, outside], np.float32), 0.5).tolist()
    assert found[0] > 0.95
    assert found[1:] == pytest.approx([0.5, 0.0])


def test_the_promise_holds_on_real_questions_split_at_random() -> None:
    """Fitted to half of the wordings of a sample, counted on the other half, over several splits."""
    everything = np.array([*sample("en", "train"), *sample("en", "heldout")], dtype=object)
    broken = 0
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(everything))
        learned, asked = everything[order[:120]], everything[order[120:]]
        selector = fitted(list(learned), "en")
        texts = tuple(each.question for each in asked)
        decisions = selector.decide(texts, letters_only(texts), 0.05)
        wrong = [
            one.kind is AnswerKind.KNOWN and one.answer != each.answer
            for one, each in zip(decisions, asked, strict=True)
        ]
        broken += float(np.mean(wrong)) > 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(texts))
    assert broken <= 2


def test_it_is_kept_without_pickle_and_a_damaged_one_is_not_read(portuguese: AnswerSelector, tmp_path: Path) -> None:
    save_selector(tmp_path / "trust", portuguese, "", "abc")
    texts = tuple(each.question for each in sample("pt", "heldout"))
    kept = load_selector(tmp_path / "trust")
    assert kept is not None
    assert kept[0].fingerprint == "abc"
    assert kept[1].decide(texts, letters_only(texts), 0.1) == portuguese.decide(texts, letters_only(texts), 0.1)
    (tmp_path / "trust" / "selector.npz").write_bytes(b"damaged")
    assert load_selector(tmp_path / "trust") is None


def test_without_an_encoder_sentences_are_read_all_the_same_and_kept(
    portuguese: AnswerSelector, tmp_path: Path
) -> None:
    known = known_questions(sample("pt", "train"), "pt")
    selector = fit(Index.of(known, letters_only))
    exam = sample("pt", "heldout")
    texts = tuple(each.question for each in exam)

    def right(one: AnswerSelector) -> int:
        best = one.probabilities(texts, letters_only(texts))[:, : known.none_label].argmax(axis=1).tolist()
        return sum(known.answers[label] == each.answer for label, each in zip(best, exam, strict=True))

    assert right(selector) >= right(portuguese) + 3
    save_selector(tmp_path / "trust", selector, "", "abc")
    kept = load_selector(tmp_path / "trust")
    assert kept is not None
    assert kept[1].decide(texts, letters_only(texts), 0.1) == selector.decide(texts, letters_only(texts), 0.1)


def test_a_selector_of_an_earlier_version_is_fitted_anew(portuguese: AnswerSelector, tmp_path: Path) -> None:
    save_selector(tmp_path / "trust", portuguese, "", "abc")
    summary = tmp_path / "trust" / SUMMARY_FILE
    assert SelectorSummary.read(summary.parent) is not None
    summary.write_text(summary.read_text().replace(f'"version":{VERSION}', '"version":1'))
    assert SelectorSummary.read(summary.parent) is None


def test_a_tuned_encoder_is_better_where_more_is_answered_or_as_much_and_less_of_it_wrong(
    portuguese: AnswerSelector,
) -> None:
    wrong = np.arange(200) % 50 == 49
    fewer, none_wrong = np.linspace(1, 0, 200), np.zeros(200, bool)
    some = replace(portuguese, curve=risk_curve(fewer, wrong))
    most = replace(portuguese, curve=risk_curve(fewer, none_wrong))
    assert is_better(most, some, 0.02)
    assert not is_better(some, most, 0.02)
    assert not is_better(some, some, 0.02)
