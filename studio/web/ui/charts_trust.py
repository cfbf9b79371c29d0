"""A Plotly chart of answered questions against allowed wrong answers."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from studio.i18n.catalog import Catalog
from studio.trust.decision import RiskCurve
from studio.web.ui.charts_examples import MAIN, MARKED, dressed


def risk_chart(text: Catalog, curve: RiskCurve, careful: float) -> Any:
    """Answered questions of 100 against allowed wrong answers of 100; the chosen position is marked.

    Args:
        careful: the chosen position; one beyond the curve marks none.
    """
    levels = curve.levels
    allowed, answered = [100 * one.careful for one in levels], [100 * one.answered for one in levels]
    hover = [
        text(
            "trust.chart.hover",
            careful=text.number(x, 1),
            answered=text.number(y),
            wrong=text.number(100 * one.wrong, 1),
        )
        for one, x, y in zip(levels, allowed, answered, strict=True)
    ]
    chosen = [one.careful == careful for one in levels]
    figure = go.Figure()
    figure.add_scatter(
        x=allowed,
        y=answered,
        mode="lines+markers",
        line={"color": MAIN, "width": 2.5},
        marker={"size": [15 if one else 8 for one in chosen], "color": [MARKED if one else MAIN for one in chosen]},
        hovertext=hover,
        hoverinfo="text",
        showlegend=False,
    )
    return dressed(
        figure,
        text,
        height=260,
        margin={"l": 52, "r": 12, "t": 12, "b": 48},
        xaxis={"title": text("trust.chart.x"), "rangemode": "tozero", "fixedrange": True, "zeroline": False},
        yaxis={"title": text("trust.chart.y"), "range": [0, 103], "fixedrange": True, "zeroline": False},
    )
