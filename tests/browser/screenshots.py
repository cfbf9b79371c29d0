"""Takes the README's screenshots from real runs: ``make screenshots``; ``… screenshots train en`` takes some of them.

Every screen in each language, light and dark, and on a phone; the train screen in the middle of a run.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import psutil
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from studio.i18n import catalog
from studio.web.network import lan_addresses
from studio.web.ui.pages.share import links as share_links
from tests.browser import chromium
from tests.browser.conftest import Server
from tests.web.shop import Shop

FOLDER = Path(__file__).parents[2] / "assets" / "screenshots"
LANGUAGES = {"en": "en-US", "pt": "pt-BR"}
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
SOON, TRAINING = 60_000, 600_000  # milliseconds
_EXAMS = 4  # drawn before the train screen is taken, with the fixed questions answered anew
_LAST = 5  # exams after which it is taken all the same: a busy computer has no time for new answers until the end
_COLOURS = 256  # of a picture: enough for flat screens, and a third of the bytes
_SHOWN_ADDRESS = "192.0.2.10"  # of the documentation, in place of this computer's own
_HIDE_ADDRESSES = """({ own, shown }) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) for (const address of own) {
        walker.currentNode.data = walker.currentNode.data.replaceAll(address, shown);
    }
    document.getElementById('reach-others')?.remove();
}"""
_SHOP = {"width": 900, "height": 620}
_SHOP_NAMES = {"en": "Alta Serra Coffee", "pt": "Café Alta Serra"}
_SHOP_STYLE = """:root { color-scheme: light dark; } body { margin: 0; font-family: Georgia, serif; background: light-dark(#f6efe6, #1d1815);
color: light-dark(#3b2a20, #f0e6dc); } h1 { margin: 0; padding: 2.5rem; font-size: 2.4rem; } """
_FULL = frozenset({"train", "compare", "proof", "share"})
_HIGHEST = {"proof": 1480}  # pixels of a picture: the exam, question by question, goes on below


def main(wanted: list[str]) -> int:
    """Takes the pictures of the screens and languages named in ``wanted``; of all where none are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    locales = [locale for locale in LANGUAGES if locale in wanted] or list(LANGUAGES)
    names = frozenset(wanted) - LANGUAGES.keys()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "home")
        server.home.mkdir()
        server.start()
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        try:
            walks = [Walk(browser, server, locale, names) for locale in locales]
            for walk in walks:
                walk.take()
            for walk in walks:
                walk.home()
        finally:
            browser.close()
            server.stop()
            _end_workers(server)
    return 0


@dataclass
class Walk:
    """Every step of the sample in one language.

    Args:
        browser: real.
        server: on an empty workspace.
        locale: of the pages.
        names: of the screens to take; empty takes all.
    """

    browser: Browser
    server: Server
    locale: str
    names: frozenset[str]

    def take(self) -> None:
        """Walks from the sample to the visitor's page, and takes a picture of each step."""
        context = self._context(WIDE)
        page = context.new_page()
        page.goto(self.server.address)
        page.locator("#home-sample").click()
        page.locator("[id^=model-card-]").first.wait_for()
        _install(page)
        self.shoot(page, "model")
        page.locator("#page-model #next-step").click()
        page.locator("#examples-table:visible").wait_for()
        self.shoot(page, "examples")
        if self._wants("train", "compare", "proof", "share", "demo", "widget"):
            page.locator("#page-examples #next-step").click()
            self._train(page)
        if self._wants("compare", "proof", "share", "demo", "widget"):
            self._after(page)
        context.close()

    def _wants(self, *names: str) -> bool:
        return not self.names or not self.names.isdisjoint(names)

    def _train(self, page: Page) -> None:
        page.locator("#train-preset input[value=balanced]").check()
        page.locator("#train-start").click()
        page.wait_for_function(
            "([exams, last, waiting]) => document.querySelectorAll('#train-chart .dot.exam').length >= exams"
            " && document.querySelector('#train-resources .af-meter')"
            " && (document.querySelector('#train-answers .now dd').textContent !== waiting"
            " || document.querySelectorAll('#train-chart .dot.exam').length >= last)",
            arg=[_EXAMS, _LAST, catalog(self.locale)("train.answer.waiting")],
            timeout=TRAINING,
        )
        self.shoot(page, "train")
        page.locator("#train-live[data-state=finished]").wait_for(timeout=TRAINING)

    def _after(self, page: Page) -> None:
        page.locator("#page-train #next-step.primary").click()
        page.locator("#compare-suggestions button").first.click()
        page.locator("#compare-stop").wait_for(state="visible")
        page.locator("#compare-stop").wait_for(state="hidden", timeout=TRAINING)
        self.shoot(page, "compare")
        page.locator("#page-compare #next-step").click()
        page.locator("#proof-start").click()
        page.locator("#proof-verdict").wait_for(timeout=TRAINING)
        self.shoot(page, "proof")
        page.locator("#page-proof #next-step").click()
        page.locator("#share-create:visible").click()
        link = page.locator("#share-links a[href*='/d/']").first
        link.wait_for()
        self._visit(urljoin(page.url, str(link.get_attribute("href"))))
        if self._wants("widget"):
            self.put_on_a_site(page)
        page.locator("#reach-network").click()
        page.locator("#reach-state:not([data-state=starting])").wait_for()
        page.reload()  # the link has a visit to show now
        link.wait_for()
        page.get_by_text(catalog(self.locale)("share.choosing")).wait_for(state="detached", timeout=TRAINING)
        self._take_share(page)

    def _take_share(self, page: Page) -> None:
        """The links as they are, at an address that is nobody's."""
        page.evaluate(_HIDE_ADDRESSES, {"own": lan_addresses(), "shown": _SHOWN_ADDRESS})
        for card in page.locator(".af-link:has(.af-code)").all():
            code = share_links._qr(card.locator(".af-address").inner_text())
            card.locator(".af-code svg").evaluate("(old, code) => { old.outerHTML = code; }", str(code))
        page.locator(".af-link details[id^=link-numbers] summary").first.click()
        self.shoot(page, "share")

    def home(self) -> None:
        """The home page, once every project is there."""
        if not self._wants("home"):
            return
        context = self._context(WIDE)
        page = context.new_page()
        page.goto(f"{self.server.address}/{self.locale}/")
        page.locator("#home-board .af-card").first.wait_for()
        self.shoot(page, "home")
        context.close()

    def _visit(self, address: str) -> None:
        context = self._context(PHONE)
        page = context.new_page()
        page.goto(address)
        page.locator("#suggestions button").first.tap()
        page.locator("#stop").wait_for(state="visible")
        page.locator("#stop").wait_for(state="hidden", timeout=TRAINING)
        self.shoot(page, "demo")
        context.close()

    def put_on_a_site(self, page: Page) -> None:
        """The chat in a corner of a shop's page, from the form on the Share screen ``page``."""
        with Shop(style=_SHOP_STYLE, name=_SHOP_NAMES[self.locale]) as shop:
            page.locator("#share-widget > button").click()
            expect(page.locator("#share-widget-link input")).not_to_have_value("")  # then the form is filled in
            page.locator("#share-widget-sites textarea").fill(shop.url)
            page.locator("#share-widget-save").click()
            shop.line = page.locator("#share-widget-made .af-line").first.inner_text()
            context = self._context(_SHOP)
            site = context.new_page()
            site.goto(f"{shop.url}/{LANGUAGES[self.locale]}" if self.locale == "pt" else f"{shop.url}/en")
            site.locator("afina-chat .bubble").click()
            site.locator("afina-chat .questions button").first.click()
            site.locator("afina-chat .answered[aria-busy=false]").wait_for(timeout=TRAINING)
            self.shoot(site, "widget")
            context.close()

    def shoot(self, page: Page, name: str) -> None:
        """A picture in light, one in dark, and one in light at the size of a phone; of a phone's page, of a desktop."""
        if not self._wants(name):
            return
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            _settle(page)
            self._keep(page, name, scheme)
        page.emulate_media(color_scheme="light")
        other, size = ("desktop", WIDE) if page.viewport_size == PHONE else ("phone", PHONE)
        before = page.viewport_size
        page.set_viewport_size(size)  # type: ignore[arg-type]
        _settle(page)
        self._keep(page, name, other)
        page.set_viewport_size(before)  # type: ignore[arg-type]

    def _keep(self, page: Page, name: str, kind: str) -> None:
        picture = Image.open(io.BytesIO(page.screenshot(full_page=name in _FULL)))
        picture = picture.crop((0, 0, picture.width, min(picture.height, _HIGHEST.get(name, picture.height))))
        small = picture.convert("RGB").quantize(
            _COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
        )
        small.save(FOLDER / f"{name}-{self.locale}-{kind}.png", optimize=True)

    def _context(self, size: dict[str, int]) -> BrowserContext:
        touch = size is PHONE
        context = self.browser.new_context(locale=LANGUAGES[self.locale], viewport=size, has_touch=touch)  # type: ignore[arg-type]
        context.set_default_timeout(SOON)
        return context


def _settle(page: Page) -> None:
    """Waits until fonts are there and nothing moves any more, and takes messages away that cover the page."""
    page.evaluate("document.fonts.ready")
    for close in page.locator(".toast-close").all():
        close.click()
    page.wait_for_timeout(900)


def _install(page: Page) -> None:
    """Accepts the terms of the language's first choice, and fetches it where it is not on disk."""
    use = page.locator(".af-card.chosen [id^=model-use-]")
    if use.count():
        use.click()
        if page.locator("#dialog-yes").count():
            page.locator("#dialog-yes").click()
        use.wait_for(state="detached", timeout=TRAINING)
        page.goto(page.url.replace("step=examples", "step=model"))
        page.locator("[id^=model-card-]").first.wait_for()


def _end_workers(server: Server) -> None:
    """Workers outlive their server; here nobody needs them any more."""
    for process in psutil.process_iter(["cmdline"]):
        if str(server.home) in (process.info["cmdline"] or ()):
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
