"""The plots of the examples without a browser: figures, sentences, and what a person wrote in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.data.insights.statistics import Copies, Lengths, Topic, Topics
from studio.i18n import LOCALES, catalog
from studio.services.container import Services
from studio.services.examples.insights import InsightView
from studio.settings import Settings
from studio.web.ui.charts_examples import Bar, bar_list, colour_of, lengths_chart, map_chart, symbol_of
from studio.web.ui.components import Ui
from studio.web.ui.pages.examples import plots_map_view as maps
from studio.web.ui.pages.examples import plots_view as views
from studio.web.ui.session import Place

NASTY = '<img src=x onerror="alert(1)">{n} %{x}'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workspace without any model."""
    return Settings(home=tmp_path / "home")


@pytest.fixture
def ui(services: Services) -> Ui:
    return Ui(services, catalog("en"), place=None)


def shown(ui: Ui, rows: list[tuple[str, str, str]], tmp_path: Path) -> tuple[Place, InsightView]:
    """The plots of a file with these questions, answers and topics."""
    path = tmp_path / "rows.csv"
    lines = [
        ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row)
        for row in [("question", "answer", "topic"), *rows]
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    project = ui.services.projects.create("Shop")
    ui.services.datasets.import_files(project.id, [path])
    view = ui.services.insights.wait(project.id)
    assert view.problem is None
    return Place(project.id, "examples"), view


def test_a_map_shows_proof_lone_topics_and_copies_and_escapes(ui: Ui, tmp_path: Path) -> None:
    rows = [
        (f"How do I send back my {thing}?", f"By post, the {thing} too.", "returns")
        for thing in ["mug", "bag", "cup", "tin"]
    ]
    rows += [("How do I send back my mug", "By post, the mug too.", "returns")]
    rows += [
        (f"When do you open on {day}?", f"At nine on {day}.", "hours")
        for day in ("Monday", "Friday", "Sunday", "Tuesday")
    ]
    rows += [(f"{NASTY} is this a question?", f"{NASTY} is an answer.", NASTY)]
    place, view = shown(ui, rows, tmp_path)
    assert view.map is not None
    assert view.insights is not None
    examples = ui.services.insights.examples(place.project, view.map.ids)
    colouring = maps.colouring_of(view.insights, view.map, examples)
    assert colouring.names == ("returns", "hours", NASTY)
    lone = maps.lone_ids(view.insights, examples)
    figure = json.loads(
        map_chart(
            ui.text, view.map, examples, colouring, view.held_out, lone, [c.ids for c in view.insights.copies]
        ).to_json()
    )
    traces = {trace["name"]: trace for trace in figure["data"]}
    assert traces["asked in only one way"]["customdata"] == ["e10"]
    assert len(traces["nearly the same"]["x"]) == 3
    points = [
        point for name in ("to learn from", "for the exam") for point in traces.get(name, {}).get("customdata", [])
    ]
    assert sorted(points) == sorted(view.map.ids)
    hovers = " ".join(hover for trace in figure["data"] for hover in trace.get("text", []))
    assert "<img" not in hovers
    assert "&lt;img" in hovers
    html = [
        maps.render_map(ui, view, colouring, [True] * len(examples)),
        maps.render_legend(ui, view, colouring),
        maps.render_example(ui, examples[-1], examples[:2], held_out=True),
        *views.render_topics(ui.text, view.insights.topics),
    ]
    assert "<img" not in "".join(html)
    assert "The exam asks about all 3 topics." in html[0]
    assert "One of 3 topics has only one phrasing" in html[3]
    missing = maps.render_map(ui, view, colouring, [number == 0 for number in colouring.of])
    assert "does not ask about 2 of 3 topics: hours" in missing


@pytest.mark.parametrize("locale", LOCALES)
def test_each_chart_has_a_sentence_and_a_table(locale: str) -> None:
    text = catalog(locale)
    lengths = Lengths(10, (0, 3, 40, 2), 30, 2, 22, 64, 45)
    sentence, table = views.render_lengths(text, lengths)
    assert {"2", "45", "30"} <= set(sentence.replace("<p>", " ").replace(".", " ").split())
    assert "<th scope='col'>" in table
    figure = json.loads(lengths_chart(text, lengths).to_json())
    assert figure["data"][0]["marker"]["color"][-1] == figure["layout"]["shapes"][0]["line"]["color"]
    several = (("pt", 90), ("en", 8), ("", 2))
    assert "90%" in views.render_languages(text, several)[0]
    assert [bar.marked for bar in views.language_bars(text, several)] == [False, True, False]
    topics = Topics(False, tuple(Topic(f"Question {n}?", 1, 1, 0, f"e{n}") for n in range(30)))
    assert "Question 0?" in views.render_topics(text, topics)[0]
    assert len(views.topic_bars(text, topics)) == views.SHOWN
    copies = (Copies("Twice?", ("e1", "e2"), 2), Copies("Again?", ("e3", "e4"), 1))
    assert [bar.marked for bar in views.copy_bars(text, copies)] == [True, False]
    assert "4" in views.render_copies(text, copies)[0]
    assert views.render_copies(text, ())[1] == ""
    assert views.render_lengths(text, None)[1] == ""


def test_bars_and_hovers_are_escaped() -> None:
    figure = bar_list(catalog("en"), [Bar(NASTY, 3, NASTY), Bar("x" * 500, 1, "ok", marked=True)])
    said = figure.to_json()
    assert "<img" not in said
    assert "\\u003cimg" not in said
    assert len(figure.layout.annotations[1].text) < 60


def test_more_topics_than_colours_are_told_apart_by_shape() -> None:
    looks = {(colour_of(number), symbol_of(number)) for number in range(40)}
    assert len(looks) == 40
    assert (colour_of(-1), symbol_of(-1)) not in looks
    assert (colour_of(400), symbol_of(400)) not in looks


def test_an_encoder_is_offered_for_each_language_and_only_once(ui: Ui, services: Services) -> None:
    for locale, size, licence in (("en", "84\xa0MB", "Apache-2.0"), ("pt", "91\xa0MB", "MIT")):
        project = services.projects.create(locale)
        services.datasets.use_sample(project.id, locale)
        view = services.insights.wait(project.id)
        offer = views.render_status(ui, view)
        assert "plots-helper-no" in offer
        assert size in offer
        assert licence in offer
        services.insights.encoder(project.id).decline()
        again = views.render_status(ui, view)
        assert "plots-helper-no" not in again
        assert "plots-helper-get" in again, "who changes her mind finds it"


def test_few_questions_have_words_instead_of_a_map(ui: Ui, tmp_path: Path) -> None:
    _, view = shown(ui, [(f"Question {n}?", f"Answer {n}.", "") for n in range(4)], tmp_path)
    assert view.map is None
    assert "at least 8 questions" in maps.render_map(ui, view, maps.NOTHING, [])
