"""The Share step as an owner walks it: a link with a password, its numbers, what visitors suggest, and publishing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.app import build_services
from studio.domain.vote import Choice
from studio.i18n import catalog
from studio.settings import Settings
from studio.sharing.link_passwords import matches
from studio.sharing.links import LinkStore
from studio.storage.workspace import Workspace
from tests.browser.conftest import Server
from tests.browser.opening import unfold
from tests.hub_server import FakeHub, running_hub
from tests.sharing.conftest import make_run

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]
TOKEN = "hf_writes_for_the_owner"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as fake:
        fake.writer = TOKEN
        yield fake


@pytest.fixture
def server(tiny_model: Path, tmp_path: Path, hub: FakeHub) -> Iterator[Server]:
    """A server on a workspace with two tuned versions, and a link that visitors voted and suggested on."""
    home = tmp_path / "home"
    services = build_services(Settings(home=home, models_dir=tiny_model.parent))
    make_run(services.workspace, "run-1", name="Monday", rank=4, loss=1.5)
    make_run(services.workspace, "run-2", name="Tuesday", rank=8, loss=1.1)
    services.datasets.use_sample("project-1", "en")
    link = services.links.create("run-1", "Bakery", ["Open?"], "en", takes_suggestions=True, is_blind=True)
    services.links.count_visit(link)
    services.links.count_vote(link, Choice.AFTER)
    for better in ("Yes, from 7 to 12.", "Yes, always."):
        services.suggested.suggest("run-1", link.title, "Do you bake on Sundays?", "No.", better)
        services.links.count_suggestion(link)
    services.close()
    running = Server(home, environment={"AFINA_MODELS_DIR": str(tiny_model.parent), "AFINA_HF_ENDPOINT": hub.address})
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def go(page: Page, server: Server, locale: str, step: str) -> None:
    page.goto(f"{server.address}/{locale}/?project=project-1&step={step}")
    expect(page.locator("h1:visible")).to_have_text(catalog(locale)(f"{step}.title"))


def test_a_link_in_depth_suggestions_and_publishing(page: Page, server: Server, hub: FakeHub) -> None:
    go(page, server, "pt", "share")
    see_and_change_a_link(page)
    make_a_link_with_a_password(page)
    accept_and_drop(page, server)
    go(page, server, "en", "share")
    publish(page, hub)
    workspace = Workspace.open(Settings(home=server.home))
    new, old = LinkStore(workspace.database).list(None)
    workspace.database.close()
    assert new.password_digest is not None
    assert matches("warm bread", new.password_digest)
    assert (old.run_id, old.takes_suggestions, old.is_blind) == ("run-2", False, True)


def see_and_change_a_link(page: Page) -> None:
    text, card = catalog("pt"), page.locator(".af-link")
    card.get_by_text(text("share.numbers"), exact=True).click()
    expect(card.locator(".af-sums dd")).to_have_text(["1", "0", "0", "2", "1"])
    expect(card.locator(".af-days li")).to_have_count(7)
    expect(card).to_contain_text(text("share.numbers.preferred", after=1, before=0, equal=0))
    card.get_by_text(text("share.settings"), exact=True).click()
    address = card.locator(".af-address").inner_text()
    card.get_by_role("switch", name=text("share.set.takes_suggestions")).click()
    expect(card.get_by_role("switch", name=text("share.set.takes_suggestions"))).not_to_be_checked()
    card.get_by_role("button", name=text("share.answer_with", name="Tuesday")).click()
    expect(card).not_to_contain_text(text("share.answers_by", name="Monday"))
    expect(card.locator(".af-address")).to_have_text(address)


def make_a_link_with_a_password(page: Page) -> None:
    unfold(page.locator("#share-more button").first)
    page.locator("#share-password input, #share-password textarea").fill("warm bread")
    page.click("#share-create")
    expect(page.locator(".af-link")).to_have_count(2)
    expect(page.locator(".af-link").first).to_contain_text(catalog("pt")("share.password_on"))


def accept_and_drop(page: Page, server: Server) -> None:
    """The first suggestion is changed and accepted, the second dropped; the count on the step goes with them."""
    go(page, server, "en", "examples")
    expect(page.locator(".af-count")).to_have_text("2")
    expect(page.locator("#suggested-question textarea, #suggested-question input")).to_have_value(
        "Do you bake on Sundays?"
    )
    expect(page.locator("#suggested-answer")).to_contain_text("No.")
    better = page.locator("#suggested-better textarea")
    expect(better).to_have_value("Yes, from 7 to 12.")
    better.fill("Yes, from 7 to 12 o'clock.")
    page.click("#suggested-accept")
    expect(page.locator(".af-count")).to_have_text("1")
    expect(better).to_have_value("Yes, always.")
    page.click("#suggested-drop")
    expect(page.locator("#suggested")).to_be_hidden()
    expect(page.locator(".af-count")).to_have_count(0)
    page.reload()
    expect(page.locator("#page-examples")).to_contain_text("241")  # examples: one more


def publish(page: Page, hub: FakeHub) -> None:
    """A wrong token, a name that is somebody's already, then the whole way; the token is not kept."""
    text = catalog("en")
    hub.made["model/maria/bakery"] = {"files": {"notes.txt": b"by hand"}}
    unfold(page.locator("#share-publish button").first)
    page.get_by_label(text("share.publish.kind.adapter")).check()
    name, token = (
        page.locator("#share-publish-name input, #share-publish-name textarea"),
        page.locator("#share-publish-token input"),
    )
    name.fill("bakery")
    token.fill("hf_wrong")
    page.click("#share-publish-start")
    expect(page.locator("#share-publish-state")).to_contain_text(text("errors.publish.bad_token"))
    token.fill(TOKEN)
    page.click("#share-publish-start")
    taken = text("errors.publish.name_taken", what="maria/bakery")
    expect(page.locator("#share-publish-state")).to_contain_text(taken)
    page.get_by_label(text("share.publish.replace")).check()
    page.click("#share-publish-start")
    expect(page.locator(".af-published h3")).to_have_text("maria/bakery")
    expect(page.locator(".af-published")).to_contain_text(text("share.publish.everyone"))
    expect(page.locator(".af-published code")).to_have_text(f"{hub.address}/maria/bakery")
    files = hub.made["model/maria/bakery"]["files"]
    assert {"notes.txt", "adapter_model.safetensors", "README.md"} <= files.keys()
    expect(page.locator("#publish-forget")).to_have_count(0)
