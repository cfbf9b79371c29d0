"""The exported page: answers in Chromium from a plain file server, and again without any network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from studio.domain.conversation import Conversation
from studio.encoders.catalog import encoder_for
from studio.i18n import catalog
from studio.services.answer_policies import ALONE, AnswerPolicyService
from studio.services.browser_answers import BrowserAnswerService
from studio.services.exports import ExportService
from studio.services.links import LinkService
from studio.settings import Settings
from studio.sharing import wllama
from studio.sharing.sentence_files import sentence_files
from studio.storage.workspace import Workspace
from studio.trust.decision import DEFAULT_CAREFUL
from studio.web.demo.site import site_files
from tests.conftest import MODELS
from tests.sharing.llama_cpp import served
from tests.sharing.test_exporters import unpacked
from tests.taught import LEARNED, RUN

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

QUESTION = next(iter(LEARNED))


class PlainHandler(SimpleHTTPRequestHandler):
    """As ``python -m http.server``: no headers of any use."""

    def log_message(self, format: str, *args: Any) -> None: ...


HOURS, PRICE = LEARNED["Vocês abrem aos domingos?"], LEARNED["Quanto custa?"]
EXAMPLES = {
    **dict.fromkeys(("Vocês abrem aos domingos?", "abrem domingo?", "domingo vocês abrem"), HOURS),
    **dict.fromkeys(("a padaria abre aos domingos?", "vcs abrem no domingo", "abre domingo de manhã?"), HOURS),
    **dict.fromkeys(("Quanto custa?", "quanto custa o croissant?", "qual o preço"), PRICE),
    **dict.fromkeys(("quanto custa cada um", "qual é o preço do croissant?", "preço?"), PRICE),
}
SENTENCE, CONTACT = "A Dona Lia responde.", "WhatsApp 11 91234-5678"


@pytest.fixture(scope="module")
def workspace(
    taught: Path, tiny_model: Path, minilm: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """The taught run with examples of its own, and what its owner chose for visitors."""
    home, models = tmp_path_factory.mktemp("site-home") / "home", tmp_path_factory.mktemp("site-models")
    shutil.copytree(taught, home, ignore=shutil.ignore_patterns("tools", "exports"))
    (models / tiny_model.name).symlink_to(tiny_model)
    (models / encoder_for("pt").id).symlink_to(minilm)  # a real encoder, and a third of the other's size
    opened = Workspace.open(Settings(home=home, models_dir=models))
    lines = [Conversation.pair(*pair).model_dump_json() + "\n" for pair in EXAMPLES.items()]
    opened.run(RUN).train.write_text("".join(lines), encoding="utf-8")
    (home / "tools").mkdir()
    for kept in (
        wllama.wllama_files(MODELS.parent)["wllama.js"],
        sentence_files(MODELS.parent)[0],
    ):  # once for all tests
        (home / "tools" / kept.parent.name).symlink_to(kept.parent)
    LinkService(opened).create(RUN, "Pergunte à <Padaria>", [QUESTION], "pt")
    AnswerPolicyService(opened).choose_careful("project-1", DEFAULT_CAREFUL)
    AnswerPolicyService(opened).write_handover("project-1", SENTENCE, CONTACT)
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def exports(workspace: Workspace) -> ExportService:
    return ExportService(workspace, site_files, BrowserAnswerService(workspace, AnswerPolicyService(workspace)))


@pytest.fixture(scope="module")
def folder(exports: ExportService, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the owner downloads, with the base beside it; the title and the questions are those of her link."""
    return unpacked(exports.export(RUN, "site_compare"), tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder, PlainHandler) as found:
        yield found


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page on a phone, in a browser that has never seen it; what is given prepares that browser."""
    contexts = []

    def go(prepare: Callable[[BrowserContext], object] = lambda context: None) -> Page:
        contexts.append(browser.new_context(locale="pt-BR", viewport={"width": 390, "height": 844}))
        prepare(contexts[-1])
        opened = contexts[-1].new_page()
        opened.goto(f"{address}/")
        # At the first visit the service worker loads the page anew; only what was loaded anew says this. (A function to
        # wait for would be read again and again by ``eval``, which the page's own policy refuses.)
        opened.wait_for_selector("html[data-known]")
        return opened

    yield go
    for context in contexts:
        context.close()


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    return visit()


def ask(page: Page, question: str) -> tuple[str, str]:
    """What is said, and how it came about."""
    page.fill("#question", question)
    page.keyboard.press("Enter")
    return answered(page)


def answered(page: Page) -> tuple[str, str]:
    card = page.locator(".turn").last.locator(".answer.after")
    card.and_(page.locator("[aria-busy=false]")).wait_for()
    page.locator("#ask").wait_for()  # the next question may be asked
    return card.locator(".words").inner_text(), card.locator(".how").inner_text()


@pytest.mark.browser
def test_the_folder_answers_as_the_studio_does_then_without_a_network(page: Page, address: str) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate("crossOriginIsolated"), "the service worker sets the headers that allow two threads"
    assert page.locator("html").get_attribute("data-ready") == "2"
    assert page.locator("h1").inner_text() == "Pergunte à <Padaria>"
    assert page.locator("html").get_attribute("data-reads") == "", "read by the encoder, which is loaded first"
    assert ask(page, QUESTION) == (HOURS, "Palavras da própria equipe")
    before = page.locator(".turn .answer.before .words").first.inner_text()
    assert before != HOURS
    assert 0 < len(before.strip()) < 600, "a base that goes round in circles is stopped"
    unknown = "Do you take 1234567 orders?"
    assert ask(page, unknown) == (f"{SENTENCE}\n{CONTACT}", "Para uma pessoa")
    page.locator(".turn").last.locator(".anyway").click()
    assert answered(page) == (LEARNED[unknown], "Nas palavras do chatbot, pode estar errada")
    assert {url.split("?")[0].rsplit("/", 1)[0] for url in asked if not url.startswith(("blob:", "data:"))} == {address}
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.locator(".chip").first.click()
    assert answered(page)[0] == HOURS


@pytest.mark.browser
def test_known_answers_need_no_model_and_opinions_leave_as_a_file(visit: Callable[..., Page], tmp_path: Path) -> None:
    page = visit(lambda context: context.route("**/*.gguf.*", lambda route: route.abort()))
    page.get_by_text("O chatbot não pôde ser carregado").wait_for()
    assert page.locator("html").get_attribute("data-reads") is None, "letters alone are compared"
    said, how = ask(page, "quanto custa cada um?")
    assert (said, how) == (PRICE, "Palavras da própria equipe")
    turn = page.locator(".turn").last
    turn.locator("[data-vote=bad]").click()
    turn.locator(".suggest summary").click()
    turn.locator(".suggest textarea").fill("R$ 6,90 desde maio.")
    turn.locator(".suggest button").click()
    page.get_by_text("Sua sugestão está guardada neste aparelho").wait_for()
    page.reload()
    page.get_by_text("Uma opinião está guardada neste aparelho").wait_for()
    with page.expect_download() as download:
        page.click("#save-notes")
    assert download.value.suggested_filename.endswith(".jsonl")
    download.value.save_as(tmp_path / "opinions.jsonl")
    (note,) = map(json.loads, (tmp_path / "opinions.jsonl").read_text(encoding="utf-8").splitlines())
    assert datetime.fromisoformat(note.pop("at"))
    wanted = {"question": "quanto custa cada um?", "answer": PRICE, "suggestion": "R$ 6,90 desde maio.", "vote": "bad"}
    assert note == wanted


@pytest.mark.browser
def test_a_browser_that_cannot_is_told_so(browser: Browser, address: str) -> None:
    context = browser.new_context(locale="en-US", service_workers="block")
    opened = context.new_page()
    opened.add_init_script("WebAssembly.validate = () => false")
    opened.goto(f"{address}/")
    opened.get_by_text("This browser cannot run the chatbot").wait_for()
    assert opened.url.endswith("/en.html"), "the visitor's own language"
    context.close()


@pytest.mark.browser
def test_a_double_click_is_explained(browser: Browser, folder: Path) -> None:
    context = browser.new_context(locale="pt-BR")
    opened = context.new_page()
    opened.goto((folder / "index.html").as_uri())
    opened.get_by_text(catalog("pt")("demo.site.from_disk")).wait_for()
    assert opened.locator("#ask").is_disabled()
    context.close()


@pytest.mark.browser
def test_who_pays_for_each_byte_loads_the_encoder_with_the_first_question_that_needs_it(
    visit: Callable[..., Page],
) -> None:
    saving = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
    page = visit(lambda context: context.add_init_script(saving))
    page.get_by_text("só é baixado quando uma pergunta precisar dele").wait_for()
    assert page.locator("html").get_attribute("data-reads") is None
    assert ask(page, "Vocês entregam em casa?")[1] == "Para uma pessoa"
    assert page.locator("html").get_attribute("data-reads") == ""


def test_a_page_is_made_anew_when_its_owner_chose_something_else(workspace: Workspace, exports: ExportService) -> None:
    made = exports.export(RUN, "site_compare")
    policies = AnswerPolicyService(workspace)
    policies.write_handover("project-1", "Outra pessoa responde.", CONTACT)
    assert exports.path(RUN, "site_compare") is None
    assert exports.path(RUN, "site_compare") != made
    policies.write_handover("project-1", SENTENCE, CONTACT)
    assert exports.path(RUN, "site_compare") == made
    policies.choose_careful("project-1", ALONE)
    assert BrowserAnswerService(workspace, policies).known_answers(RUN, lambda: False) is None
    policies.choose_careful("project-1", DEFAULT_CAREFUL)


def test_the_folder_is_whole_and_its_files_are_small(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "index.html",
        "en.html",
        "wllama.wasm",
        "wllama-licence.txt",
        "sw.js",
        "tuned.gguf.000",
        "encoder.gguf.000",
        "known-vectors.json",
        "sentences.gz.000",
        "README.md",
    }
    assert all(path.stat().st_size <= 20_000_000 for path in folder.iterdir())
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert "Pergunte à &lt;Padaria&gt;" in text
    assert "/d/static" not in text
    assert "http.server" in (folder / "README.md").read_text(encoding="utf-8")


def test_what_npm_brings_is_checked_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.errors import AfinaError

    monkeypatch.setattr(wllama, "_SHA256", "0" * 64)
    with pytest.raises(AfinaError, match=r"wllama\.differs"):
        wllama.wllama_files(tmp_path)
    assert not [path for path in (tmp_path / "tools").glob("wllama*") if path.suffix != ".lock"]
    monkeypatch.setattr(wllama, "_PACKAGE", "@wllama/wllama@0.0.0-none")
    with pytest.raises(AfinaError, match=r"wllama\.unreachable"):
        wllama.wllama_files(tmp_path)
