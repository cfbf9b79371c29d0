"""What the Train screen shows of a run: a pure rendering of its view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from studio.domain.event import LiveAnswer
from studio.domain.run import Progress, RunState, RunView
from studio.web.ui.charts import sparkline
from studio.web.ui.components import (
    EMPTY,
    Ui,
    bar,
    button,
    join,
    notice,
    problem_notice,
    state_badge,
    when,
    wrapped,
)
from studio.web.ui.session import Place

_LIVE: Final = Markup(
    '<section class="af-card" id="train-live" data-state="{state}"><div class="af-row af-between"><h2>{name}</h2>{badge}'
    '</div>{bar}<div class="af-row af-between af-small af-muted"><span>{where}</span><span>{left}</span></div>'
    '<p class="af-reading" id="train-reading" role="status">{reading}</p>{problem}{stats}{foot}</section>'
)
_STAT: Final = Markup("<div><dt>{}</dt><dd>{}</dd>{}</div>")
_ANSWER: Final = Markup(
    '<article class="af-stack"><div class="af-say asks">{question}</div><div class="af-three">'
    '<div><span class="af-who">{expected_label}</span>{expected}</div>'
    '<div><span class="af-who">{before_label}</span>{before}</div>'
    '<div class="now"><span class="af-who">{now_label}</span>{now}</div></div></article>'
)
_RUN: Final = Markup(
    '<li id="{id}"{current}><a data-nav href="{href}">{name}</a><span class="af-muted af-small">{loss}</span>'
    "{state}{time}{delete}</li>"
)


def render_live(ui: Ui, view: RunView) -> str:
    """Where the run stands, in words and numbers."""
    text, progress = ui.text, view.progress
    key, params = ui.services.runs.reading(view)
    where = ""
    if progress.total_steps:
        where = text("train.step_of", step=progress.step, total=progress.total_steps)
    fraction = 1.0 if view.state is RunState.FINISHED else progress.fraction
    problem = problem_notice(text, view.result.problem) if view.result and view.result.problem else EMPTY
    notices = join(problem_notice(text, found) for found in progress.notices)
    going = not view.state.is_over
    safe = Markup('<p class="af-small af-muted">{}</p>').format(text("train.safe")) if going else EMPTY
    return wrapped(
        _LIVE.format(
            state=view.state.value,
            name=view.name,
            badge=state_badge(text, view.state, fraction),
            bar=bar(fraction, text("train.progress"), going=going),
            where=where,
            left=_left(ui, view),
            reading=text(key, **params),
            problem=join([problem, notices]),
            stats=_stats(ui, view) if progress.step else EMPTY,
            foot=safe,
        )
    )


def _left(ui: Ui, view: RunView) -> str:
    if view.state.is_over:
        return ui.text("train.took", time=ui.text.duration(view.result.seconds)) if view.result else ""
    if view.state is not RunState.RUNNING:
        return ""
    left = view.progress.seconds_left
    return ui.text("train.left_unknown") if left is None else ui.text("train.left", time=ui.text.duration(left))


def _stats(ui: Ui, view: RunView) -> Markup:
    text, progress = ui.text, view.progress
    passes = text.number(progress.epoch, 1)
    if view.recipe.epochs:
        passes = f"{passes} / {text.number(view.recipe.epochs, 0 if view.recipe.epochs % 1 == 0 else 1)}"
    rates = progress.learning_rate
    label = text("train.stat.rate")
    stats = [
        _STAT.format(text("train.stat.passes"), passes, EMPTY),
        _STAT.format(text("train.stat.speed"), text.number(progress.tokens_per_second), EMPTY),
        _STAT.format(label, _rate(ui, progress), sparkline(rates, label)),
        _STAT.format(text("train.stat.memory"), text.size(progress.memory) if progress.memory else "–", EMPTY),
    ]
    return Markup('<dl class="af-stats">{}</dl>').format(join(stats))


def _rate(ui: Ui, progress: Progress) -> str:
    value = f"{progress.learning_rate[-1].value:.1e}"
    return value if ui.text.locale == "en" else value.replace(".", ",")


def render_answers(ui: Ui, view: RunView) -> str:
    """The questions it never practises: the owner's answer, the base model's, and the newest."""
    text, progress = ui.text, view.progress
    if not progress.answers and not progress.first_answers:
        return ""
    before = {item.question: item.answer for item in progress.first_answers}
    head = Markup('<h2>{}</h2><p class="af-muted af-small">{}</p>').format(
        text("train.answers"), text("train.answers_why")
    )
    items = progress.answers or progress.first_answers
    return wrapped(head, join(_answer(ui, item, before, progress.answers_step) for item in items))


def _answer(ui: Ui, item: LiveAnswer, before: dict[str, str], step: int) -> Markup:
    text = ui.text
    now = (item.answer or text("train.answer.empty")) if step else text("train.answer.waiting")
    return _ANSWER.format(
        question=item.question,
        expected_label=text("train.answer.expected"),
        expected=item.expected,
        before_label=text("train.answer.before"),
        before=before.get(item.question) or text("train.answer.empty"),
        now_label=text("train.answer.now"),
        now=now,
    )


def render_runs(ui: Ui, place: Place, views: Sequence[RunView], shown: RunView | None) -> str:
    """All runs of the project; the one that is looked at is marked."""
    title = Markup("<h2>{}</h2>").format(ui.text("train.runs"))
    if not views:
        return wrapped(title, notice(ui.text("train.runs_none")))
    rows = join(_run(ui, place, view, shown is not None and view.id == shown.id) for view in views)
    return wrapped(title, Markup('<ul class="af-runs">{}</ul>').format(rows))


def _run(ui: Ui, place: Place, view: RunView, current: bool) -> Markup:
    text, loss, delete = ui.text, "", EMPTY
    if view.result and view.result.best_loss is not None:
        loss = text("train.run_loss", loss=text.number(view.result.best_loss, 2))
    if view.state.is_over or view.state is RunState.QUEUED:
        delete = button(
            text("train.run_delete"),
            "delete",
            kind="quiet small",
            id=view.id,
            ask=text("train.run_delete_ask", name=view.name),
            detail=text("train.run_delete_detail"),
            yes=text("train.run_delete"),
            no=text("ui.keep"),
            danger="yes",
        )
    return _RUN.format(
        id=view.id,
        current=Markup(' aria-current="true"') if current else EMPTY,
        href=place.at("train", view.id).href,
        name=view.name,
        loss=loss,
        state=state_badge(text, view.state, view.progress.fraction),
        time=when(text, view.created_at),
        delete=delete,
    )
