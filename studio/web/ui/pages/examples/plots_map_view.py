"""The map of the questions in words: what closeness means, what the proof asks about, and the example of a point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from studio.data.insights.statistics import Insights
from studio.domain.conversation import Conversation
from studio.i18n.catalog import Catalog
from studio.services.examples.insights import InsightView
from studio.services.examples.question_map import FEWEST_POINTS, MapBy, QuestionMap
from studio.web.ui.charts_examples import Colouring, colour_of, symbol_of
from studio.web.ui.components import Ui, wrapped
from studio.web.ui.pages.examples.plots_view import names_of, plot_head

NOTHING: Final = Colouring((), ())
_GROUP: Final = 3  # questions of a group that the proof should ask about
_LEGEND: Final = 40


def render_map(ui: Ui, view: InsightView, colouring: Colouring, kept: Sequence[bool]) -> str:
    """The head of the map: what closeness means here, what the proof covers, and how to read a point."""
    text = ui.text
    if view.map is None:
        if view.is_running or view.problem:
            return ""
        return wrapped(plot_head(text("examples.plots.map.title"), text("examples.plots.map.few", n=FEWEST_POINTS)))
    points = len(view.map.ids)
    notes = [_closeness(ui, view, view.map), text("examples.plots.map.click")]
    if view.map.is_sample:
        notes.insert(1, text("examples.plots.map.sample", shown=points, n=view.map.examples))
    proof = _proof(text, view, colouring, kept)
    return ui.render("examples/plots_map", plot_head=plot_head, proof=proof, notes=notes, points=points)


def _closeness(ui: Ui, view: InsightView, question_map: QuestionMap) -> str:
    if question_map.by is MapBy.MEANING:
        return ui.text(
            "examples.plots.map.by_meaning", name=ui.services.insights.encoders.for_language(view.language).card.name
        )
    return ui.text("examples.plots.map.by_letters")


def _proof(text: Catalog, view: InsightView, colouring: Colouring, kept: Sequence[bool]) -> str:
    """Which topics or groups the proof asks about."""
    assert view.insights is not None
    kind = "topics" if view.insights.topics.named else "groups"
    if not any(kept):
        return text("examples.plots.proof.later")
    asked = {number for number, is_kept in zip(colouring.of, kept, strict=True) if is_kept}
    counts = Counter(colouring.of)
    # Two questions alone are no group that a proof could ask about.
    counted = [n for n in range(len(colouring.names)) if kind == "topics" or counts[n] >= _GROUP]
    missing = [colouring.names[number] for number in counted if number not in asked]
    if not missing:
        return text(f"examples.plots.proof.all_{kind}", n=len(counted))
    named = names_of(text, missing, "; " if kind == "groups" else ", ")
    return text(f"examples.plots.proof.some_{kind}", n=len(missing), all=len(counted), names=named)


def render_legend(ui: Ui, view: InsightView, colouring: Colouring) -> str:
    """The topics or groups with their colours and counts."""
    if view.map is None or view.insights is None:
        return ""
    counts = Counter(colouring.of)
    names = colouring.names[:_LEGEND]
    return ui.render(
        "examples/plots_legend",
        named=view.insights.topics.named,
        shown=[(symbol_of(n), colour_of(n), name, counts[n]) for n, name in enumerate(names)],
        others=len(colouring.names) - _LEGEND,
    )


def render_example(ui: Ui, example: Conversation, near: Iterable[Conversation], held_out: bool) -> str:
    """The example of a point, its closest questions, and the way to its row."""
    return ui.render("examples/plots_example", example=example, near=list(near), held_out=held_out)


def colouring_of(insights: Insights, question_map: QuestionMap, examples: Sequence[Conversation]) -> Colouring:
    """Points coloured by the topics of the data, or by groups of alike questions where it names none."""
    if not insights.topics.named:
        return Colouring(question_map.places.names, question_map.places.groups)
    numbers = {topic.name: number for number, topic in enumerate(insights.topics.topics)}
    return Colouring(tuple(numbers), tuple(numbers.get(example.topic or "", -1) for example in examples))


def lone_ids(insights: Insights, examples: Sequence[Conversation]) -> Collection[str]:
    """Examples of topics that are asked in one wording only; none where nobody named topics."""
    if not insights.topics.named:
        return set()
    single = {topic.name for topic in insights.topics.single}
    return {example.id for example in examples if example.topic in single}
