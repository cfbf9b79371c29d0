"""The Share screen without a browser: links in every state, numbers, publishing, and what Proof says of visitors."""

from __future__ import annotations

import re

import pytest
from markupsafe import escape

from studio.domain.problem import Problem
from studio.domain.vote import Choice
from studio.i18n import LOCALES, catalog
from studio.processes.job_registry import Job, JobState
from studio.services.container import Services
from studio.services.publishing import Published
from studio.web.ui.components import Ui
from studio.web.ui.pages.proof.vote import _rate
from studio.web.ui.pages.share.link_settings import change_link
from studio.web.ui.pages.share.links import render_links
from studio.web.ui.pages.share.publish import _state
from studio.web.ui.pages.share.section import ShareVisit
from studio.web.ui.pages.share.widget import _made
from studio.web.ui.pages.tuned import tuned_runs
from studio.web.ui.session import Place
from tests.services.test_links import add_run

NASTY = '<script>alert("1")</script>'


@pytest.fixture(params=LOCALES)
def ui(services: Services, request: pytest.FixtureRequest) -> Ui:
    add_run(services.workspace, "run-1")
    add_run(services.workspace, "run-2")
    return Ui(services, catalog(request.param), place=None)


def visit(ui: Ui, run_id: str = "run-1") -> ShareVisit:
    return ShareVisit(Place("project-1", "share"), tuned_runs(ui, "project-1"), run_id)


def test_a_card_has_switches_password_numbers_and_the_way_to_another_version(ui: Ui) -> None:
    links, text = ui.services.links, ui.text
    made = links.create("run-2", NASTY, [NASTY], per_hour=20, days=1, password="segredo", takes_suggestions=True)
    links.count_visit(made)
    links.count_vote(made, Choice.TIE)
    shown = render_links(ui, visit(ui))
    assert "<script" not in shown
    assert made.password_digest is not None
    assert made.password_digest not in shown
    assert re.findall(r'aria-checked="(\w+)"', shown) == ["true", "false", "true"]
    assert text("share.password_change") in shown
    ui.services.widgets.save(made.token, ["shop.example"])
    assert text("share.password_widget") in render_links(ui, visit(ui))
    assert str(escape(text("share.answer_with", name="Primeiro treino"))) in shown
    assert str(escape(text("share.numbers.preferred", after=0, before=0, equal=1))) in shown
    assert "answer_with" not in render_links(ui, visit(ui, "run-2"))
    change_link(links, {"action": "set", "name": "shows_before", "value": "no", "token": made.token})
    change_link(links, {"action": "set", "name": "run_id", "value": "yes", "token": made.token})  # no switch of ours
    change_link(links, {"action": "password", "text": "", "token": made.token})
    changed = links.open(made.token)
    assert (changed.shows_before, changed.run_id, changed.password_digest) == (False, "run-2", None)
    assert text("share.set.needs_before") in render_links(ui, visit(ui))


def test_a_chat_on_a_site_says_what_its_visitors_meet(ui: Ui) -> None:
    links, text = ui.services.links, ui.text
    made = links.create("run-1", "Loja", [], per_hour=20, days=1, password="segredo")
    ui.services.widgets.save(made.token, ["shop.example"])
    shown, closed = _made(ui, visit(ui)), text("widget.closed")
    for note in (text("widget.share.note_password"), text("widget.share.note_limit", limit=20)):
        assert str(escape(note)) in shown
    assert str(escape(text("widget.share.note_until", date="|", closed=closed))).partition("|")[0] in shown
    assert "&lt;" not in shown.split("<ul")[1].split("</ul>")[0]
    links.revoke(made.token)
    assert str(escape(text("widget.share.note_off", closed=closed))) in _made(ui, visit(ui))


def test_publishing_says_how_far_it_is_what_went_wrong_and_who_can_see_it(ui: Ui) -> None:
    text, publishing = ui.text, ui.services.publishing
    assert _state(ui, visit(ui), None) == ""
    job = Job(kind="publish", key="run-1", state=JobState.RUNNING, stage="uploading", done=5_000_000, total=20_000_000)
    going = _state(ui, visit(ui), job)
    assert text("share.publish.sent", done=text.size(5e6), total=text.size(2e7)) in going
    assert 'id="publish-cancel"' in going
    stopping = _state(ui, visit(ui), job.model_copy(update={"is_cancelling": True}))
    assert 'id="publish-cancel"' not in stopping
    failed = Job(kind="publish", key="run-1", state=JobState.FAILED, problem=Problem(code="publish.bad_token"))
    assert str(escape(text("errors.publish.bad_token"))) in _state(ui, visit(ui), failed)
    page = "https://maria-bot.static.hf.space"
    common = {"run_id": "run-1", "repository": "maria/bot", "address": "https://hub/maria/bot"}
    publishing._remember(Published(kind="site", page=page, **common))
    publishing._remember(Published(kind="gguf", private=True, **common))
    done = _state(ui, visit(ui, "run-2"), None)  # of the project, whichever version is looked at
    assert done.index(text("share.publish.only_you")) < done.index(text("share.publish.everyone"))
    assert f'data-copy="{page}"' in done


def test_proof_tells_what_visitors_preferred(ui: Ui) -> None:
    assert _rate(ui, "run-1", None) == ""
    made = ui.services.links.create("run-1", "Demo")
    for choice in (Choice.AFTER, Choice.AFTER, Choice.BOTH_BAD):
        ui.services.links.count_vote(made, choice)
    assert ui.text("proof.vote.visitors", after=2, before=0, equal=1) in _rate(ui, "run-1", None)
    assert _rate(ui, "run-2", None) == ""
