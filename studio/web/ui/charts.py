"""The charts of the train screen: a run, runs over each other, a search, and a cross-validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from studio.domain.run import Point, RunView
from studio.domain.study import StudyView, Trial, TrialMetric, TrialScore, TrialState
from studio.i18n.catalog import Catalog
from studio.services.runs.comparison import Comparison
from studio.web.ui.plot import Axis, Band, Mark, Plot, Series, nice_ticks, thinned

_SMOOTHING: Final = 0.8  # weight of the past in the drawn line
_TIPS: Final = 60
_LABELS: Final = 6  # passes that are named on the axis
_HEADROOM: Final = 1.05


def loss_chart(text: Catalog, view: RunView, label: str) -> Markup:
    """Error while practising and in the exam, over the passes, with the best point marked.

    Args:
        label: the sentence that reads the chart, for those who do not see it.
    """
    progress = view.progress
    steps = steps_per_pass(view)
    practice = [(p.step / steps, p.value) for p in smoothed(progress.train_loss)]
    exam = [(p.step / steps, p.value) for p in progress.held_out_loss if math.isfinite(p.value)]
    top = max([y for _, y in [*practice, *exam]], default=1.0) * _HEADROOM
    marks = []
    if exam:
        best = min(exam, key=lambda point: point[1])
        marks = [Mark(*best, kind="best", label=text("train.live.chart.best"))]
    series = [
        Series(text("train.live.chart.practice"), "practice", thinned(practice)),
        Series(text("train.live.chart.exam"), "exam", exam, dots=True),
    ]
    return Plot(
        label=label,
        x=pass_axis(text, max(1, progress.total_steps) / steps),
        y=error_axis(text, top),
        series=[one for one in series if one.points],
        marks=marks,
        tips=_tips(text, practice, exam),
    ).html()


def overlay_chart(text: Catalog, comparison: Comparison) -> Markup:
    """The exam errors of several runs over their passes; a run without exams shows its practice instead."""
    series, tips = [], list[tuple[float, str]]()
    for index, curve in enumerate(comparison.curves, 1):
        points = curve.exam or tuple(thinned(_running_mean(curve.practice)))
        series.append(Series(curve.name, f"s{index}", points, dots=bool(curve.exam)))
        tips += [
            (x, text("train.overlay.tip", name=curve.name, n=x, error=text.number(y, 2)))
            for x, y in thinned(points, _TIPS)
        ]
    every = [point for one in series for point in one.points]
    best = comparison.curves[comparison.best].best if comparison.best is not None else None
    marks = (
        [Mark(*best, kind=f"s{comparison.best + 1}", label=text("train.live.chart.best"))]
        if best and comparison.best is not None
        else []
    )
    return Plot(
        label=text("train.overlay.chart_label", n=len(comparison.curves)),
        x=pass_axis(text, max((x for x, _ in every), default=1.0)),
        y=error_axis(text, max((y for _, y in every), default=1.0) * _HEADROOM),
        series=series,
        marks=marks,
        tips=_merged(tips),
    ).html()


def search_chart(text: Catalog, view: StudyView, names: Sequence[str]) -> Markup:
    """The trials of a search, round by round: those that went on in colour, the others faint."""
    scored = [(trial, name) for trial, name in zip(view.trials, names, strict=True) if trial.scores]
    rungs = max(score.rung for trial, _ in scored for score in trial.scores)
    best = view.recommendation.trial if view.recommendation else 0
    series, tips, values = [], list[tuple[float, str]](), list[float]()
    for trial, name in sorted(scored, key=lambda pair: _alive(pair[0], best)):
        points = [
            (float(score.rung + 1), value) for score in trial.scores if (value := _judged(view, score)) is not None
        ]
        values += [y for _, y in points]
        kind = "s2" if trial.number == best else "faint" if trial.state is TrialState.DROPPED else "s1"
        series.append(Series("", kind, points, dots=True))
        tips += [(x, f"{name}: {_shown(text, view, y)}") for x, y in points]
    marks = [
        Mark(*one.points[-1], kind="s2", label=text("train.study.best"))
        for one in series
        if one.kind == "s2" and one.points
    ]
    ticks = [(float(n), text("train.study.round", n=n)) for n in range(1, rungs + 2)]
    legend = [
        Series(text(f"train.study.key.{key}"), kind, ())
        for key, kind in (("best", "s2"), ("on", "s1"), ("off", "faint"))
        if best or key != "best"
    ]
    return Plot(
        label=text("train.study.chart_label", n=len(scored)),
        x=Axis(0.75, rungs + 1.35, ticks),
        y=_judge_axis(text, view, values),
        series=[*legend, *series],
        marks=marks,
        tips=_merged(tips),
    ).html()


def folds_chart(text: Catalog, view: StudyView, names: Sequence[str]) -> Markup:
    """The result of each part, with their mean as a line and their spread as a band."""
    points, tips = list[tuple[float, float]](), list[tuple[float, str]]()
    for trial, name in zip(view.trials, names, strict=True):
        value = _judged(view, trial.score) if trial.score else None
        if value is not None:
            points.append((float(trial.number), value))
            tips.append((float(trial.number), f"{name}: {_shown(text, view, value)}"))
    spread, right = view.spread, view.judge is not TrialMetric.LOSS
    mean = (spread.mean_right if right else spread.mean_loss) if spread else None
    wide = ((spread.spread_right if right else spread.spread_loss) if spread else None) or 0.0
    last = float(max(view.folds, len(view.trials)))
    series, bands = [], list[Band]()
    if mean is not None:
        bands = [Band(mean - wide, mean + wide)]
        series = [Series(text("train.study.mean"), "s2 dashed", [(0.5, mean), (last + 0.5, mean)])]
    series.append(Series(text("train.study.parts"), "s1 alone", points, dots=True))
    return Plot(
        label=text("train.study.folds_label", n=len(points)),
        x=Axis(0.5, last + 0.5, [(float(n), str(n)) for n in range(1, int(last) + 1)], text("train.study.parts_axis")),
        y=_judge_axis(text, view, [y for _, y in points] + [mean + wide if mean is not None else 0.0]),
        series=series,
        bands=bands,
        tips=tips,
        height=200,
    ).html()


def steps_per_pass(view: RunView) -> float:
    """How many steps a pass over the examples takes."""
    started = view.progress.started
    return max(1.0, started.steps_per_epoch) if started else 1.0


def pass_axis(text: Catalog, passes: float) -> Axis:
    """The passes over the examples, from the start to ``passes``, each with its name."""
    every = max(1, math.ceil(passes / _LABELS))
    ticks = [(0.0, text("train.live.chart.start"))]
    ticks += [
        (float(n), text("train.live.chart.pass", n=n)) for n in range(every, math.floor(passes + 1e-6) + 1, every)
    ]
    return Axis(0.0, max(passes, 0.01), ticks)


def error_axis(text: Catalog, top: float) -> Axis:
    """The error, from zero to ``top``."""
    decimals = 2 if top < 0.5 else 1 if top < 4 else 0
    return Axis(0.0, top, [(value, text.number(value, decimals)) for value in nice_ticks(top)])


def smoothed(points: Sequence[Point]) -> list[Point]:
    """The running mean of the last steps, weighted towards the newest and free of the start's bias."""
    found, mean = list[Point](), 0.0
    finite = [point for point in points if math.isfinite(point.value)]
    for count, point in enumerate(finite, 1):
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * point.value
        found.append(Point(step=point.step, value=mean / (1 - _SMOOTHING**count)))
    return found


def _tips(
    text: Catalog, practice: Sequence[tuple[float, float]], exam: Sequence[tuple[float, float]]
) -> list[tuple[float, str]]:
    tips = {
        x: [text("train.live.tip.pass", n=x), text("train.live.tip.practice", error=text.number(y, 2))]
        for x, y in thinned(practice, _TIPS)
    }
    for x, y in exam:
        tips.setdefault(x, [text("train.live.tip.pass", n=x)]).append(
            text("train.live.tip.exam", error=text.number(y, 2))
        )
    return [(x, "\n".join(lines)) for x, lines in sorted(tips.items())]


def _merged(tips: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """One tip a place: the lines of several curves under each other."""
    found: dict[float, list[str]] = {}
    for x, line in tips:
        found.setdefault(round(x, 2), []).append(line)
    return [(x, "\n".join(lines[:8])) for x, lines in sorted(found.items())]


def _running_mean(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    values = smoothed([Point(step=n, value=y) for n, (_, y) in enumerate(points)])
    return [(points[point.step][0], point.value) for point in values]


def _alive(trial: Trial, best: int) -> int:
    """Drawn in this order: what was dropped, what goes on, the best."""
    return 2 if trial.number == best else 0 if trial.state is TrialState.DROPPED else 1


def _judged(view: StudyView, score: TrialScore) -> float | None:
    value = score.share if view.judge is not TrialMetric.LOSS else score.loss
    return value if value is not None and math.isfinite(value) else None


def _shown(text: Catalog, view: StudyView, value: float) -> str:
    if view.judge is not TrialMetric.LOSS:
        return text("train.study.percent", percent=round(100 * value))
    return text("train.study.error", error=text.number(value, 2))


def _judge_axis(text: Catalog, view: StudyView, values: Sequence[float]) -> Axis:
    top = max(values, default=1.0)
    if view.judge is TrialMetric.LOSS:
        return error_axis(text, top * _HEADROOM)
    high = min(1.0, max(0.2, math.ceil(top * 10 + 0.5) / 10))
    return Axis(0.0, high, [(y, f"{round(100 * y)}%") for y in nice_ticks(high)])
