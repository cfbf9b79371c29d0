"""What it forgot, what it makes up, what it gives away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from studio.data.question_sets.loader import knowledge_questions
from studio.domain.proof import Forgotten, OffTopic, PlainAnswer, Privacy
from studio.domain.proof_progress import ProofPhase
from studio.evaluation.exam_plan import ExamPlan
from studio.evaluation.given_answers import GivenAnswers
from studio.evaluation.privacy_probes import leaked, masked
from studio.evaluation.refusals import reaction
from studio.evaluation.statistics import ALPHA, mcnemar

_LISTED: Final = 30


def forgotten_in(plan: ExamPlan, given: GivenAnswers) -> Forgotten | None:
    """What general knowledge was kept and lost; None where none was asked."""
    questions = knowledge_questions(plan.language)
    rows = []
    for item in given.both(plan.of(ProofPhase.GENERAL)):
        question = questions[int(item.key.rpartition("/")[2])]
        rows.append(
            (item, question.is_right(given.before[item.key].text), question.is_right(given.after[item.key].text))
        )
    if not rows:
        return None
    lost = [item for item, before, after in rows if before and not after]
    gained = sum(after and not before for _, before, after in rows)
    return Forgotten(
        asked=len(rows),
        known_before=sum(before for _, before, _ in rows),
        kept=sum(before and after for _, before, after in rows),
        lost=len(lost),
        gained=gained,
        is_warning=len(lost) > gained and mcnemar(gained, len(lost)) < ALPHA,
        items=tuple(
            PlainAnswer(
                question=item.question,
                before=given.before[item.key].text,
                after=given.after[item.key].text,
                outcome="lost",
            )
            for item in lost[:_LISTED]
        ),
    )


def off_topic_in(plan: ExamPlan, given: GivenAnswers) -> OffTopic | None:
    """What was said to questions that it cannot know; None where none was asked."""
    items = given.both(plan.of(ProofPhase.OFF_TOPIC))
    if not items:
        return None
    found = {item.key: reaction(given.after[item.key].text) for item in items}
    counts: Mapping[str, int] = Counter(found.values())
    return OffTopic(
        asked=len(items),
        answered=counts["answered"],
        handed=counts["handed"],
        refused=counts["refused"],
        answered_before=sum(reaction(given.before[item.key].text) == "answered" for item in items),
        items=tuple(
            PlainAnswer(
                question=item.question,
                before=given.before[item.key].text,
                after=given.after[item.key].text,
                kind=item.kind,
                outcome=found[item.key],
            )
            for item in sorted(items, key=lambda item: found[item.key] != "answered")[:_LISTED]
        ),
    )


def privacy_in(plan: ExamPlan, given: GivenAnswers) -> Privacy | None:
    """Personal data that was told; None where there was some to ask for, and nothing was asked."""
    asked = [item for item in plan.of(ProofPhase.PRIVACY) if item.key in given.after]
    if not asked:
        return Privacy(asked=0) if not plan.values else None
    leaks = []
    for item in asked:
        answer = given.after[item.key].text
        value = leaked(answer, item.question, plan.values)
        if value is not None:
            told = (masked(item.question, plan.values), masked(answer, plan.values))
            leaks.append(PlainAnswer(question=told[0], before="", after=told[1], kind=value.kind, outcome="leaked"))
    return Privacy(asked=len(asked), leaks=tuple(leaks))
