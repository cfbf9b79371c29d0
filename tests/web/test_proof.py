"""The Proof screen without a browser: every state of the exam, filters, marks, the vote, downloads, the way to mend."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from markupsafe import escape

from studio.app import build_services
from studio.domain.problem import Problem
from studio.domain.proof import Interval as Range
from studio.domain.proof import Outcome, TrustedCounts
from studio.domain.proof_progress import ProofPhase, ProofState, ProofStatus
from studio.domain.proof_table import ProofTable, TablePair, TableRow
from studio.domain.recipe import Recipe
from studio.domain.run import RunState
from studio.errors import AfinaError
from studio.evaluation.proof_files import ProofFiles
from studio.i18n import LOCALES, catalog
from studio.services.container import Services
from studio.services.proof_changes import changes_between
from studio.settings import Settings
from studio.storage.files import write_atomic
from studio.trust.jobs import selector_folder
from studio.trust.summary import SUMMARY_FILE
from studio.web.downloads import add_downloads
from studio.web.ui import shell
from studio.web.ui.charts_proof import topic_scores, topics_chart
from studio.web.ui.components import Ui
from studio.web.ui.pages.examples.behind import train_again
from studio.web.ui.pages.proof.answers_view import ALL, chosen_answers, render_answers
from studio.web.ui.pages.proof.checks_view import render_checks
from studio.web.ui.pages.proof.exam_view import render_exam
from studio.web.ui.pages.proof.runs_view import render_runs
from studio.web.ui.pages.proof.trusted_view import render_trusted
from studio.web.ui.pages.proof.verdict_view import render_change
from studio.web.ui.session import Place
from tests.proof_sample import NASTY, keep_proof, sample_proof
from tests.services.test_votes import add_run
from tests.sharing.conftest import make_run

PLACE = Place("project-1", "proof", "run-1")


@pytest.fixture(params=LOCALES)
def ui(services: Services, request: pytest.FixtureRequest) -> Ui:
    return Ui(services, catalog(request.param), place=None)


def test_examples_of_a_lost_question_are_found_in_the_address() -> None:
    place = Place("project-1", "examples", "run-1").with_rows(["e21", "e7"])
    assert Place.parse(place.query) == place
    assert place.at("proof").rows == ()
    assert Place.parse("project=p-1&step=examples&rows=e1.%3Cb%3E.e2").rows == ("e1", "e2")


def test_counts_from_before_the_examples_were_read_anew_say_so(ui: Ui) -> None:
    workspace, proofs = ui.services.workspace, ui.services.proofs
    add_run(workspace, "run-1")
    counts = TrustedCounts(careful=0.02, known=3, right=3, wrong=0, handed_over=9)
    proof = sample_proof(trusted=(counts,))
    keep_proof(workspace, proof)
    assert not proofs.is_counted_before_fit("run-1")
    assert "proof-recount" not in render_trusted(ui, proof, 0.02)
    write_atomic(selector_folder(workspace.run("run-1")) / SUMMARY_FILE, "{}")
    later = ProofFiles(workspace.run("run-1")).result.stat().st_mtime + 60
    os.utime(selector_folder(workspace.run("run-1")) / SUMMARY_FILE, (later, later))
    assert proofs.is_counted_before_fit("run-1")
    shown = render_trusted(ui, proof, 0.02, is_outdated=True)
    assert 'data-action="start"' in shown
    assert str(escape(ui.text("proof.trusted.outdated"))) in shown


@pytest.mark.parametrize("state", ProofState)
def test_every_state_of_the_exam_is_told(ui: Ui, state: ProofState) -> None:
    status = ProofStatus(
        state=state, phase=ProofPhase.EXAM, done=3, total=10, seconds_left=100.0, problem=Problem(code="disk.full")
    )
    shown = render_exam(ui, status, has_result=False, is_over=True)
    assert (shown == "") is (state is ProofState.DONE)
    if state in (ProofState.RUNNING, ProofState.WAITING):
        assert 'data-action="stop"' in shown
        assert ui.text("proof.exam.done_of", done=3, total=10) in shown
        assert 'data-wait="0"' not in shown
    elif state is not ProofState.DONE:
        assert 'data-action="start"' in shown
        assert 'data-wait="0"' in shown


def test_losses_come_first_and_filters_narrow() -> None:
    proof = sample_proof()
    order = [answer.outcome for answer in chosen_answers(proof, "", ALL)]
    assert order == [Outcome.LOST] * 2 + [Outcome.TIE] * 2 + [Outcome.WON] * 6
    assert {answer.number for answer in chosen_answers(proof, "", "invented")} == {8, 9, 10}
    assert {answer.number for answer in chosen_answers(proof, "Delivery", "wrong")} == {7, 9}
    assert {answer.number for answer in chosen_answers(proof, "", "reason.invented")} == {8, 10}


def test_questions_are_escaped_marked_and_lead_to_their_examples(ui: Ui) -> None:
    shown = render_answers(ui, PLACE, sample_proof(), "", ALL)
    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.count('<mark class="af-invented"') == 3
    assert ui.text("proof.mark.contradicted", expected="R$ 80") in shown
    hrefs = re.findall(r'data-nav href="([^"]+)"', shown)
    assert len(hrefs) == 4, "each wrong answer has one"
    assert Place.parse(hrefs[0].replace("&amp;", "&").removeprefix("./?")) == Place(
        "project-1", "examples", "run-1", rows=("e27", "e47", "e7")
    )


def test_other_tests_say_what_was_kept_made_up_and_given_away(ui: Ui) -> None:
    shown = render_checks(ui, PLACE, sample_proof())
    assert ui.text("proof.privacy.leaks", n=1) in shown
    assert "<script" not in shown
    unasked = render_checks(ui, PLACE, sample_proof(privacy=None, off_topic=None, forgotten=None))
    assert unasked.count(ui.text("proof.checks.none")) == 3


def test_versions_are_ranked_and_only_clear_winners_named(ui: Ui) -> None:
    share = Range(value=0.6, low=0.4, high=0.8)
    rows = tuple(TableRow(run_id=f"run-{n}", name=f"{NASTY}{n}", right=6, asked=10, share=share) for n in (1, 2))
    add_run(ui.services.workspace, "run-1")
    view = ui.services.runs.list("project-1")[0].model_copy(update={"state": RunState.FINISHED})
    alone = render_runs(ui, PLACE, ProofTable(rows=rows[:1]), view, None)
    assert ui.text("proof.runs.none") in alone
    pair = TablePair(first="run-1", second="run-2", n=10, difference=share, p=0.4)
    even = render_runs(ui, PLACE, ProofTable(rows=rows, pairs=(pair,), questions=10), view, None)
    assert ui.text("proof.runs.no_winner") in even
    alike = ProofTable(rows=rows, pairs=(pair.model_copy(update={"trained_alike": True}),), questions=10)
    said = ui.text("proof.runs.alike", first=f"{NASTY}1", second=f"{NASTY}2").replace(NASTY, "")
    shown = render_runs(ui, PLACE, alike, view, None)
    assert "<script" not in shown
    assert said.split("“")[-1].split("”")[1][:20] in shown
    won = pair.model_copy(update={"winner": "run-2", "p": 0.01})
    clear = render_runs(ui, PLACE, ProofTable(rows=rows, pairs=(won,), questions=10), view, None)
    assert "<script" not in clear
    said = ui.text("proof.runs.beats", winner=f"{NASTY}2", loser=f"{NASTY}1")
    assert said.count("“") == 2
    assert clear.count("&lt;script&gt;") >= 4


def test_the_next_verdict_says_what_the_change_did(ui: Ui) -> None:
    then = sample_proof("run-1")
    mended = then.answers[6].model_copy(update={"right_after": True})
    broken = then.answers[0].model_copy(update={"right_after": False})
    now = then.model_copy(update={"run_id": "run-2", "answers": (broken, *then.answers[1:6], mended)})
    changes = changes_between(then, now, "run-1", "Monday")
    assert (changes.asked, changes.fixed, changes.broken) == (7, (mended.question,), (broken.question,))
    shown = render_change(ui, PLACE, changes)
    assert ui.text("proof.change.sentence", name="Monday", n=7, fixed=1, broken=1) in shown
    assert "<script" not in shown
    same = changes_between(then, then, "run-1", "Monday")
    assert ui.text("proof.change.same", name="Monday", n=10) in render_change(ui, PLACE, same)


def test_topics_are_drawn_the_weakest_first(ui: Ui) -> None:
    scores = topic_scores(ui.text, sample_proof().answers)
    assert [(score.name, score.asked, score.after) for score in scores] == [("Delivery", 5, 3), ("Prices", 5, 3)]
    figure = topics_chart(ui.text, scores)
    assert [list(bar.x) for bar in figure.data] == [[20.0, 20.0], [60.0, 60.0]]
    assert topic_scores(ui.text, [sample_proof().answers[0].model_copy(update={"topic": ""})]) == []


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    add_run(services.workspace, "run-1")
    keep_proof(services.workspace, sample_proof(run_name="Maio/2026 <x>"))
    app = FastAPI()
    add_downloads(app, services)
    with TestClient(app) as opened:
        yield opened


@pytest.mark.parametrize(("ending", "kind"), [("html", "text/html"), ("json", "application/json"), ("csv", "text/csv")])
def test_reports_are_attachments_and_never_pages_of_the_studio(client: TestClient, ending: str, kind: str) -> None:
    response = client.get(f"/download/proof/run-1.{ending}?language=pt")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)
    assert response.headers["content-disposition"] == f"attachment; filename*=UTF-8''afina%20Maio%202026%20x.{ending}"
    assert "sandbox" in response.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["run-9.html", "run-1.exe", "run-1", "..%2F..%2Fetc.html"])
def test_a_report_that_is_not_there_is_told_in_a_sentence(client: TestClient, name: str) -> None:
    response = client.get(f"/download/proof/{name}?language=xx")
    assert response.status_code == 404
    assert "Traceback" not in response.text
    assert client.get("/download/proof/run-1.html?against=..%2Fx").status_code == 404


def test_a_report_of_a_deleted_project_is_not_served(services: Services, client: TestClient) -> None:
    services.projects.delete("project-1")
    for ending in ("html", "json", "csv"):
        assert client.get(f"/download/proof/run-1.{ending}").status_code == 404
    services.projects.restore("project-1")
    assert client.get("/download/proof/run-1.json").status_code == 200


def test_a_damaged_result_is_no_result(services: Services, client: TestClient) -> None:
    ProofFiles(services.workspace.run("run-1")).result.write_text("{")
    assert client.get("/download/proof/run-1.json").status_code == 404


def test_the_page_of_a_version_with_a_result(services: Services) -> None:
    add_run(services.workspace, "run-1")
    keep_proof(services.workspace, sample_proof(exam_also_chose=True))
    best = services.workspace.run("run-1").best
    best.write_text("{}")
    with gr.Blocks():
        page = shell.build_proof(Ui(services, catalog("pt"), gr.HTML("")))
    shown: dict[Any, Any] = page.show(Place("project-1", "proof"))
    assert shown.keys() <= set(page.outputs)
    texts = " ".join(value for value in shown.values() if isinstance(value, str))
    for key in ("proof.also_chose", "proof.bars.title", "proof.take.title", "proof.off_topic.title"):
        assert catalog("pt")(key) in texts
    assert "<script" not in texts


@pytest.mark.model
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_training_again_takes_the_examples_as_they_are_now(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "models" / "tiny-llama")
    own = build_services(Settings(home=tmp_path / "home", models_dir=tmp_path / "models"))
    make_run(own.workspace, "run-1")
    card = own.models.add_folder(tiny_model)
    own.models.wait_installed(card.id)
    folder = own.workspace.run("run-1")
    recipe = Recipe.model_validate_json(folder.recipe.read_bytes())
    folder.recipe.write_text(recipe.model_copy(update={"model": card.id, "data": ("gone.csv",)}).model_dump_json())
    own.datasets.use_sample("project-1", "en")
    ui = Ui(own, catalog("en"), place=None)
    new = train_again(ui, Place("project-1", "examples", "run-1", rows=("e1",)))
    assert (new.step, new.rows) == ("train", ())
    started = own.runs.view(new.run)
    assert started.recipe.learning_rate == recipe.learning_rate
    assert started.train_examples > 100, "of the project, not of the file that the first run read"
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        train_again(ui, Place(own.projects.create("Other").id, "examples", "run-1"))
    own.close()
