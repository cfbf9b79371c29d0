"""The studio's screens without a browser: places, escaping, forms, empty states, and what a mounted page holds."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import studio.web.ui
from studio.app import build_services
from studio.domain.project import ProjectCard
from studio.i18n import LOCALES, catalog
from studio.services.container import Services
from studio.services.conversations import Answer, Turn
from studio.services.examples.table import HeldOut, RowEdit
from studio.settings import Settings
from studio.web.ui import shell
from studio.web.ui.components import Ui, button
from studio.web.ui.pages import home, model
from studio.web.ui.pages.compare_view import render_talk
from studio.web.ui.pages.examples.grid import read_edits
from studio.web.ui.pages.home import _card
from studio.web.ui.session import STEPS, Place
from tests.sharing.conftest import make_run

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
    assert all(Place.parse(written) == place for written in (place.move, place.again, place.reply("7")))
    assert place.again != place.again, "a browser tells of changes only"
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
    talk = render_talk(ui, Place(), (Turn(question=NASTY, answers=(Answer(key="run-1", name=NASTY, text=NASTY),)),))
    assert "<img" not in shown
    assert "<img" not in talk
    assert talk.count("&lt;img") >= 3
    assert "<img" not in button(NASTY, "act", ask=NASTY)
    assert 'onerror="' not in button("x", "act", ask=NASTY)


def test_what_was_typed_into_the_table_is_read() -> None:
    rows, deleted = read_edits(
        '{"rows": [{"id": "e1", "answer": "b!"}, {"id": "e2", "held_out": "train"}, {"question": "new", "answer": "row"}],'
        ' "deleted": ["e9"]}'
    )
    assert rows == [
        RowEdit("e1", answer="b!"),
        RowEdit("e2", held_out=HeldOut.TRAIN),
        RowEdit(question="new", answer="row"),
    ]
    assert deleted == ["e9"]


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


@pytest.mark.model
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_was_asked_stays_readable_when_the_base_is_gone(services: Services, tiny_model: Path) -> None:
    settings = Settings(home=services.workspace.home, models_dir=services.workspace.home / "models")
    shutil.copytree(tiny_model, settings.models_path / "tiny-llama")
    own = build_services(settings)
    make_run(own.workspace, "run-1", loss=1.5)
    make_run(own.workspace, "run-2", loss=1.1)
    own.conversations.add("project-1", Turn(question="Abre?", answers=(Answer(key="run-1", text="Sim."),)))
    shutil.rmtree(settings.models_path / "tiny-llama")
    with gr.Blocks():
        pages = shell._build_pages(Ui(own, catalog("pt"), gr.HTML("")))
    values = pages["compare"].show(Place("project-1", "compare")).values()
    shown = " ".join(value for value in values if isinstance(value, str))
    assert "Abre?" in shown
    assert "Tiny Llama" in shown
    choices = next(value for value in values if isinstance(value, gr.CheckboxGroup))
    assert choices.value == ["base", "run-2"], "the one that was best in the exam"
    assert any("melhor na prova" in label for label, _ in choices.choices)
    own.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_the_model_page_tells_the_disk_of_what_is_installed_and_offers_to_free_it(
    settings: Settings, tmp_path: Path, locale: str
) -> None:
    own = build_services(settings.model_copy(update={"models_dir": tmp_path / "models"}))
    model_id, text = own.models.cards()[0].id, catalog(locale)
    ui = Ui(own, text, place=None)
    place = Place(own.projects.create("Shop").id, "model")
    assert f'id="model-remove-{model_id}"' not in model._render(ui, place), "nothing is there to be removed"
    folder = own.models.folder(model_id)
    folder.mkdir(parents=True)
    (folder / "afina.json").write_bytes(b"x" * 2_000_000)
    shown = model._render(ui, place)
    assert shown.count(f'id="model-remove-{model_id}"') == 1
    assert text.size(2_000_000) in shown
    assert text("model.free_ask", name=own.models.get(model_id).name) in shown
    model._perform(ui, place, {"action": "remove", "id": model_id})
    assert not folder.exists()
    assert f'id="model-remove-{model_id}"' not in model._render(ui, place)
    own.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_home_takes_a_deletion_back_and_lists_what_was_deleted(services: Services, locale: str) -> None:
    text = catalog(locale)
    ui, project_id = Ui(services, text, place=None), services.projects.create(NASTY).id
    home._perform(ui, {"action": "delete", "id": project_id})
    shown = home._render(ui)
    assert f'id="project-{project_id}"' not in shown
    assert f'id="trash-{project_id}"' in shown
    assert 'data-action="undo"' in shown
    assert "<img" not in shown
    home._perform(ui, {"action": "undo", "id": project_id})
    shown = home._render(ui)
    assert f'id="project-{project_id}"' in shown
    assert "home-trash" not in shown
    home._perform(ui, {"action": "delete", "id": project_id})
    home._perform(ui, {"action": "erase", "id": project_id})
    assert (services.projects.list(), services.projects.trash()) == ([], ())


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


@pytest.mark.model
@pytest.mark.parametrize("locale", LOCALES)
def test_a_chosen_model_asks_for_its_terms_and_not_to_be_chosen(
    services: Services, gemma_model: str, locale: str
) -> None:
    ui, project = Ui(services, catalog(locale), place=None), services.projects.create("Loja").id
    services.projects.update(project, model_id=gemma_model)
    asks, shown = ui.text("model.accept"), partial(model._render, ui, Place(project, "model"))
    assert asks in shown()
    services.models.accept_licence(gemma_model)
    assert asks not in shown()
