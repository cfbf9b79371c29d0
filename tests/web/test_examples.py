"""The Examples screen without a browser: the check-up, the table, marked differences, versions, downloads."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from studio.domain.author import COMMAND_LINE, acting_as
from studio.domain.conversation import Conversation, Message, Role
from studio.domain.problem import Problem
from studio.errors import AfinaError
from studio.i18n import LOCALES, catalog
from studio.processes.job_registry import Job, JobState
from studio.services.container import Services
from studio.services.examples.background_checks import Checkup
from studio.services.examples.table import Query, RowEdit
from studio.web.downloads import add_downloads
from studio.web.ui.components import Ui
from studio.web.ui.pages.examples import bring
from studio.web.ui.pages.examples.bring_view import render_template_link
from studio.web.ui.pages.examples.checks import _body
from studio.web.ui.pages.examples.checks_view import CHOOSE, render_checkup, sentence
from studio.web.ui.pages.examples.grid_view import render_table
from studio.web.ui.pages.examples.history import render_changes, render_history
from studio.web.ui.pages.examples.marks import change_card, marked
from studio.web.ui.pages.examples.replacing import render_matches
from studio.web.ui.pages.examples.toast import render_toast
from studio.web.ui.session import Place
from tests.services.examples.test_planted import PLANTED, write_export

NASTY = '</textarea><img src=x onerror="alert(1)">{{7*7}}'


@pytest.fixture
def ui(services: Services) -> Ui:
    return Ui(services, catalog("en"), place=None)


@pytest.fixture
def place(services: Services, tmp_path: Path) -> Place:
    """A project with ten planted problems."""
    project = services.projects.create("Loja: / ção?")
    services.datasets.import_files(project.id, [write_export(tmp_path)])
    return Place(project.id, "examples")


def checked(ui: Ui, place: Place) -> Checkup:
    ui.services.checks.report(place.project)
    return ui.services.checkups.look(place.project)


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("Abre às 9h.", "Abre às 10h.", "Abre às <del>9h</del><ins>10h</ins>."),
        ("a b", "a b", "a b"),
        ("a", "", "<del>a</del>"),
        ("x <b>", "x <i>", "x &lt;<del>b</del><ins>i</ins>&gt;"),
    ],
)
def test_differences_are_marked(before: str, after: str, wanted: str) -> None:
    assert marked(before, after) == wanted


def test_of_long_texts_only_the_beginning_is_shown() -> None:
    html = marked("palavra " * 50_000, "outra coisa " * 50_000)
    assert html.count("<del>") == html.count("<ins>") == 1
    assert len(html) < 4_000


def test_a_change_shows_only_the_turns_that_differ(ui: Ui) -> None:
    old = Conversation.pair("Abre?", "Sim.", id="e1")
    html = change_card(ui, "Row 1", old, Conversation.pair("Abre?", "Não.", id="e1"))
    assert "Abre?" not in html
    assert "<del>Sim</del><ins>Não</ins>" in html
    assert "<del>Abre?</del>" in change_card(ui, "", old, None)
    assert "<ins>Abre?</ins>" in change_card(ui, "", None, old)
    longer = old.model_copy(update={"messages": (Message(role=Role.SYSTEM, content="Breve."), *old.messages)})
    assert "<ins>Breve.</ins>" in change_card(ui, "", old, longer)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_check_up_names_everything(services: Services, place: Place, locale: str) -> None:
    ui = Ui(services, catalog(locale), place=None)
    checkup = checked(ui, place)
    html = render_checkup(ui, checkup, {})
    assert checkup.report is not None
    assert f'data-score="{checkup.report.score}"' in html
    for finding in checkup.report.findings:
        assert f'id="finding-{finding.code}"' in html
        body = _body(ui, place, finding.code, "")
        assert body
        assert "data-action" in body
    assert set(PLANTED) <= {finding.code for finding in checkup.report.findings}
    assert 'id="examples-fix-all"' in html
    assert html.count("<li>") == 3


def test_what_a_fix_would_change_is_shown_before(ui: Ui, place: Place) -> None:
    checked(ui, place)
    body = _body(ui, place, "cpf", "")
    assert "<del>529.982.247-25</del><ins>[CPF_1]</ins>" in body
    assert 'data-codes="cpf"' in body
    longest = _body(ui, place, "contradictions", "longest")
    assert "<del>Sim, das 9h às 13h.</del>" in longest
    assert 'data-codes="contradictions=longest"' in longest
    pick = _body(ui, place, "contradictions", CHOOSE)
    assert pick.count('name="pick-0"') == 2
    assert 'data-collect="contradictions"' in pick
    assert "data-codes" not in pick


def test_the_answers_that_were_picked_stay(ui: Ui, place: Place) -> None:
    report = ui.services.checks.report(place.project)
    first = next(finding for finding in report.findings if finding.code == "contradictions").ids[0]
    view = ui.services.checks.fix(place.project, [f"contradictions={first}"])
    assert [c.answer for c in view.conversations if c.question == "Abre no domingo?"] == ["Sim, das 9h às 13h."]


def test_a_check_up_that_goes_on_or_went_wrong(ui: Ui) -> None:
    running = render_checkup(ui, Checkup(1_000_000), {})
    assert 'data-state="running"' in running
    assert "1,000,000" in running
    failed = render_checkup(ui, Checkup(3, problem=Problem(code="data.version_damaged", params={"file": "x"})), {})
    assert 'data-state="failed"' in failed
    assert 'role="alert"' in failed


def test_a_healthy_set_is_praised(ui: Ui, services: Services) -> None:
    project = services.projects.create("Shop")
    services.datasets.use_sample(project.id, "en")
    html = render_checkup(ui, checked(ui, Place(project.id, "examples")), {})
    assert 'class="af-ring great"' in html


def test_the_table_escapes_and_marks(ui: Ui, place: Place) -> None:
    services = ui.services
    services.tables.apply(place.project, [RowEdit("e1", question=NASTY)])
    checked(ui, place)
    html = render_table(ui, place, services.tables.page(place.project), "n0")
    assert "<img" not in html
    assert html.count("<textarea") == html.count("</textarea>") == 2 * (services.tables.page(place.project).total + 1)
    assert 'data-applied="n0"' in html
    assert catalog("en")("checks.rule.cpf") in html
    few = services.tables.page(place.project, Query("caneca"), size=1)
    shown = render_table(ui, place, few)
    assert 'data-page="2"' in shown
    assert "of 31 examples" in shown


def test_matches_are_counted_and_marked(ui: Ui, place: Place) -> None:
    from studio.services.examples.table import Replacement

    found = ui.services.tables.matches(place.project, Replacement("loja", "filial"))
    html = render_matches(ui, found)
    assert "<del>loja</del><ins>filial</ins>" in html
    assert f"{found.places} places in {found.examples} examples" in html


def test_every_version_says_who_and_what(ui: Ui, place: Place) -> None:
    services = ui.services
    with acting_as("Ana <b>"):
        services.tables.apply(place.project, [RowEdit("e1", answer="Sim!")], ["e2"])
    with acting_as(COMMAND_LINE):
        services.checks.fix(place.project, ["cpf"])
    newest, middle, first = services.history.versions(place.project)
    html = render_history(ui, place, newest.id, {middle.id: "CHANGES"})
    assert "Ana &lt;b&gt;" in html
    assert catalog("en")("examples.history.command_line") in html
    assert html.count("CHANGES") == 1
    assert html.count('data-action="restore"') == 2
    changes = render_changes(ui, services.history.changes(middle.id))
    assert "1 changed, 1 removed, 0 added." in changes
    assert "… and 11 more." in render_changes(ui, services.history.changes(first.id))


def test_what_was_just_done_can_be_undone(ui: Ui, place: Place, services: Services) -> None:
    view = services.datasets.current(place.project)
    assert view is not None
    assert render_toast(ui, view) == "", "before the first version there is nothing"
    fixed = services.checks.fix(place.project, ["cpf"])
    assert 'data-action="undo"' in render_toast(ui, fixed)
    old = fixed.model_copy(update={"version": fixed.version.model_copy(update={"created_at": time.time() - 60})})
    assert render_toast(ui, old) == ""
    cleaned = services.checks.fix(place.project, [])
    assert "kinds of problem)" in render_toast(ui, cleaned), "a bar for a moment does not name them all"
    assert "kinds of problem)" not in render_history(ui, place, cleaned.version.id, {})


@pytest.mark.parametrize("several", [False, True])
def test_sentences_refusals_and_table_number_the_rows_of_the_file(
    services: Services, ui: Ui, tmp_path: Path, several: bool
) -> None:
    project = services.projects.create("Shop").id
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("Pergunta,Resposta\nAbre hoje?,Sim.\n,\nQual o CPF?,É 529.982.247-25 mesmo.\n")
    second.write_text("Pergunta,Resposta\nTem pix?,Tem.\nTem boleto?,Tem.\n")
    services.datasets.import_files(project, [first, second] if several else [first])
    services.tables.apply(project, [RowEdit(question="E o CPF dela?", answer="É 111.444.777-35 mesmo.")])
    report = services.checks.report(project)
    found = next(finding for finding in report.findings if finding.code == "cpf")
    last = 5 if several else 3
    where = f"first.csv: 4; #{last}" if several else f"4; #{last}"
    assert where in sentence(ui, found)
    table = render_table(ui, Place(project, "examples"), services.tables.page(project))
    label = "<small>first.csv</small>" if several else ""
    assert f'<th scope="row" title="Row 4 of first.csv">4{label}</th>' in table
    assert f">#{last}</th>" in table
    second_id = services.tables.page(project).rows[1].conversation.id
    with pytest.raises(AfinaError) as caught:
        services.tables.apply(project, [RowEdit(second_id, answer=" ")])
    assert caught.value.params["rows"] == "4"


def test_examples_are_taken_along(services: Services, place: Place) -> None:
    app = FastAPI()
    add_downloads(app, services)
    with TestClient(app) as client:
        answer = client.get(f"/download/examples/{place.project}.csv")
        assert answer.status_code == 200
        assert answer.content.startswith(b'\xef\xbb\xbf"question","answer"')
        assert "Loja" in answer.headers["content-disposition"]
        for ending in ("xlsx", "jsonl"):
            assert len(client.get(f"/download/examples/{place.project}.{ending}").content) > 1_000
        for name in ("project-none.csv", f"{place.project}.exe", "..%2f..%2fafina.csv", "x"):
            assert client.get(f"/download/examples/{name}").status_code == 404


@pytest.mark.parametrize("locale", LOCALES)
def test_the_template_is_read_back_by_our_own_import(services: Services, locale: str, tmp_path: Path) -> None:
    app, text = FastAPI(), catalog(locale)
    add_downloads(app, services)
    ui = Ui(services, text, place=None)
    with TestClient(app, base_url="http://testserver/en/") as client:
        (address,) = re.findall(r'href="\.\.(/download/template[^"]*)"', render_template_link(ui))
        answer = client.get(f"http://testserver{address}")
        assert client.get("http://testserver/download/template/xx").status_code == 404
    name = re.search(r'filename="(.+?)"', answer.headers["content-disposition"])
    assert name is not None
    path = tmp_path / name[1]
    path.write_bytes(answer.content)
    view = services.datasets.import_files(services.projects.create("Shop").id, [path])
    expected = [
        tuple(text(f"examples.template.{row}.{part}") for part in ("question", "answer", "topic"))
        for row in ("first", "second")
    ]
    assert [(one.question, one.answer, one.topic) for one in view.conversations] == expected
    assert view.problems == (), "the note is taken for nothing"
    (comment,) = [cell.comment.text for row in load_workbook(path).active for cell in row if cell.comment]
    assert comment == text("examples.template.note")


def test_what_goes_on_with_a_large_set_can_be_stopped(ui: Ui) -> None:
    going = render_checkup(ui, Checkup(25_000, done=0.3), {})
    assert 'data-action="stop"' in going
    assert 'aria-valuenow="30"' in going
    assert "Checking 25,000 examples" in going
    assert "Fixing 25,000 examples" in render_checkup(ui, Checkup(25_000, done=0.3, fixes=True), {})
    assert 'data-action="stop"' not in render_checkup(ui, Checkup(25), {})
    stopped = render_checkup(ui, Checkup(25_000, stopped=True), {})
    assert 'data-action="again"' in stopped
    assert "af-bar" not in stopped
    failed = render_checkup(ui, Checkup(25_000, problem=Problem(code="disk.full")), {})
    assert 'data-action="again"' in failed


def test_a_fix_that_went_wrong_leaves_the_report(ui: Ui, place: Place) -> None:
    report = checked(ui, place).report
    shown = render_checkup(ui, Checkup(12, report, Problem(code="checks.nothing_left")), {})
    assert 'role="alert"' in shown
    assert "examples-fix-all" in shown


def test_an_interrupted_import_is_said_once_in_both_languages(services: Services, place: Place) -> None:
    path = services.workspace.home / "jobs" / "import" / f"{place.project}.json"
    gone = Job(kind="import", key=place.project, state=JobState.RUNNING, pid=2**22 + 1)
    for locale in LOCALES:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(gone.model_dump_json(), encoding="utf-8")
        ui = Ui(services, catalog(locale), place=None)
        shown = bring._going(ui, place, services.imports.progress(place.project))
        assert catalog(locale)("examples.import.interrupted") in shown
        assert bring._going(ui, place, services.imports.progress(place.project)) == ""
