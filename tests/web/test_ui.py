"""The studio's screens without a browser: places, escaping, forms, empty states, and what a mounted page holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import studio.web.ui
from studio.domain.conversation import Conversation
from studio.domain.event import Evaluation, Started, Step
from studio.domain.project import ProjectCard
from studio.domain.recipe import Recipe
from studio.domain.run import RunState, RunView, progress_of
from studio.i18n import LOCALES, catalog
from studio.services import Services
from studio.web.ui import shell
from studio.web.ui.charts import loss_chart
from studio.web.ui.components import Ui, button
from studio.web.ui.pages.compare import Turn, _messages, _talk
from studio.web.ui.pages.examples.grid import _edited
from studio.web.ui.pages.home import _card
from studio.web.ui.pages.train_form import NUMBERS, read_recipe
from studio.web.ui.pages.train_view import render_live
from studio.web.ui.session import STEPS, Place

SOURCES = sorted(Path(studio.web.ui.__file__).parent.rglob("*.py"))
NASTY = '<img src=x onerror="alert(1)">'


@pytest.fixture
def ui(services: Services) -> Ui:
    return Ui(services, catalog("en"), place=None)


def project_with_examples(services: Services) -> str:
    project = services.projects.create("Shop")
    services.projects.update(project.id, model_id="smollm2-135m-instruct")
    services.datasets.use_sample(project.id, "en")
    return project.id


@pytest.mark.parametrize("step", STEPS)
def test_a_place_is_found_again_in_its_address(step: str) -> None:
    place = Place("project-12ab", step, "run-34cd")
    assert Place.parse(place.query) == place
    assert Place.parse(place.move) == place
    assert place.href == f"./?project=project-12ab&step={step}&run=run-34cd"


@pytest.mark.parametrize("query", ["", None, "step=train", "project=../../etc", "project=A%20B&step=share", "project="])
def test_an_address_without_a_project_is_home(query: str | None) -> None:
    assert Place.parse(query) == Place()
    assert Place().href == "./"


def test_an_unknown_step_or_run_falls_back() -> None:
    assert Place.parse("?project=p-1&step=cook&run=%3Cscript%3E") == Place("p-1", "model", "")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_that_the_screens_name_exists(locale: str) -> None:
    used = {key for path in SOURCES for key in re.findall(r'text\("([a-z_]+(?:\.[a-z_]+)+)"', path.read_text())}
    assert len(used) > 100
    assert used - catalog(locale).entries.keys() == set()


def test_what_a_person_wrote_is_escaped(ui: Ui) -> None:
    project = ui.services.projects.create(NASTY)
    shown = _card(ui, ProjectCard(project=project))
    talk = _talk(ui, (Turn(NASTY, NASTY, NASTY),))
    assert "<img" not in shown
    assert "<img" not in talk
    assert talk.count("&lt;img") >= 3
    assert "<img" not in button(NASTY, "act", ask=NASTY)
    assert 'onerror="' not in button("x", "act", ask=NASTY)


def test_a_tick_that_was_not_touched_stays_undecided() -> None:
    before = [Conversation.pair("a", "b", id="e1"), Conversation.pair("c", "d", id="e2", held_out=True)]
    rows = [["1", "a", "b!", False], ["2", "c", "d", False], ["", "new", "row", "true"], ["9", "x", "y", False]]
    edited = _edited(rows, before)
    assert [(row.id, row.held_out) for row in edited] == [("e1", None), ("e2", False), (None, True), (None, None)]
    assert edited[0].answer == "b!"


def test_the_form_reports_all_problems_at_once(ui: Ui, services: Services) -> None:
    place = Place(project_with_examples(services), "train")
    numbers: dict[str, Any] = dict.fromkeys(NUMBERS, "")
    recipe, problems = read_recipe(
        ui, place, ("quick", "", *{**numbers, "rank": "0", "dropout": "2,5", "seed": "seven"}.values())
    )
    assert recipe is None
    assert {problem.field for problem in problems} == {"rank", "dropout", "seed"}
    recipe, problems = read_recipe(
        ui, place, ("quick", "lora", *{**numbers, "rank": " 8 ", "learning_rate": "0,001"}.values())
    )
    assert problems == []
    assert recipe == Recipe(model="smollm2-135m-instruct", preset="quick", method="lora", rank=8, learning_rate=0.001)


def test_each_side_remembers_its_own_answers() -> None:
    turns = (Turn("one", "base says", "tuned says"),)
    assert [m.content for m in _messages(turns, "two", "before")] == ["one", "base says", "two"]
    assert [m.content for m in _messages(turns, "two", "after")] == ["one", "tuned says", "two"]


def run_view() -> RunView:
    started = Started(
        time=1.0, pid=1, device="cpu", precision="fp32", threads=2, total_steps=40, steps_per_epoch=10.0,
        train_examples=10, held_out_examples=4, trainable_parameters=1, total_parameters=2,
    )  # fmt: skip
    steps = [
        Step(time=1.0 + n, step=n, epoch=n / 10, loss=4 / n, learning_rate=1e-4, grad_norm=1, tokens=100, seconds=0.5)
        for n in range(1, 21)
    ]
    exams = [Evaluation(time=30.0, step=n, epoch=n / 10, loss=loss, best=True) for n, loss in ((10, 1.5), (20, 1.8))]
    return RunView(
        id="run-1", project_id="p-1", name=NASTY, state=RunState.RUNNING, created_at=0.0, recipe=Recipe(model="m"),
        model_name="M", train_examples=10, held_out_examples=4, progress=progress_of([started, *steps, *exams]),
    )  # fmt: skip


def test_the_chart_marks_the_best_exam() -> None:
    figure = loss_chart(catalog("en"), run_view())
    practice, exam, best = figure.data
    assert len(practice.x) == 20
    assert list(exam.y) == [1.5, 1.8]
    assert (list(best.x), list(best.y)) == ([10], [1.5])
    assert figure.layout.xaxis.range[0] == 0
    assert 40 <= figure.layout.xaxis.range[1] < 44


def test_the_live_view_says_where_it_stands(ui: Ui) -> None:
    html = render_live(ui, run_view())
    assert 'data-state="running"' in html
    assert 'aria-valuenow="50"' in html
    assert "step 20 of 40" in html
    assert "<img" not in html


@pytest.mark.parametrize("locale", LOCALES)
def test_every_step_can_be_opened_before_anything_is_done(services: Services, locale: str) -> None:
    project = services.projects.create("Empty")
    with gr.Blocks():
        built = Ui(services, catalog(locale), gr.HTML(""))
        pages = shell._build_pages(built)
    for step, page in pages.items():
        place = Place(project.id, step) if step else Place()
        updates = page.show(place)
        assert updates.keys() <= set(page.outputs), f"{step} changes what it does not name"
        assert updates


def test_every_step_can_be_opened_with_examples(services: Services) -> None:
    project_id = project_with_examples(services)
    with gr.Blocks():
        built = Ui(services, catalog("pt"), gr.HTML(""))
        pages = shell._build_pages(built)
    shown = {step: page.show(Place(project_id, step)) for step, page in pages.items() if step}
    texts = " ".join(value for updates in shown.values() for value in updates.values() if isinstance(value, str))
    assert catalog("pt")("examples.read", n=240) in texts


@pytest.mark.parametrize("locale", LOCALES)
def test_the_page_needs_nothing_from_outside(services: Services, locale: str) -> None:
    app = FastAPI()
    shell.mount_studio(app, services, locale)
    with TestClient(app) as client:
        page = client.get(f"/{locale}/").text
        theme = client.get(f"/{locale}/theme.css").text
    assert "Figtree Variable" in page
    assert "data:font/woff2;base64," in page
    for text in (page, theme):
        assert not re.search(r"@import|fonts\.g(?:oogleapis|static)|cdn\.|cdnjs|unpkg", text)
    assert not re.search(r'<(?:script|link)[^>]+(?:src|href)="https?://(?!testserver)', page)
