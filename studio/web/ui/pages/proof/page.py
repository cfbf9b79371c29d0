"""Step 5: whether it got better, how sure that is, where, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.proof import Proof
from studio.sharing.proof_report.figures import metric_table
from studio.web.ui.charts_proof import topic_scores, topics_chart
from studio.web.ui.components import Page, Ui, event_data, friendly, lead, next_link, wrapped
from studio.web.ui.events import in_turn
from studio.web.ui.pages.proof.answers_view import ALL, PAGE, fault_choices, render_answers, topic_choices
from studio.web.ui.pages.proof.checks_view import render_checks
from studio.web.ui.pages.proof.exam_view import exam_body, is_going, render_exam
from studio.web.ui.pages.proof.experts_view import render_experts, render_take_away, render_topics
from studio.web.ui.pages.proof.runs_view import FOLDS, newest_folds, render_runs
from studio.web.ui.pages.proof.target import BASE, ProofTarget, against_choices, proof_target
from studio.web.ui.pages.proof.trusted_view import render_trusted
from studio.web.ui.pages.proof.verdict_view import render_bars, render_change, render_verdict
from studio.web.ui.pages.proof.vote import VoteSection, build_vote, show_vote
from studio.web.ui.pages.trust_status import TrustStatus, build_trust_status
from studio.web.ui.pages.tuned import nothing_tuned, run_choices
from studio.web.ui.session import Place

_ICON: Final = (
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' stroke-linejoin="round" aria-hidden="true"><path d="M12 6h18l8 8v28H12z"/><path d="m18 27 5 5 9-11"'
    ' stroke="var(--af-accent)"/></svg>'
)
_PAIR: Final = Markup('<div class="af-grid af-fit">{}{}</div>')


@dataclass(frozen=True)
class _Parts:
    """The components of the page."""

    needs: Any
    body: Any
    run: Any
    against: Any
    main: Any
    trust: TrustStatus
    tabs: Any
    topic: Any
    fault: Any
    answers: Any
    topics_head: Any
    topics: Any
    examined: Any
    opened: Any
    checks: Any
    vote: VoteSection
    runs: Any
    experts: Any
    metrics: Any
    take: Any
    foot: Any

    @property
    def shown(self) -> list[Any]:
        """What a visit may change."""
        choice = [self.needs, self.body, self.run, self.against, self.main, self.tabs, self.topic, self.fault]
        tabs = [self.answers, self.topics_head, self.topics, self.examined, self.checks, self.runs, self.experts]
        return [*choice, *self.trust.outputs, *tabs, self.metrics, *self.vote.outputs, self.take, self.foot]


def build_proof(ui: Ui) -> Page:
    """The exam, its verdict, and in tabs all that it rests on."""
    with gr.Column(visible=False, elem_id="page-proof") as column:
        ui.html(value=lead(ui.text, "proof"))
        parts = _layout(ui)

    def show(place: Place) -> dict[Any, Any]:
        return _render(ui, parts, place)

    _connect(ui, parts)
    return Page(column, tuple(parts.shown), show)


def _layout(ui: Ui) -> _Parts:
    text = ui.text
    needs = ui.html(elem_id="proof-needs")
    with gr.Column(visible=False) as body:
        with gr.Row():
            run = gr.Dropdown(label=text("proof.run"), elem_id="proof-run", allow_custom_value=True, min_width=220)
            against = gr.Dropdown(
                label=text("proof.against"), elem_id="proof-against", allow_custom_value=True, min_width=220
            )
        main = _exam(ui)
        trust = build_trust_status(ui, "proof-trust", partial(_run_id, ui))
        with gr.Tabs(elem_id="proof-tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab(text("proof.tab.answers"), id="answers"):
                with gr.Row(elem_classes="af-filters", equal_height=True):
                    fault, topic = _filter(ui, "fault"), _filter(ui, "topic")
                answers = ui.actions(elem_id="proof-answers")
            with gr.Tab(text("proof.tab.topics"), id="topics"):
                topics_head = ui.html(elem_id="proof-topics-head")
                topics = gr.Plot(
                    label=text("proof.topics.title"),
                    show_label=False,
                    visible=False,
                    elem_id="proof-topics",
                    elem_classes="af-chart",
                )
            with gr.Tab(text("proof.tab.checks"), id="checks"):
                checks = ui.html(elem_id="proof-checks")
            with gr.Tab(text("proof.tab.vote"), id="vote"):
                vote = build_vote(ui)
            with gr.Tab(text("proof.tab.runs"), id="runs"):
                runs = ui.actions(elem_id="proof-all-runs")
            with gr.Tab(text("proof.tab.experts"), id="experts"):
                experts = ui.html(elem_id="proof-experts")
                metrics = gr.Dataframe(elem_id="proof-metrics", interactive=False, wrap=True)
        take = ui.html(elem_id="proof-take")
    foot = ui.html()
    return _Parts(
        needs, body, run, against, main, trust, tabs, topic, fault, answers, topics_head, topics, gr.State(""),
        gr.State(False), checks, vote, runs, experts, metrics, take, foot,
    )  # fmt: skip


def _run_id(ui: Ui, place: Place) -> str:
    target = proof_target(ui, place)
    return target.run.id if target is not None else ""


def _filter(ui: Ui, name: str) -> Any:
    return gr.Dropdown(
        label=ui.text(f"proof.answers.{name}"), elem_id=f"proof-filter-{name}", filterable=False, min_width=200
    )


def _exam(ui: Ui) -> Any:
    """The card of the exam and the verdict, which looks by itself while an exam goes on."""

    def read(asked: dict[str, Any]) -> dict[str, Any]:
        target = proof_target(ui, Place.parse(str(asked.get("query", ""))))
        if target is None:
            return {"state": "", "html": "", "wait": 0}
        status = ui.services.proofs.status(target.run.id, target.against)
        wait = 1500 if is_going(status) else 0
        return {"state": status.state.value, "html": str(exam_body(ui, status)), "wait": wait}

    return gr.HTML(
        "",
        elem_id="proof-main",
        js_on_load="afina.exam(element, trigger, watch, server); /* raises 'action' */",
        apply_default_css=False,
        server_functions=[read],
    )


def _connect(ui: Ui, parts: _Parts) -> None:
    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, data = Place.parse(query), event_data(event)
        target = proof_target(ui, place)
        if target is not None:
            _perform(ui, target, data.get("action", ""))
        return {ui.place: place.again}

    @friendly(ui.text)
    def choose(query: str, run_id: str, against: str) -> str:
        place = Place.parse(query).at("proof", run_id)
        return place.with_beside([against] if against not in (BASE, run_id) else []).move

    @friendly(ui.text)
    def narrow(query: str, topic: str, fault: str) -> dict[Any, Any]:
        return {parts.answers: _answers(ui, Place.parse(query), topic, fault, PAGE)}

    @friendly(ui.text)
    def more(query: str, topic: str, fault: str, event: gr.EventData) -> dict[Any, Any]:
        shown = int(event_data(event).get("shown", PAGE))
        return {parts.answers: _answers(ui, Place.parse(query), topic, fault, shown)}

    # Plotly draws a chart into a hidden tab with no width: it is drawn while the tab is open.
    @friendly(ui.text)
    def open_tab(query: str, event: gr.SelectData) -> dict[Any, Any]:
        opened = event.value == ui.text("proof.tab.topics")
        return {parts.opened: opened, **(_chart(ui, parts, Place.parse(query)) if opened else {})}

    @friendly(ui.text)
    def redraw(query: str, opened: bool) -> dict[Any, Any]:
        return _chart(ui, parts, Place.parse(query)) if opened else gr.skip()

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    for component in (parts.main, parts.runs):
        component.action(act, [ui.place], [ui.place], **quiet)
    gr.on([parts.run.input, parts.against.input], choose, [ui.place, parts.run, parts.against], [ui.place], **quiet)
    filters = [ui.place, parts.topic, parts.fault]
    gr.on([parts.topic.input, parts.fault.input], narrow, filters, [parts.answers], trigger_mode="always_last", **quiet)
    parts.answers.action(more, filters, [parts.answers], **quiet)
    parts.tabs.select(open_tab, [ui.place], [parts.opened, parts.topics], **in_turn("proof-tabs"), **quiet)
    parts.examined.change(redraw, [ui.place, parts.opened], [parts.topics], **quiet)


def _perform(ui: Ui, target: ProofTarget, action: str) -> None:
    """What a button of the exam or of the list of versions asks for."""
    proofs, run = ui.services.proofs, target.run
    match action:
        case "start":
            proofs.start(run.id, target.against)
        case "stop":
            proofs.stop(run.id, target.against)
        case "folds":
            ui.services.studies.start_folds(run.project_id, run.recipe, FOLDS, ui.text.locale)


def _looked_at(ui: Ui, place: Place) -> tuple[ProofTarget, Proof] | None:
    target = proof_target(ui, place)
    proof = ui.services.proofs.result(target.run.id, target.against) if target else None
    return (target, proof) if target is not None and proof is not None else None


def _answers(ui: Ui, place: Place, topic: str, fault: str, shown: int) -> str:
    found = _looked_at(ui, place)
    return render_answers(ui, place.at("proof", found[0].run.id), found[1], topic, fault, shown) if found else ""


def _chart(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    """The chart of the topics; none where the data names no topics."""
    found = _looked_at(ui, place)
    scores = topic_scores(ui.text, found[1].answers) if found else []
    return {
        parts.topics: gr.Plot(value=topics_chart(ui.text, scores), visible=True) if scores else gr.Plot(visible=False)
    }


def _render(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    target = proof_target(ui, place)
    if target is None:
        needs = nothing_tuned(ui, place, "proof", _ICON)
        return {parts.needs: needs, parts.body: gr.Column(visible=False), parts.foot: ""}
    run, text = target.run, ui.text
    status = ui.services.proofs.status(run.id, target.against)
    proof = ui.services.proofs.result(run.id, target.against)
    exam = render_exam(ui, status, has_result=proof is not None, is_over=run.state.is_over)
    shared = {
        parts.needs: "",
        parts.body: gr.Column(visible=True),
        parts.run: run_choices(ui, target.views, run, target.best),
        parts.against: against_choices(ui, target),
        parts.tabs: gr.Tabs(visible=proof is not None),
        parts.foot: next_link(
            text, place.at("share", run.id), "proof.next", primary=proof is not None, hint=text("proof.next_hint")
        ),
    }
    shared |= parts.trust.show(place, run.id)
    if proof is None:
        return {**shared, parts.main: wrapped(exam), parts.take: ""}
    votes = ui.services.votes.result(run.id, target.against)
    verdict = render_verdict(ui, proof, votes)
    change = ui.services.proof_changes.since_before(run.id) if target.against is None else None
    pair = _PAIR.format(render_bars(ui, proof), render_change(ui, place, change))
    careful = ui.services.policies.read(run.project_id).careful
    is_outdated = target.against is None and ui.services.proofs.is_counted_before_fit(run.id)
    trusted = render_trusted(ui, proof, careful, is_outdated=is_outdated)
    return {**shared, parts.main: wrapped(exam, verdict, trusted, pair), **_tabs(ui, parts, place, target, proof)}


def _tabs(ui: Ui, parts: _Parts, place: Place, target: ProofTarget, proof: Proof) -> dict[Any, Any]:
    run, against, services = target.run, target.against, ui.services
    return {
        parts.topic: topic_choices(ui, proof, ""),
        parts.fault: fault_choices(ui, proof, ALL),
        parts.answers: render_answers(ui, place.at("proof", run.id), proof, "", ALL),
        parts.topics_head: render_topics(ui, proof),
        parts.examined: f"{run.id} {against} {proof.made_at}",
        parts.checks: render_checks(ui, place, proof),
        **show_vote(ui, parts.vote, run.id, against),
        parts.runs: render_runs(
            ui, place, services.proofs.table(run.project_id), run, newest_folds(ui, run.project_id)
        ),
        parts.experts: render_experts(ui, proof),
        parts.metrics: metric_table(ui.text, proof),
        parts.take: render_take_away(ui, run.id, against),
    }
