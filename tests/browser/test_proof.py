"""The Proof step as an owner walks it: the exam of a run, its verdict, the blind vote, the report, a mended example."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.app import build_services
from studio.domain.conversation import Conversation
from studio.domain.proof import Proof
from studio.evaluation.exam_plan import read_examples
from studio.evaluation.proof_files import ProofFiles
from studio.i18n import LOCALES, catalog
from studio.services.proof_changes import changes_between
from studio.settings import Settings, assets_dir
from studio.sharing.proof_report.sentences import verdict_sentence
from studio.storage.files import write_atomic
from studio.storage.run_result import read_result
from studio.storage.workspace import Workspace
from studio.web.ui.session import Place
from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.child_processes import end_all_of
from tests.pasting import paste
from tests.sharing.conftest import make_run

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]
RUN = "run-1"
EXAMPLES = 40  # of which some are the exam
VOTES = 5


@pytest.fixture
def server(tiny_model: Path, tmp_path: Path) -> Iterator[Server]:
    """A server on a workspace with some of a shop's examples and one tuned version that has not sat its exam yet."""
    home, models = tmp_path / "home", tmp_path / "models"
    services = build_services(Settings(home=home, models_dir=models))
    card = services.models.add_folder(tiny_model)
    services.models.wait_installed(card.id)
    make_run(services.workspace, RUN, name="Monday", model=card.id)
    rows = csv.reader((assets_dir() / "samples" / "en.train.csv").read_text(encoding="utf-8").splitlines())
    paste(services.datasets, "project-1", "\n".join("\t".join(row) for row in islice(rows, 1 + EXAMPLES)))
    services.projects.update("project-1", model_id=card.id)
    version = services.datasets.version("project-1")
    assert version is not None
    parts = services.datasets.parts(version.id)
    run = services.workspace.run(RUN)
    _write(run.exam, parts.held_out)
    _write(run.train, parts.train)
    result = read_result(run)
    assert result is not None
    long_ago = result.model_copy(update={"ended_at": 0.0})  # of one that has just ended the exam begins by itself
    write_atomic(run.result, long_ago.model_dump_json())
    services.close()
    running = Server(home, environment={"AFINA_MODELS_DIR": str(models), "AFINA_EXAM_AFTER_TRAINING": "true"})
    running.start()
    yield running
    running.stop()
    end_all_of(home)


def _write(path: Path, conversations: Sequence[Conversation]) -> None:
    path.write_text("".join(f"{one.model_dump_json()}\n" for one in conversations), encoding="utf-8")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}, accept_downloads=True)
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def go(page: Page, server: Server, locale: str) -> None:
    page.goto(f"{server.address}/{locale}/?project=project-1&step=proof&run={RUN}")
    expect(page.locator("h1:visible")).to_have_text(catalog(locale)("proof.title"))


def open_tab(page: Page, locale: str, name: str) -> None:
    unfold(page.get_by_role("tab", name=catalog(locale)(f"proof.tab.{name}"), exact=True))


def test_from_the_exam_to_a_mended_example(page: Page, browser: Browser, server: Server, tmp_path: Path) -> None:
    sit_the_exam(page, server)
    for locale in LOCALES:
        see_the_verdict(page, server, locale)
        take_the_report(page, browser, locale, tmp_path)
    vote_by_the_keys(page, server)
    mend_an_example(page, server)


def sit_the_exam(page: Page, server: Server) -> None:
    go(page, server, "en")
    page.click("#proof-start")
    expect(page.locator("#proof-exam .af-bar")).to_be_visible()
    expect(page.locator("#proof-exam [data-offline]")).to_be_hidden()
    expect(page.locator("#proof-verdict")).to_be_visible()
    expect(page.locator("#proof-exam")).to_have_count(0)


def see_the_verdict(page: Page, server: Server, locale: str) -> None:
    """The sentence of the file on disk, in the language of the page; the filter leaves what it says."""
    go(page, server, locale)
    proof = result_of(server, RUN)
    assert proof.n >= VOTES
    expect(page.locator("#proof-verdict h2")).to_have_text(verdict_sentence(catalog(locale), proof))
    expect(page.locator("#proof-bars svg")).to_be_visible()
    expect(page.locator(".af-exam-question")).to_have_count(proof.n)
    wrong = sum(not answer.right_after for answer in proof.answers)
    assert wrong, "a model with random weights knows nothing"
    page.locator("#proof-filter-fault input").click()
    page.get_by_role("option", name=catalog(locale)("proof.fault.wrong")).click()
    expect(page.locator("#proof-count")).to_contain_text(catalog(locale)("proof.answers.count", n=wrong))
    open_tab(page, locale, "checks")
    for name in ("forgotten", "off_topic", "privacy"):
        expect(page.locator(f"#proof-{name}")).to_be_visible()
    open_tab(page, locale, "experts")
    expect(page.locator("#proof-experts")).to_contain_text("McNemar")


def take_the_report(page: Page, browser: Browser, locale: str, tmp_path: Path) -> None:
    """It opens from the disk, without a network, and asks for nothing."""
    with page.expect_download() as download:
        page.click("#proof-as-html")
    path = tmp_path / f"report-{locale}.html"
    shutil.copy(download.value.path(), path)
    context = browser.new_context(offline=True)
    asked = list[str]()
    opened = context.new_page()
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    expect(opened.locator("h1")).to_have_text(catalog(locale)("proof.report.title", name="Monday"))
    expect(opened.locator("svg")).to_have_count(2)
    assert asked == [path.as_uri()]
    context.close()


def vote_by_the_keys(page: Page, server: Server) -> None:
    total = result_of(server, RUN).n
    go(page, server, "en")
    open_tab(page, "en", "vote")
    page.locator("#proof-voter").locator("input, textarea").fill("Ana")
    page.click("#proof-vote-start")
    for done, key in enumerate(("1", "2", "t", "0")):
        expect(page.locator("#proof-ballot")).to_contain_text(
            catalog("en")("proof.vote.where", done=done + 1, total=total)
        )
        page.keyboard.press(key)
    where = catalog("en")("proof.vote.where", done=5, total=total)
    expect(page.locator("#proof-ballot")).to_contain_text(where)
    expect(page.locator("#proof-vote-rate")).to_be_visible()
    question = page.locator("#proof-ballot h3").inner_text()
    go(page, server, "en")
    expect(page.locator("#proof-verdict .af-notice")).to_contain_text("4 votes")
    open_tab(page, "en", "vote")
    page.locator("#proof-voter").locator("input, textarea").fill("Ana")
    page.click("#proof-vote-start")
    expect(page.locator("#proof-ballot h3")).to_have_text(question)
    page.keyboard.press("Backspace")
    expect(page.locator("#proof-ballot")).to_contain_text(catalog("en")("proof.vote.where", done=4, total=total))


def mend_an_example(page: Page, server: Server) -> None:
    """Three clicks: to its examples, save, train again; the next verdict says what that changed."""
    go(page, server, "en")
    card = page.locator(".af-exam-question:has(a[href*='rows='])").first
    card.locator("a[href*='rows=']").click()
    expect(page.locator("#examples-behind-note")).to_be_visible()
    expect(page).to_have_url(re.compile("rows="))
    ids = Place.parse(page.url.partition("?")[2]).rows
    assert ids
    expect(page.locator("#examples-table tr[data-id]")).to_have_count(len(ids))
    page.locator("#examples-table textarea[data-field=answer]").first.fill("Mended by hand.")
    page.click("#examples-save")
    expect(page.locator("#examples-head")).to_contain_text("Version 2")
    expect(page.locator("#examples-behind-note")).to_be_visible()
    page.click("#behind-train")
    expect(page.locator("#train-live[data-state=finished]")).to_be_visible()
    run_id = Place.parse(page.url.partition("?")[2]).run
    assert run_id != RUN
    page.locator(".af-steps a[href*='step=proof']").click()
    expect(page.locator("#proof-verdict")).to_be_visible()
    then, now = result_of(server, RUN), result_of(server, run_id)
    parts = ("train.jsonl", "held_out.jsonl", "exam.jsonl")
    examples = [each for part in parts for each in read_examples(server.home / "runs" / run_id / part, EXAMPLES)]
    assert "Mended by hand." in [each.answer for each in examples]
    changes = changes_between(then, now, RUN, "Monday")
    assert changes.asked
    key = "sentence" if changes.fixed or changes.broken else "same"
    counts = {"n": changes.asked, "fixed": len(changes.fixed), "broken": len(changes.broken)}
    said = catalog("en")(
        f"proof.change.{key}", name="Monday", **(counts if key == "sentence" else {"n": changes.asked})
    )
    expect(page.locator("#proof-change .af-reading")).to_have_text(said)


def result_of(server: Server, run_id: str) -> Proof:
    """The file on disk."""
    workspace = Workspace.open(Settings(home=server.home))
    proof = ProofFiles(workspace.run(run_id)).read_result()
    workspace.database.close()
    assert proof is not None
    return proof
