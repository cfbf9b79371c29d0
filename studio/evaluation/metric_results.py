"""Each metric over a whole exam, with interval and corrected p."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from studio.domain.proof import Interval, Metric, MetricResult
from studio.evaluation.exam_plan import Item
from studio.evaluation.given_answers import GivenAnswers
from studio.evaluation.scoring import Score
from studio.evaluation.statistics import holm, mcnemar, paired_bootstrap, paired_permutation

_MAX_EXPONENT = 50.0


class Scored(NamedTuple):
    """A question of the exam with the scores of both answers."""

    item: Item
    before: Score
    after: Score


def metric_results(scored: Sequence[Scored], given: GivenAnswers, topics: Sequence[str]) -> tuple[MetricResult, ...]:
    """The metrics that were measured, Holm's correction over all of them.

    Args:
        scored: the questions of the exam.
        given: the losses of expected answers.
        topics: what each question hangs together with.
    """
    found = []
    for metric in (Metric.FACTS, Metric.MEANING, Metric.WORDS, Metric.EXACT):
        rows = [
            (each.before.values[metric], each.after.values[metric], topic)
            for each, topic in zip(scored, topics, strict=True)
            if metric in each.before.values and metric in each.after.values
        ]
        if rows:
            found.append(_result(metric, rows))
    losses = [
        (_mean(given.losses_before[each.item.key]), _mean(given.losses_after[each.item.key]), topic)
        for each, topic in zip(scored, topics, strict=True)
        if each.item.key in given.losses_before and each.item.key in given.losses_after
    ]
    if losses:
        found.append(_result(Metric.LOSS, losses))
    corrected = [
        result.model_copy(update={"p": p})
        for result, p in zip(found, holm([result.p for result in found]), strict=True)
    ]
    return (*corrected, *(_perplexity(result) for result in corrected if result.metric is Metric.LOSS))


def _result(metric: Metric, rows: Sequence[tuple[float, float, str]]) -> MetricResult:
    before, after = [one for one, _, _ in rows], [other for _, other, _ in rows]
    topics = [topic for _, _, topic in rows]
    if metric is Metric.EXACT:
        p = mcnemar(
            sum(a > b for b, a in zip(before, after, strict=True)),
            sum(a < b for b, a in zip(before, after, strict=True)),
        )
    else:
        p = paired_permutation(before, after, topics)
    return MetricResult(
        metric=metric,
        before=sum(before) / len(before),
        after=sum(after) / len(after),
        difference=paired_bootstrap(before, after, topics),
        p=p,
    )


def _perplexity(loss: MetricResult) -> MetricResult:
    """The same test, told in another unit."""

    def moved(by: float) -> float:
        return _exp(loss.before + by) - _exp(loss.before)

    difference = Interval(
        value=_exp(loss.after) - _exp(loss.before), low=moved(loss.difference.low), high=moved(loss.difference.high)
    )
    return MetricResult(
        metric=Metric.PERPLEXITY, before=_exp(loss.before), after=_exp(loss.after), difference=difference, p=loss.p
    )


def _exp(value: float) -> float:
    return math.exp(min(_MAX_EXPONENT, value))


def _mean(loss: tuple[float, int]) -> float:
    return loss[0] / loss[1]
