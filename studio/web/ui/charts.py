"""Charts, drawn with Plotly. Colours that must change with light and dark come from ``studio.css``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go
from markupsafe import Markup

from studio.domain.run import Point, RunView
from studio.i18n.catalog import Catalog

_PRACTICE: Final = "#4f9d95"  # readable on the light and on the dark card
_EXAM: Final = "#d97706"
_POINTS: Final = 300
_SMOOTHING: Final = 0.8  # weight of the past in the drawn line


def loss_chart(text: Catalog, view: RunView) -> Any:
    """Loss while practising and in the exam, with the best point marked.

    Args:
        text: for the labels.
        view: of the run.

    Returns:
        A Plotly figure.
    """
    progress = view.progress
    figure = go.Figure()
    practice = _thinned(_smoothed(progress.train_loss))
    if practice:
        figure.add_trace(_line(practice, text("train.chart.training"), _PRACTICE, "lines"))
    if progress.held_out_loss:
        figure.add_trace(_line(progress.held_out_loss, text("train.chart.held_out"), _EXAM, "lines+markers"))
        best = min(progress.held_out_loss, key=lambda point: point.value)
        figure.add_trace(_best(best, text("train.chart.best")))
    last = max(view.progress.total_steps, 1)
    axis = {"zeroline": False, "fixedrange": True, "showline": False, "ticks": ""}
    figure.update_layout(
        template="none",
        height=320,
        margin={"l": 52, "r": 16, "t": 56, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="x unified",
        legend={
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 1.02,
            "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
        },
        xaxis={**axis, "title": {"text": text("train.chart.step")}, "range": [0, last * 1.02], "showgrid": False},
        yaxis={**axis, "title": {"text": text("train.chart.loss")}, "rangemode": "tozero"},
        separators=".," if text.locale == "en" else ",.",
    )
    return figure


def sparkline(points: Sequence[Point], label: str) -> Markup:
    """A tiny line without axes, as SVG."""
    if len(points) < 2:
        return Markup("")
    shown = _thinned(points, 60)
    top = max(point.value for point in shown) or 1.0
    first, last = shown[0].step, shown[-1].step
    where = " ".join(
        f"{100 * (p.step - first) / max(1, last - first):.1f},{22 - 20 * p.value / top:.1f}" for p in shown
    )
    html = (
        '<svg viewBox="0 0 100 24" preserveAspectRatio="none" width="100%" height="24" role="img" aria-label="{}">'
        '<polyline points="{}" fill="none" stroke="var(--af-primary)" stroke-width="1.6" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )
    return Markup(html).format(label, where)


def _line(points: Sequence[Point], name: str, colour: str, mode: str) -> Any:
    return go.Scatter(
        x=[point.step for point in points],
        y=[round(point.value, 4) for point in points],
        name=name,
        mode=mode,
        line={"color": colour, "width": 2.4, "shape": "linear"},
        marker={"color": colour, "size": 7},
        hovertemplate="%{y:.2f}",
    )


def _best(point: Point, name: str) -> Any:
    return go.Scatter(
        x=[point.step],
        y=[round(point.value, 4)],
        name=name,
        mode="markers",
        marker={"symbol": "star", "size": 17, "color": _EXAM, "line": {"color": "#ffffff", "width": 1.5}},
        hovertemplate="%{y:.2f}",
    )


def _smoothed(points: Sequence[Point]) -> list[Point]:
    """The running mean of the last steps, weighted towards the newest and free of the start's bias."""
    smoothed, mean = [], 0.0
    for count, point in enumerate(points, 1):
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * point.value
        smoothed.append(Point(step=point.step, value=mean / (1 - _SMOOTHING**count)))
    return smoothed


def _thinned(points: Sequence[Point], limit: int = _POINTS) -> list[Point]:
    if len(points) <= limit:
        return list(points)
    stride = (len(points) - 1) / (limit - 1)
    return [points[round(index * stride)] for index in range(limit)]
