"""What the plots say in words and tables: a pure rendering of what was counted. Each chart has its sentence here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from studio.data.insights.statistics import Copies, Languages, Lengths, Topic, Topics
from studio.i18n.catalog import Catalog
from studio.services.examples.insights import InsightView
from studio.web.ui.charts_examples import Bar
from studio.web.ui.components import Ui, render, wrapped

SHOWN: Final = 12  # bars of a chart
_NAMED: Final = 4  # topics that a sentence names
_ROWS: Final = 200  # of a table of numbers
_HEAD: Final = Markup('<div class="af-plot-head"><h2>{}</h2><p>{}</p></div>')


def render_status(ui: Ui, view: InsightView) -> str:
    """What is under way or went wrong, and the helper where it would make the map better.

    The helper is offered once; a small button stays for who changes her mind.
    """
    encoder = ui.services.insights.encoders.for_language(view.language)
    offered = view.insights is not None and encoder.folder is None
    if not (offered or view.is_running or view.problem):
        return ""
    waiting, share = _waiting(ui.text, view)
    return ui.render(
        "examples/plots_status",
        view=view,
        waiting=waiting,
        share=share,
        encoder=encoder if offered else None,
        title="examples.plots.helper.title",
        why="examples.plots.helper.why",
        later="examples.plots.helper.later",
        elem_id="plots-helper",
    )


def _waiting(text: Catalog, view: InsightView) -> tuple[str, float]:
    """What is being counted, and about which share of it is done."""
    if view.total:
        sentence = text("examples.plots.wait.reading", done=view.done, total=view.total)
        return sentence, 0.3 + 0.6 * view.done / view.total
    if view.insights is None:
        return text("examples.plots.wait.counting"), 0.1
    return text("examples.plots.wait.placing"), 0.6


def plot_head(title: str, sentence: str) -> Markup:
    """What stands above a chart."""
    return _HEAD.format(title, sentence)


def render_lengths(text: Catalog, lengths: Lengths | None) -> tuple[str, str]:
    """The sentence above the chart of lengths, and the table below it."""
    title = text("examples.plots.lengths.title")
    if lengths is None:
        return wrapped(plot_head(title, text("examples.plots.lengths.none"))), ""
    if lengths.over:
        sentence = text("examples.plots.lengths.cut", n=lengths.over, all=lengths.examples, limit=lengths.limit)
    else:
        sentence = text("examples.plots.lengths.fit", longest=lengths.longest, limit=lengths.limit)
    rows = [(f"{text.number(first)}–{text.number(last)}", count) for first, last, count in lengths.bars() if count]
    table = _table(text, [text("examples.plots.lengths.column"), text("examples.plots.column")], rows)
    return wrapped(plot_head(title, sentence)), table


def render_languages(text: Catalog, languages: Languages) -> tuple[str, str]:
    """The sentence above the chart of languages, and the table below it."""
    known = [(code, count) for code, count in languages if code]
    if not known:
        sentence = text("examples.plots.languages.unknown")
    elif len(known) == 1:
        sentence = text("examples.plots.languages.one", language=text(f"examples.plots.language.{known[0][0]}"))
    else:
        percent = round(100 * known[0][1] / sum(count for _, count in languages))
        sentence = text(
            "examples.plots.languages.several", language=text(f"examples.plots.language.{known[0][0]}"), percent=percent
        )
    rows = [(text(f"examples.plots.language.{code}"), count) for code, count in languages]
    table = _table(text, [text("examples.plots.languages.column"), text("examples.plots.column")], rows)
    return wrapped(plot_head(text("examples.plots.languages.title"), sentence)), table


def render_topics(text: Catalog, topics: Topics) -> tuple[str, str]:
    """The sentence above the chart of topics, and the table below it."""
    kind = "" if topics.named else "answers_"
    single = topics.single
    if single:
        shown = [topic.name for topic in single] if topics.named else [single[0].name[:80]]
        names = names_of(text, shown)
        sentence = text(f"examples.plots.topics.{kind}single", n=len(single), all=len(topics.topics), names=names)
    else:
        sentence = text(f"examples.plots.topics.{kind}several", n=len(topics.topics))
    if len(topics.topics) > SHOWN:
        sentence += " " + text(
            "examples.plots.first" if single else "examples.plots.shown", n=SHOWN, all=len(topics.topics)
        )
    title = text("examples.plots.topics.title" if topics.named else "examples.plots.topics.answers_title")
    columns = [
        "examples.plots.topics.column" if topics.named else "examples.plots.topics.answers_column",
        "examples.plots.column",
    ]
    rows = [(topic.name, topic.examples, topic.phrasings, topic.held_out) for topic in topics.topics]
    heads = [*map(text, columns), text("examples.plots.topics.phrasings"), text("examples.plots.topics.held_out")]
    return wrapped(plot_head(title, sentence)), _table(text, heads, rows)


def render_copies(text: Catalog, copies: Sequence[Copies]) -> tuple[str, str]:
    """The sentence above the chart of groups that ask the same, and the table below it."""
    title = text("examples.plots.copies.title")
    if not copies:
        return wrapped(plot_head(title, text("examples.plots.copies.none"))), ""
    sentence = text("examples.plots.copies.some", n=len(copies), examples=sum(len(group.ids) for group in copies))
    differ = sum(group.answers > 1 for group in copies)
    if differ:
        sentence += " " + text("examples.plots.copies.differ", n=differ)
    if len(copies) > SHOWN:
        sentence += " " + text("examples.plots.shown", n=SHOWN, all=len(copies))
    rows = [(group.question, len(group.ids), group.answers) for group in copies]
    heads = [text("examples.plots.copies.column"), text("examples.plots.column"), text("examples.plots.copies.answers")]
    return wrapped(plot_head(title, sentence)), _table(text, heads, rows)


def topic_bars(text: Catalog, topics: Topics) -> list[Bar]:
    """Topics with a single phrasing first, for they need a look; then the largest."""
    ordered = sorted(topics.topics, key=lambda topic: (topic.phrasings != 1, -topic.examples))
    return [
        Bar(topic.name, topic.examples, _topic_hover(text, topic), topic.phrasings == 1) for topic in ordered[:SHOWN]
    ]


def language_bars(text: Catalog, languages: Languages) -> list[Bar]:
    """One bar a language."""
    return [
        Bar(
            text(f"examples.plots.language.{code}"),
            count,
            text("examples.plots.examples", n=count),
            marked=bool(code) and place > 0,
        )
        for place, (code, count) in enumerate(languages)
    ]


def copy_bars(text: Catalog, copies: Sequence[Copies]) -> list[Bar]:
    """The largest groups that ask the same; those with several answers are marked."""
    bars = []
    for group in copies[:SHOWN]:
        key = "examples.plots.copies.hover" if group.answers > 1 else "examples.plots.copies.same"
        sentence = text(key, n=len(group.ids), answers=group.answers)
        bars.append(Bar(group.question, len(group.ids), sentence, group.answers > 1))
    return bars


def _topic_hover(text: Catalog, topic: Topic) -> str:
    return text("examples.plots.topics.hover", n=topic.examples, phrasings=topic.phrasings, held_out=topic.held_out)


def names_of(text: Catalog, names: Sequence[str], between: str = ", ") -> str:
    """The first names, and how many more there are."""
    shown = between.join(names[:_NAMED])
    left = len(names) - _NAMED
    return f"{shown} … ({text('examples.plots.map.others', n=left)})" if left > 0 else shown


def _table(text: Catalog, heads: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    """Numbers for those who cannot see a chart, and for those who want them exactly."""
    return wrapped(render(text, "examples/plots_table", heads=heads, rows=rows[:_ROWS]))
