"""Charts of the examples: the map of questions, lengths, and lists of bars. Drawn with Plotly, coloured like the rest."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

import plotly.graph_objects as go

from studio.data.insights.statistics import Lengths
from studio.domain.conversation import Conversation
from studio.i18n.catalog import Catalog
from studio.services.examples.question_map import QuestionMap

MAIN: Final = "#4f9d95"  # readable on the light and on the dark card
MARKED: Final = "#d97706"
REST: Final = "#94a3b8"
PALETTE: Final = (
    "#1f9d8f", "#d97706", "#4b8fd6", "#b45fb0", "#7aa51c", "#dc5b54", "#8b7cf0", "#b8960f", "#a5734f", "#5f7a94",
)  # fmt: skip
SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up")
_LINKS: Final = 400
_BAR_HEIGHT: Final = 38  # pixels a bar with its label above it
_LABEL: Final = 44  # letters of a label


@dataclass(frozen=True)
class Bar:
    """One bar of a list.

    Args:
        value: how many.
        marked: whether it needs a look.
    """

    label: str
    value: int
    hover: str
    marked: bool = False


@dataclass(frozen=True)
class Colouring:
    """Which colour and shape each point of the map has.

    Args:
        names: of the topics or groups, the largest first.
        of: the number of the name of each point; -1 for none.
    """

    names: tuple[str, ...]
    of: tuple[int, ...]


def colour_of(number: int) -> str:
    """The colour of the topic with this number."""
    return REST if number < 0 or number >= len(PALETTE) * len(SYMBOLS) else PALETTE[number % len(PALETTE)]


def symbol_of(number: int) -> str:
    """The shape of the topic with this number: more topics than colours are told apart by it."""
    return SYMBOLS[number // len(PALETTE)] if 0 <= number < len(PALETTE) * len(SYMBOLS) else SYMBOLS[0]


def map_chart(
    text: Catalog,
    question_map: QuestionMap,
    examples: Sequence[Conversation],
    colouring: Colouring,
    held_out: Collection[str],
    lone: Collection[str],
    copies: Sequence[Sequence[str]],
) -> Any:
    """The questions on a plane.

    Args:
        question_map: where they stand.
        examples: of the points, in their order.
        held_out: ids of the examples for the proof.
        lone: ids of the examples whose topic has a single phrasing.

    Returns:
        A Plotly figure; ``customdata`` of a point is the id of its example.
    """
    figure = go.Figure()
    place = {example_id: i for i, example_id in enumerate(question_map.ids)}
    links = _links(question_map, place, copies)
    if links[0]:
        line = {"color": MARKED, "width": 1.6}
        name = text("examples.plots.map.copies")
        figure.add_trace(go.Scatter(x=links[0], y=links[1], mode="lines", line=line, name=name, hoverinfo="skip"))
    rings = [place[i] for i in lone if i in place]
    if rings:
        figure.add_trace(_points(question_map, rings, text("examples.plots.map.lone"), _ring(), skip=True))
    size = 9 if len(question_map.ids) < 800 else 6
    for kept, name in ((False, "examples.plots.map.learned"), (True, "examples.plots.map.held_out")):
        chosen = [i for i, example_id in enumerate(question_map.ids) if (example_id in held_out) is kept]
        if not chosen:
            continue
        numbers = [colouring.of[i] for i in chosen]
        marker = {
            "color": [colour_of(number) for number in numbers],
            "symbol": [f"{symbol_of(number)}-open" if kept else symbol_of(number) for number in numbers],
            "size": size + 2 if kept else size,
            "line": {"width": 2 if kept else 0},
            "opacity": 0.9,
        }
        trace = _points(question_map, chosen, text(name), marker)
        trace.text = [_hover(examples[i], colouring.names[n] if n >= 0 else "") for i, n in zip(chosen, numbers)]  # noqa: B905
        figure.add_trace(trace)
    hidden = {"visible": False, "fixedrange": True}
    return dressed(figure, text, height=440, margin={"l": 8, "r": 8, "t": 48, "b": 8}, xaxis=hidden, yaxis=hidden)


def lengths_chart(text: Catalog, lengths: Lengths) -> Any:
    """How many examples are how long, with the limit of the training where it is near.

    Returns:
        A Plotly figure.
    """
    starts = [i * lengths.width for i in range(len(lengths.counts))]
    figure = go.Figure(
        go.Bar(
            x=[start + lengths.width / 2 for start in starts],
            y=lengths.counts,
            width=lengths.width * 0.92,
            marker={"color": [MARKED if start >= lengths.limit else MAIN for start in starts], "cornerradius": 3},
            customdata=[
                text("examples.plots.lengths.hover", first=first, last=last, n=count)
                for first, last, count in lengths.bars()
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    end = starts[-1] + lengths.width
    if lengths.limit <= 1.5 * end:
        end = max(end, round(lengths.limit * 1.08))
        figure.add_vline(
            x=lengths.limit,
            line={"color": MARKED, "width": 2, "dash": "dash"},
            annotation={
                "text": text("examples.plots.lengths.limit", limit=text.number(lengths.limit)),
                "xanchor": "right",
            },
            annotation_position="top left",
        )
    axis = {"zeroline": False, "fixedrange": True, "showline": False, "ticks": ""}
    first = min((start for start, count in zip(starts, lengths.counts, strict=True) if count), default=0)
    begin = 0 if first < end / 3 else first - lengths.width
    return dressed(
        figure,
        text,
        height=260,
        margin={"l": 44, "r": 12, "t": 28, "b": 44},
        xaxis={
            **axis,
            "title": {"text": text("examples.plots.lengths.axis")},
            "range": [begin, end],
            "showgrid": False,
        },
        yaxis={**axis, "rangemode": "tozero", "nticks": 5},
        showlegend=False,
    )


def bar_list(text: Catalog, bars: Sequence[Bar]) -> Any:
    """Bars one under the other, each with its label above it, so that long labels fit on a phone.

    Returns:
        A Plotly figure.
    """
    rows = list(range(len(bars)))
    most = max((bar.value for bar in bars), default=1)
    figure = go.Figure(
        go.Bar(
            x=[bar.value for bar in bars],
            y=rows,
            orientation="h",
            width=0.3,
            marker={"color": [MARKED if bar.marked else MAIN for bar in bars], "cornerradius": 4},
            text=[text.number(bar.value) for bar in bars],
            textposition="outside",
            cliponaxis=False,
            customdata=[f"<b>{_wrapped(bar.label)}</b><br>{escape(bar.hover)}" for bar in bars],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    for row, bar in zip(rows, bars, strict=True):
        figure.add_annotation(
            x=0, y=row, text=_short(bar.label, _LABEL), showarrow=False, xanchor="left", yanchor="bottom", yshift=6,
            align="left",
        )  # fmt: skip
    plain = {"visible": False, "fixedrange": True}
    return dressed(
        figure,
        text,
        height=_BAR_HEIGHT * max(1, len(bars)) + 24,
        margin={"l": 14, "r": 8, "t": 12, "b": 4},
        xaxis={**plain, "range": [0, most * 1.15]},
        yaxis={**plain, "range": [len(bars) - 0.5, -0.8]},
        showlegend=False,
    )


def dressed(figure: Any, text: Catalog, **layout: Any) -> Any:
    """A figure in the clothes of the page: no background, hover and legend alike, numbers as in the language."""
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        dragmode=False,
        hoverlabel={"align": "left"},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        separators=".," if text.locale == "en" else ",.",
        **layout,
    )
    return figure


def _points(
    question_map: QuestionMap, chosen: Sequence[int], name: str, marker: dict[str, Any], skip: bool = False
) -> Any:
    return go.Scatter(
        x=[question_map.places.x[i] for i in chosen],
        y=[question_map.places.y[i] for i in chosen],
        mode="markers",
        name=name,
        marker=marker,
        customdata=[question_map.ids[i] for i in chosen],
        **({"hoverinfo": "skip"} if skip else {"hovertemplate": "%{text}<extra></extra>"}),
    )


def _ring() -> dict[str, Any]:
    return {"symbol": "circle-open", "size": 18, "color": MARKED, "line": {"width": 2}}


def _links(
    question_map: QuestionMap, place: dict[str, int], copies: Sequence[Sequence[str]]
) -> tuple[list[float | None], list[float | None]]:
    """Lines between the members of a group, each to the next."""
    x: list[float | None] = []
    y: list[float | None] = []
    for group in copies:
        known = [place[i] for i in group if i in place]
        for left, right in pairwise(known):
            if len(x) >= 3 * _LINKS:
                return x, y
            x += [question_map.places.x[left], question_map.places.x[right], None]
            y += [question_map.places.y[left], question_map.places.y[right], None]
    return x, y


def _hover(example: Conversation, topic: str) -> str:
    """The start of question and answer. What a person wrote is escaped: Plotly reads some HTML."""
    lines = [f"<b>{_wrapped(example.question)}</b>", _wrapped(example.answer)]
    return "<br>".join([*lines, f"<i>{_short(topic, 60)}</i>"] if topic else lines)


def _wrapped(words: str) -> str:
    lines = textwrap.wrap(" ".join(words.split())[:400], 40)
    shown = lines[:2] if len(lines) < 3 else [lines[0], f"{lines[1]} …"]
    return "<br>".join(escape(line) for line in shown)


def _short(words: str, letters: int) -> str:
    words = " ".join(words.split())
    return escape(words if len(words) <= letters else f"{words[: letters - 1].rstrip()}…")
