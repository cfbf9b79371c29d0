"""What a study has found, in plain sentences. Pure arithmetic on its record."""

from __future__ import annotations

import math
from statistics import fmean, stdev
from typing import Any, Final

from studio.domain.study import (
    FEW_RIGHT,
    Advice,
    Recommendation,
    Spread,
    StudyKind,
    StudyPlan,
    StudyRecord,
    Trial,
    TrialMetric,
    TrialScore,
)
from studio.evaluation.statistics import ALPHA, holm, mcnemar, wilson

_LOSS_GAIN: Final = 0.02  # a loss lower by less than this share is no gain
_STEADY: Final = 0.10  # half an interval in shares: up to here the result can be relied on
_ROUGH: Final = 0.20


def recommendation(plan: StudyPlan, record: StudyRecord) -> Recommendation | None:
    """What a search found so far; None before anything is measured, and where no attempt answered anything right.

    The trials that got furthest are compared, and with them the present settings, which always go as far.
    """
    scored = [trial for trial in record.trials if trial.scores]
    if not scored or none_right(plan, record):
        return None
    compared = next(
        (found for rung in (2, 1, 0) if len(found := [trial for trial in scored if trial.at(rung)]) > 1), scored
    )
    rung = min(trial.scores[-1].rung for trial in compared)
    best = max(compared, key=lambda trial: (_value(trial, rung, plan.judge), -trial.number))
    base = next((trial for trial in compared if trial.number == 1), None)
    return Recommendation(
        trial=best.number, settings=best.settings, advice=_compared(plan.judge, rung, base, best, len(scored))
    )


def none_right(plan: StudyPlan, record: StudyRecord) -> bool:
    """Whether answers are what counts, and no attempt gave a right one: then the best of them is no good either."""
    scores = [score for trial in record.trials for score in trial.scores if score.asked]
    return plan.judge is not TrialMetric.LOSS and bool(scores) and not any(score.right for score in scores)


def spread(record: StudyRecord) -> Spread | None:
    """Mean and spread over the parts of a cross-validation; None before the first is done.

    The interval is of the share over all questions together, each asked once (Wilson, 1927). Between the parts only
    the standard deviation is told: the parts share their examples, so no unbiased error of their mean exists (Bengio
    and Grandvalet, 2004).
    """
    scores = [trial.scores[-1] for trial in record.trials if trial.scores]
    if not scores:
        return None
    shares = [share for score in scores if (share := score.share) is not None]
    losses = [score.loss for score in scores if score.loss is not None and math.isfinite(score.loss)]
    right, asked = sum(score.right or 0 for score in scores), sum(score.asked for score in scores)
    interval = wilson(right, asked) if shares else None
    return Spread(
        folds=len(scores),
        right=right if shares else None,
        asked=asked,
        mean_right=fmean(shares) if shares else None,
        spread_right=stdev(shares) if len(shares) > 1 else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        mean_loss=fmean(losses) if losses else None,
        spread_loss=stdev(losses) if len(losses) > 1 else None,
    )


def advice(plan: StudyPlan, record: StudyRecord, *, over: bool) -> tuple[Advice, ...]:
    """The sentences of a study, the most important first."""
    found: list[Advice] = []
    if plan.kind is StudyKind.SEARCH:
        recommended = recommendation(plan, record)
        found.append(recommended.advice if recommended else _nothing(plan, record, over=over))
        if recommended and over and not record.done:
            found.append(
                Advice(key="train.study.note.stopped", params={"n": sum(bool(t.scores) for t in record.trials)})
            )
        elif recommended and over and _was_short(record):
            found.append(Advice(key="train.study.note.short", params={"percent": round(100 * record.shares[-1])}))
        found.append(Advice(key=f"train.study.judged.{plan.judge.value}"))
    else:
        together = spread(record)
        if together is None:
            found.append(Advice(key="train.study.folds.nothing"))
        else:
            found.extend(_about(plan, together))
    failed = sum(trial.problem is not None for trial in record.trials)
    return (*found, *([Advice(key="train.study.note.failed", params={"n": failed})] if failed else []))


def _nothing(plan: StudyPlan, record: StudyRecord, *, over: bool) -> Advice:
    """Why nothing can be recommended, and what to do."""
    if not none_right(plan, record):
        return Advice(key="train.study.advice.nothing")
    tried = [trial.scores[-1] for trial in record.trials if trial.scores]
    params = {"n": len(tried), "asked": max(score.asked for score in tried)}
    return Advice(key=f"train.study.advice.none_right{'' if over else '_yet'}", params=params)


def _was_short(record: StudyRecord) -> bool:
    return bool(record.shares) and record.shares[-1] < 1.0


def _value(trial: Trial, rung: int, metric: TrialMetric) -> float:
    score = trial.at(rung)
    return score.value(metric) if score else -math.inf


def _compared(metric: TrialMetric, rung: int, base: Trial | None, best: Trial, tried: int) -> Advice:
    settings: dict[str, Any] = {
        "rate": best.settings.learning_rate,
        "rank": best.settings.rank,
        "passes": best.settings.epochs,
    }
    if tried < 2:
        return Advice(key="train.study.advice.only_present")
    if best.number == 1:
        return Advice(key="train.study.advice.keep", params={"n": tried} | settings)
    ours, theirs = best.at(rung), base.at(rung) if base else None
    if ours is None or theirs is None:  # the present settings failed
        return Advice(key="train.study.advice.works", params={"n": tried} | settings)
    gain = 1 - (ours.loss or 0.0) / theirs.loss if theirs.loss else 0.0
    by_loss = metric is TrialMetric.LOSS or (ours.share or 0.0) < FEW_RIGHT
    sure = "close" if by_loss else _sureness(ours, theirs, tried - 1)
    if sure == "close":
        key = "better_loss" if gain >= _LOSS_GAIN else "close"
        return Advice(key=f"train.study.advice.{key}", params={"n": tried, "percent": round(100 * gain)} | settings)
    counts = {"right": ours.right or 0, "base_right": theirs.right or 0, "asked": ours.asked}
    return Advice(key=f"train.study.advice.{sure}", params={"n": tried} | counts | settings)


def _sureness(ours: TrialScore, theirs: TrialScore, others: int) -> str:
    """``better`` where the difference is more than chance would often make, ``ahead`` below that, else ``close``.

    Question by question; the best of many is ahead by luck more often than one is, so the bar rises with their number.
    """
    if (ours.right or 0) <= (theirs.right or 0):
        return "close"
    if len(ours.each_right) == len(theirs.each_right) == ours.asked:
        pairs = list(zip(ours.each_right, theirs.each_right, strict=True))
        won, lost = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    else:  # a record made before says how many only: as many differ as can
        lost = min(theirs.right or 0, ours.asked - (ours.right or 0))
        won = (ours.right or 0) - (theirs.right or 0) + lost
    p = holm([mcnemar(won, lost), *[1.0] * (others - 1)])[0]
    return "better" if p < ALPHA else "ahead"


def _about(plan: StudyPlan, together: Spread) -> list[Advice]:
    planned = len(plan.candidates)
    told: dict[str, Any] = {"n": together.folds, "folds": planned}
    if together.mean_right is None or plan.judge is TrialMetric.LOSS:
        losses = {"loss": round(together.mean_loss or 0.0, 3), "spread": round(together.spread_loss or 0.0, 3)}
        return [Advice(key="train.study.folds.loss", params=told | losses), Advice(key="train.study.judged.loss")]
    low, high = together.low or 0.0, together.high or 1.0
    told |= {
        "right": together.right,
        "asked": together.asked,
        "percent": round(100 * together.mean_right),
        "spread": round(100 * (together.spread_right or 0.0)),
        "low": round(100 * low),
        "high": round(100 * high),
    }
    half = (high - low) / 2
    sure = "steady" if half <= _STEADY else "rough" if half <= _ROUGH else "open"
    return [Advice(key="train.study.folds.right", params=told), Advice(key=f"train.study.folds.{sure}", params=told)]
