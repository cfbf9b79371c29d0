"""Opens what is folded on a page of Gradio."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Locator, Page

_FRAMES: Final = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


def settled(page: Page) -> None:
    """Waits until Gradio has set the fields of what was just opened: it does so once more, a frame after they are there."""
    page.evaluate(_FRAMES)


def unfold(head: Locator) -> None:
    """Clicks on the head of an accordion or on a tab; its fields can be written into then."""
    head.click()
    settled(head.page)
