"""How long the first point of the chart takes after the click, and which part of the way takes how much of it.

``python -m benchmarks.first_point [--model ID] [--rounds 3]`` starts a server and a real Chromium, opens the English
sample, waits until the machine is measured, presses the button, and reads the parts off what the run writes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import read_events
from tests.browser import chromium
from tests.browser.conftest import Server

_POINT = "#train-chart [data-series]"
_SEEN = f"""() => new Promise((done) => {{
  const look = () => document.querySelector('{_POINT}') ? done(Date.now() / 1000) : requestAnimationFrame(look);
  look();
}})"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--settle", type=float, default=25.0, help="seconds for the measurement of the machine, once")
    parser.add_argument("--think", type=float, default=6.0, help="seconds on the train page before the click")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "home")
        server.home.mkdir()
        server.start()
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        totals = []
        try:
            for number in range(arguments.rounds):
                context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
                page = context.new_page()
                to_train(page, server, arguments.model)
                page.wait_for_timeout(1000 * (arguments.think if number else arguments.settle))
                seconds, parts = first_point(page, server)
                totals.append(seconds)
                print(f"click to first point: {seconds:.2f} s", *parts, sep="\n  ", flush=True)
                context.close()
                end_runs(server)
        finally:
            browser.close()
            end_runs(server)
            server.stop()
    print(f"median of {len(totals)}: {statistics.median(totals):.2f} s; longest {max(totals):.2f} s")
    return 0


def to_train(page: Page, server: Server, model: str) -> None:
    """Opens the English sample and goes on to its train page."""
    page.goto(server.address)
    page.locator("#home-sample").click()
    page.locator(f"#model-card-{model}").wait_for()
    if page.locator(f"#model-use-{model}").count():
        page.locator(f"#model-use-{model}").click()
        page.locator(f"#model-card-{model}.chosen").wait_for()
    page.locator("#next-step").click()
    page.locator("#examples-table").wait_for()
    page.locator("#next-step").click()
    page.locator("#train-preset input[value=thorough]").check()


def first_point(page: Page, server: Server) -> tuple[float, list[str]]:
    """Presses the button; seconds until the first point is on the screen, and lines that say what took them."""
    clicked = time.time()
    page.locator("#train-start").click()
    seen = None
    while seen is None:
        try:
            seen = page.evaluate(_SEEN)
        except Exception as error:  # the page moves to the address of the run meanwhile
            if "navigation" not in str(error) and "context" not in str(error):
                raise
    folder = max((server.home / "runs").iterdir(), key=lambda one: (one / "recipe.json").stat().st_mtime)
    marks = [("run's folder", (folder / "recipe.json").stat().st_mtime)]
    for event in read_events(folder / "events.jsonl")[0]:
        marks.append((f"{event.type} {getattr(event, 'name', '') or getattr(event, 'step', '')}".strip(), event.time))
        if event.type == "step":
            break
    marks.append(("on the screen", seen))
    began, lines = clicked, []
    for name, when in marks:
        lines.append(f"{when - clicked:6.2f} s  (+{when - began:.2f})  {name}")
        began = when
    return seen - clicked, lines


def end_runs(server: Server) -> None:
    """Cancels what runs, and waits until it is over."""
    folders = [RunFolder(path) for path in (server.home / "runs").iterdir()]
    for folder in folders:
        folder.cancel_request.touch()
    while not all(folder.result.exists() for folder in folders):
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
