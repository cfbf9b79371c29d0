"""From counts to a verdict and advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from studio.domain.proof import Advice, Bar, Bars, ExamAnswer, Forgotten, Interval, OffTopic, Privacy, Reason, Verdict
from studio.evaluation.statistics import ALPHA, MIN_DISCORDANT, mcnemar, more_questions

_KNOWN: Final = 0.6  # share of its lesson from which a model knows it
_GAP: Final = 0.3  # between lesson and exam, from which it only knows its lesson
_ENOUGH: Final = 12  # exam questions from which "no better on new ones" may be said
_INVENTS: Final = 0.1  # share of answers with invented facts that is worth telling
_OFTEN: Final = 0.5  # of questions that it cannot know, answered all the same
_NAMED_TOPICS: Final = 4


@dataclass(frozen=True)
class Decision:
    """What may be said.

    Args:
        p: exact McNemar.
        more_needed: about how many more questions would tell, where these do not.
    """

    verdict: Verdict
    p: float
    more_needed: int = 0


def decide(
    won: int, lost: int, new: Bar, difference: Interval, p_by_topic: float, knows: Bar, *, trained_alike: bool = False
) -> Decision:
    """The verdict of an exam.

    *Better* and *worse* need the test over questions, and test and interval over topics, so that neither a few lucky
    questions nor a few lucky topics make one.

    Args:
        won: wrong before, right after.
        lost: right before, wrong after.
        difference: of its shares of right answers.
        p_by_topic: of the same difference, whole topics exchanged.
        knows: training questions, as they are.
        trained_alike: whether the two are runs of one recipe on the same examples. What differs then is the luck of
            training, however many questions are asked, so neither is called better.
    """
    p = mcnemar(won, lost)
    is_sure = not trained_alike and max(p, p_by_topic) < ALPHA and (difference.low > 0 or difference.high < 0)
    if is_sure and won > lost:
        return Decision(Verdict.BETTER, p)
    learned = knows.share_after >= _KNOWN and knows.share_after - knows.share_before >= _GAP
    if min(new.asked, knows.asked) >= _ENOUGH and learned and knows.share_after - new.share_after >= _GAP:
        return Decision(Verdict.MEMORISED, p)
    if is_sure and lost > won:
        return Decision(Verdict.WORSE, p)
    if won + lost < MIN_DISCORDANT:
        return Decision(Verdict.TOO_LITTLE, p, more_questions(won, lost, new.asked))
    return Decision(Verdict.NO_CLEAR_CHANGE, p)


def is_regression(verdict: Verdict, difference: Interval) -> bool:
    """Whether new questions are answered worse than before: *worse*, and *memorised* where the interval says so."""
    return verdict is Verdict.WORSE or (verdict is Verdict.MEMORISED and difference.high < 0)


def advice(
    verdict: Verdict,
    bars: Bars,
    answers: Sequence[ExamAnswer],
    more_needed: int,
    forgotten: Forgotten | None,
    off_topic: OffTopic | None,
    privacy: Privacy | None,
) -> tuple[Advice, ...]:
    """What to do next, the most important first.

    Args:
        bars: lesson, other words, new questions.
        more_needed: of :attr:`Verdict.TOO_LITTLE`.
        forgotten: what was asked of general knowledge.
        off_topic: what it cannot know.
        privacy: what it gave away.
    """
    found: list[Advice] = []
    if privacy is not None and privacy.leaks:
        found.append(Advice(code="remove_personal", params={"n": len(privacy.leaks)}))
    knows = bars.knows
    if knows.asked and knows.share_after < _KNOWN and verdict is not Verdict.BETTER:
        found.append(Advice(code="train_longer"))
    elif verdict is Verdict.MEMORISED:
        found.append(Advice(code="fewer_passes"))
    elif verdict is Verdict.WORSE:
        found.append(Advice(code="check_examples"))
    if bars.weak_topics and verdict is not Verdict.WORSE:
        named = bars.weak_topics[:_NAMED_TOPICS]
        found.append(Advice(code="add_wordings", params={"topics": ", ".join(named), "n": len(named)}))
    reasons = [answer.likely_reason for answer in answers]
    for reason, code in ((Reason.CONTRADICTION, "mend_contradictions"), (Reason.CUT_OFF, "shorten_answers")):
        if count := reasons.count(reason):
            found.append(Advice(code=code, params={"n": count}))
    invented = sum(bool(answer.facts_after.invented) for answer in answers)
    if answers and invented >= max(1, _INVENTS * len(answers)):
        found.append(Advice(code="watch_inventions", params={"n": invented}))
    if verdict is Verdict.TOO_LITTLE and more_needed:
        found.append(Advice(code="more_questions", params={"n": more_needed}))
    if forgotten is not None and forgotten.is_warning:
        found.append(Advice(code="keep_general", params={"n": forgotten.lost}))
    if off_topic is not None and off_topic.answered > _OFTEN * off_topic.asked:
        found.append(Advice(code="teach_limits", params={"n": off_topic.answered}))
    if verdict is Verdict.BETTER and not found:
        found.append(Advice(code="share"))
    return tuple(found)
