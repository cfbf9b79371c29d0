"""The map of the questions in words: what closeness means, what the proof asks about, and the example of a point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from markupsafe import Markup

from studio.data.insights.statistics import Insights
from studio.domain.conversation import Conversation
from studio.i18n.catalog import Catalog
from studio.services.examples.insights import InsightView
from studio.services.examples.question_map import FEWEST_POINTS, MapBy, QuestionMap
from studio.web.ui.charts_examples import Colouring, colour_of, symbol_of
from studio.web.ui.components import EMPTY, Ui, badge, button, join, wrapped
from studio.web.ui.pages.examples.plots_view import HEAD, names_of

NOTHING: Final = Colouring((), ())
_GROUP: Final = 3  # questions of a group that the proof should ask about
_LEGEND: Final = 40
_CHIP: Final = Markup(
    '<li><i class="{}" style="background:{}" aria-hidden="true"></i>{} <span class="af-muted">{}</span></li>'
)
_NEAR: Final = Markup('<button type="button" data-action="example" data-id="{}">{}</button>')
_EXAMPLE: Final = Markup(
    '<section class="af-card" id="plots-chosen"><div class="af-row"><h3>{title}</h3>{badges}</div>'
    '<div class="af-say asks"><small>{asks}</small>{question}</div>'
    '<div class="af-say answers"><small>{answers}</small>{answer}</div>{near}<div class="af-row">{show}</div></section>'
)


def render_map(ui: Ui, view: InsightView, colouring: Colouring, kept: Sequence[bool]) -> str:
    """The head of the map: what closeness means here, what the proof covers, and how to read a point."""
    text = ui.text
    if view.map is None:
        if view.is_running or view.problem:
            return ""
        return wrapped(HEAD.format(text("examples.plots.map.title"), text("examples.plots.map.few", n=FEWEST_POINTS)))
    sentences = [_proof(text, view, colouring, kept), _closeness(ui, view, view.map)]
    if view.map.is_sample:
        sentences.append(text("examples.plots.map.sample", shown=len(view.map.ids), n=view.map.examples))
    label = Markup('<span class="af-sr">{}</span>').format(text("examples.plots.map.aria", n=len(view.map.ids)))
    small = Markup('<p class="af-muted af-small">{}</p>').format(
        " ".join([*sentences[1:], text("examples.plots.map.click")])
    )
    return wrapped(HEAD.format(text("examples.plots.map.title"), sentences[0]), small, label)


def _closeness(ui: Ui, view: InsightView, found: QuestionMap) -> str:
    if found.by is MapBy.MEANING:
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
    text = ui.text
    counts = Counter(colouring.of)
    chips = [
        _CHIP.format(symbol_of(number), colour_of(number), name, text.number(counts[number]))
        for number, name in enumerate(colouring.names[:_LEGEND])
    ]
    if len(colouring.names) > _LEGEND:
        chips.append(Markup("<li>{}</li>").format(text("examples.plots.map.others", n=len(colouring.names) - _LEGEND)))
    title = text("examples.plots.map.topics" if view.insights.topics.named else "examples.plots.map.groups")
    html = Markup('<p class="af-muted af-small">{}</p><ul class="af-topics">{}</ul>')
    return wrapped(html.format(title, join(chips)))


def render_example(ui: Ui, example: Conversation, near: Iterable[Conversation], held_out: bool) -> str:
    """The example of a point, its closest questions, and the way to its row."""
    text = ui.text
    badges = [badge(example.topic)] if example.topic else []
    if held_out:
        badges.append(badge(text("examples.plots.map.held_out"), "warn"))
    closest = EMPTY
    others = [_NEAR.format(other.id, other.question[:90]) for other in near]
    if others:
        html = Markup('<div><p class="af-muted af-small">{}</p><div class="af-chips">{}</div></div>')
        closest = html.format(text("examples.plots.example.near"), join(others))
    return wrapped(
        _EXAMPLE.format(
            title=text("examples.plots.example.title"),
            badges=join(badges),
            asks=text("examples.plots.example.asks"),
            question=example.question,
            answers=text("examples.plots.example.answers"),
            answer=example.answer,
            near=closest,
            show=button(text("examples.plots.example.in_table"), "in-table", kind="small", id=example.id),
        )
    )


def colouring_of(insights: Insights, found: QuestionMap, examples: Sequence[Conversation]) -> Colouring:
    """Points coloured by the topics of the data, or by groups of alike questions where it names none."""
    if not insights.topics.named:
        return Colouring(found.places.names, found.places.groups)
    numbers = {topic.name: number for number, topic in enumerate(insights.topics.topics)}
    return Colouring(tuple(numbers), tuple(numbers.get(example.topic or "", -1) for example in examples))


def lone_ids(insights: Insights, examples: Sequence[Conversation]) -> Collection[str]:
    """Examples of topics that are asked in one wording only; none where nobody named topics."""
    if not insights.topics.named:
        return set()
    single = {topic.name for topic in insights.topics.single}
    return {example.id for example in examples if example.topic in single}
