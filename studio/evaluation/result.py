"""From answers to the result of an exam."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from studio.data.text import plain
from studio.domain.proof import Advice, Bar, Bars, ExamAnswer, Metric, Outcome, Proof, Verdict
from studio.domain.proof_progress import ProofPhase
from studio.evaluation.answering import Answer
from studio.evaluation.exam_plan import ExamPlan, Item
from studio.evaluation.given_answers import GivenAnswers
from studio.evaluation.likely_reasons import LikelyReasons
from studio.evaluation.metric_results import Scored, metric_results
from studio.evaluation.other_checks import forgotten_in, off_topic_in, privacy_in
from studio.evaluation.scoring import Score, Scorer
from studio.evaluation.statistics import paired_bootstrap, paired_permutation
from studio.evaluation.verdict import advice, decide

_PACKAGES: Final = ("scipy", "sacrebleu", "torch", "transformers", "peft")
_FEWEST_TOPICS: Final = 8  # from which drawing whole topics says something
_LISTED: Final = 30


@dataclass(frozen=True)
class About:
    """What a result says of itself: see the fields of :class:`Proof`."""

    run_id: str
    run_name: str
    against: str | None
    against_name: str
    base_model: str
    seconds: float


def make_proof(
    plan: ExamPlan, given: GivenAnswers, scorer: Scorer, about: About, on_scored: Callable[[], None]
) -> Proof:
    """The result of an exam.

    Args:
        given: what was answered, perhaps not all of it.
        on_scored: called now and then, as the scoring goes on.
    """
    exam = plan.of(ProofPhase.EXAM)
    reasons = LikelyReasons(plan.train)
    scored = list(_scored(given.both(exam), given, scorer, on_scored))
    answers = tuple(_exam_answer(number, each, given, reasons) for number, each in enumerate(scored, start=1))
    topics = _clusters([each.item for each in scored])
    won = sum(answer.outcome is Outcome.WON for answer in answers)
    lost = sum(answer.outcome is Outcome.LOST for answer in answers)
    right = [sum(answer.right_before for answer in answers), sum(answer.right_after for answer in answers)]
    before, after = [float(a.right_before) for a in answers], [float(a.right_after) for a in answers]
    difference = paired_bootstrap(before, after, topics)
    bars = _bars(plan, given, scorer, Bar(asked=len(answers), before=right[0], after=right[1]))
    decision = decide(
        won,
        lost,
        bars.new,
        difference,
        paired_permutation(before, after, topics),
        bars.knows,
        trained_alike=plan.trained_alike,
    )
    forgotten, off_topic, privacy = forgotten_in(plan, given), off_topic_in(plan, given), privacy_in(plan, given)
    return Proof(
        run_id=about.run_id,
        run_name=about.run_name,
        against=about.against,
        against_name=about.against_name,
        verdict=decision.verdict,
        headline=scorer.headline,
        before=bars.new.share_before,
        after=bars.new.share_after,
        difference=difference,
        p=decision.p,
        n=len(answers),
        won=won,
        lost=lost,
        more_needed=decision.more_needed,
        metrics=metric_results(scored, given, topics),
        bars=bars,
        forgotten=forgotten,
        off_topic=off_topic,
        privacy=privacy,
        advice=(
            *advice(decision.verdict, bars, answers, decision.more_needed, forgotten, off_topic, privacy),
            *_of_two_runs(plan, decision.verdict, about.against),
        ),
        answers=answers,
        exam_also_chose=plan.exam_also_chose,
        left_out=len(exam) - len(answers),
        language=plan.language,
        base_model=about.base_model,
        train_examples=len(plan.train),
        made_at=time.time(),
        seconds=about.seconds,
        versions={name: version(name) for name in _PACKAGES},
    )


def _of_two_runs(plan: ExamPlan, verdict: Verdict, against: str | None) -> tuple[Advice, ...]:
    """What is to be known of a comparison with another run."""
    found = [Advice(code="seen_by_other", params={"n": plan.seen_by_other})] if plan.seen_by_other else []
    if plan.trained_alike:
        found.append(Advice(code="trained_alike"))
    elif against is not None and verdict in (Verdict.BETTER, Verdict.WORSE):
        found.append(Advice(code="train_twice"))
    return tuple(found)


def _scored(
    items: Sequence[Item], given: GivenAnswers, scorer: Scorer, on_scored: Callable[[], None]
) -> Iterator[Scored]:
    for number, item in enumerate(items, start=1):
        before, after = (_score(scorer, item, answers[item.key]) for answers in (given.before, given.after))
        yield Scored(item, before, after)
        if number % 10 == 0:
            on_scored()


def _score(scorer: Scorer, item: Item, answer: Answer) -> Score:
    assert item.conversation is not None
    return scorer.score(answer.text, item.conversation.answer, item.question)


def _exam_answer(number: int, scored: Scored, given: GivenAnswers, reasons: LikelyReasons) -> ExamAnswer:
    item, before, after = scored.item, scored.before, scored.after
    example = item.conversation
    assert example is not None
    outcome = Outcome.TIE
    if before.is_right != after.is_right:
        outcome = Outcome.WON if after.is_right else Outcome.LOST
    cut_off = given.after[item.key].is_cut
    return ExamAnswer(
        number=number,
        example_id=example.id,
        question=item.question,
        expected=example.answer,
        topic=example.topic or "",
        row=example.source.row if example.source else None,
        related_ids=reasons.related(example),
        before=given.before[item.key].text,
        after=given.after[item.key].text,
        outcome=outcome,
        right_before=before.is_right,
        right_after=after.is_right,
        facts_before=before.facts,
        facts_after=after.facts,
        scores_before=before.values | _loss(given.losses_before.get(item.key)),
        scores_after=after.values | _loss(given.losses_after.get(item.key)),
        cut_off=cut_off,
        likely_reason=None
        if after.is_right
        else reasons.reason(example, given.after[item.key].text, after.facts, cut_off),
    )


def _loss(found: tuple[float, int] | None) -> dict[Metric, float]:
    return {Metric.LOSS: found[0] / found[1]} if found is not None else {}


def _clusters(items: Sequence[Item]) -> list[str]:
    """What hangs together: questions of one topic; of one answer where there are few topics; else each by itself."""
    examples = [item.conversation for item in items if item.conversation is not None]
    topics = [each.topic or f"answer {plain(each.answer)}" for each in examples]
    answers = [plain(each.answer) for each in examples]
    for found in (topics, answers):
        if len(set(found)) >= _FEWEST_TOPICS:
            return found
    return [str(place) for place in range(len(examples))]


def _bars(plan: ExamPlan, given: GivenAnswers, scorer: Scorer, new: Bar) -> Bars:
    right: dict[str, list[tuple[Item, bool, bool]]] = {}
    for name in ("known", "reworded"):
        right[name] = [
            (item, _score(scorer, item, given.before[item.key]).is_right, _score(scorer, item, given.after[item.key]).is_right)
            for item in given.both(plan.of(ProofPhase.LESSON, name))
        ]  # fmt: skip
    bars = {
        name: Bar(asked=len(found), before=sum(b for _, b, _ in found), after=sum(a for _, _, a in found))
        for name, found in right.items()
    }
    known = {plain(item.conversation.answer) for item, _, after in right["known"] if after and item.conversation}
    weak = Counter(
        item.conversation.topic
        for item, _, after in right["reworded"]
        if not after and item.conversation and item.conversation.topic and plain(item.conversation.answer) in known
    )
    return Bars(
        knows=bars["known"],
        reworded=bars["reworded"],
        new=new,
        weak_topics=tuple(topic for topic, _ in weak.most_common()),
    )
