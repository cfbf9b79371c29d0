"""What the screen shows of the proof, and what a person writes into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.services.container import Services
from studio.web.ui.components import Ui
from studio.web.ui.pages.examples.split import _number
from studio.web.ui.pages.examples.split_view import render_found, render_offer, render_split


@pytest.fixture
def project(services: Services, tmp_path: Path) -> str:
    project = services.projects.create("Loja").id
    path = tmp_path / "faq.csv"
    rows = [f"Como é a entrega em {place}?,Chega em {place}.,frete" for place in ("Rio", "Bahia", "Natal", "<Belém>")]
    path.write_text("\n".join(["Pergunta,Resposta,Tema", *rows, ""]), encoding="utf-8")
    services.datasets.import_files(project, [path])
    return project


@pytest.mark.parametrize("locale", LOCALES)
def test_the_proof_in_numbers_and_words(services: Services, project: str, locale: str) -> None:
    ui = Ui(services, catalog(locale), None)
    shown = services.splits.view(project)
    html = render_split(ui, shown)
    assert catalog(locale)("examples.split.kind.new_answers") in html
    assert "<dd>3</dd>" in html
    assert "<dd>42</dd>" in html
    assert catalog(locale)("examples.split.aside") in html
    assert "<dd>1 · 25 %</dd>" in html
    assert "<td>frete</td><td>3</td><td>1</td>" in html
    assert 'id="split-reword"' in html
    services.splits.keep_aside(project, [c.id for c in shown.held_out])
    assert catalog(locale)("examples.split.by_hand") in render_split(ui, services.splits.view(project))


def test_an_offer_can_be_thinned_out(services: Services, project: str) -> None:
    ui = Ui(services, catalog("pt"), None)
    offered = services.splits.offer(project)
    html = render_offer(ui, offered, 0, {offered[0].origin})
    assert offered[0].question not in html
    assert "&lt;Belém&gt;" in html
    assert f'data-without="{offered[0].origin}"' in html
    assert ui.text("examples.split.accept", n=len(offered) - 1) in html


def test_examples_are_found_by_words_in_any_spelling(services: Services, project: str) -> None:
    services.splits.keep_aside(project, ["e1"])
    services.splits.give_back(project, ["e2", "e3", "e4"])
    assert [c.id for c in services.splits.find(project, "ENTREGA bélem", 9)] == ["e4"]
    assert services.splits.find(project, "rio", 9) == []
    assert len(services.splits.find(project, "entrega", 2)) == 2
    ui = Ui(services, catalog("en"), None)
    assert "“&lt;x&gt;”" in render_found(ui, [], "<x>")


@pytest.mark.parametrize(("text", "number"), [("", None), (" 7 ", 7), ("0", 0)])
def test_the_number_of_a_draw(text: str, number: int | None) -> None:
    assert _number(text) == number


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "9" * 10])
def test_what_is_no_number_of_a_draw(text: str) -> None:
    with pytest.raises(AfinaError, match=r"data\.bad_draw"):
        _number(text)
