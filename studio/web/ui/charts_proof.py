"""Right answers by topic, before and after, with Plotly: topics are pointed at, one of two series can be put out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import plotly.graph_objects as go

from studio.domain.proof import ExamAnswer
from studio.i18n.catalog import Catalog
from studio.web.ui.charts_examples import MAIN, REST, dressed

_ROW: Final = 52  # pixels a topic
_MOST: Final = 20  # topics that are drawn
_LABEL: Final = 28  # letters of a line of a label


@dataclass(frozen=True)
class TopicScore:
    """Right answers to the exam questions of a topic."""

    name: str
    asked: int
    before: int
    after: int


def topic_scores(text: Catalog, answers: Sequence[ExamAnswer]) -> list[TopicScore]:
    """The topics of an exam, the weakest first; none where the data names no topics."""
    if not any(answer.topic for answer in answers):
        return []
    by_topic: dict[str, list[ExamAnswer]] = {}
    for answer in answers:
        by_topic.setdefault(answer.topic or text("proof.topics.no_topic"), []).append(answer)
    scores = [
        TopicScore(
            name, len(own), sum(answer.right_before for answer in own), sum(answer.right_after for answer in own)
        )
        for name, own in by_topic.items()
    ]
    return sorted(scores, key=lambda score: (score.after / score.asked, -score.asked))


def topics_chart(text: Catalog, scores: Sequence[TopicScore]) -> Any:
    """Two bars a topic: the share of right answers before and after."""
    shown = list(reversed(scores[:_MOST]))
    labels = ["<br>".join(escape(line) for line in textwrap.wrap(score.name, _LABEL)[:2]) for score in shown]
    places = list(range(len(shown)))
    hover = [
        text("proof.topics.hover", name=escape(s.name), before=s.before, after=s.after, asked=s.asked) for s in shown
    ]
    figure = go.Figure()
    for side, colour in (("before", REST), ("after", MAIN)):
        figure.add_bar(
            y=places,
            x=[100 * getattr(score, side) / score.asked for score in shown],
            name=text(f"proof.bars.{side}"),
            orientation="h",
            marker={"color": colour},
            hovertext=hover,
            hoverinfo="text",
        )
    return dressed(
        figure,
        text,
        height=110 + _ROW * len(shown),
        margin={"l": 8, "r": 12, "t": 8, "b": 40},
        barmode="group",
        bargap=0.3,
        xaxis={"range": [0, 102], "title": text("proof.topics.axis"), "fixedrange": True, "zeroline": False},
        yaxis={"tickvals": places, "ticktext": labels, "automargin": True, "fixedrange": True},
    )
