"""What an open train screen costs the run that it shows.

``python -m benchmarks.train_page [--model ID] [--seconds 30]`` starts a server and a real Chromium, trains on the
English sample, and prints processor seconds per second of Chromium and of the server with the page in front, in a
hidden tab and closed, beside the run's own word pieces per second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import BrowserContext, Page, sync_playwright

from benchmarks.first_point import first_point, to_train
from studio.training.run_files.event_log import read_events
from tests.browser import chromium
from tests.browser.conftest import Server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--passes", default="12")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "home")
        server.home.mkdir()
        server.start()
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        try:
            context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
            page = context.new_page()
            to_train(page, server, arguments.model)
            page.locator("#train-expert button").first.click()
            page.locator("#train-epochs").locator("input, textarea").fill(arguments.passes)
            page.wait_for_timeout(25_000)  # the measurement of the machine is over
            first_point(page, server)
            events = next((server.home / "runs").iterdir()) / "events.jsonl"
            _costs(context, page, server, events, arguments.seconds)
        finally:
            browser.close()
            for process in psutil.Process().children(recursive=True):
                if "studio.training.worker" in " ".join(process.cmdline()):
                    process.kill()
            server.stop()
    return 0


def _costs(context: BrowserContext, page: Page, server: Server, events: Path, seconds: float) -> None:
    page.wait_for_timeout(5_000)
    _report("page in front", server, events, seconds)
    other = context.new_page()
    other.goto("about:blank")
    other.bring_to_front()
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")  # headless Chromium hides no tab
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    _report("page in a hidden tab", server, events, seconds)
    context.close()
    _report("page closed", server, events, seconds)


def _report(name: str, server: Server, events: Path, seconds: float) -> None:
    before, tokens = _used(server), _tokens(events)
    began = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    after, more = _used(server), _tokens(events)
    spent = {kind: (after[kind] - before.get(kind, 0.0)) / passed for kind in after}
    taken, trained = more[0] - tokens[0], more[1] - tokens[1]
    print(
        f"{name:22} Chromium {spent['browser']:.3f}  server {spent['server']:.3f}  worker {spent['worker']:.2f} cores;"
        f" {taken / max(trained, 1e-9):.0f} word pieces a second of step, {trained / passed:.0%} of the time in steps"
    )


def _used(server: Server) -> dict[str, float]:
    """Processor seconds so far, by kind of process."""
    used = {"browser": 0.0, "server": 0.0, "worker": 0.0}
    assert server.process is not None
    for process in [psutil.Process(server.process.pid), *psutil.Process().children(recursive=True)]:
        try:
            command = " ".join(process.cmdline())
            times: Any = process.cpu_times()
        except psutil.Error:
            continue
        kind = "worker" if "studio.training.worker" in command else ""
        kind = kind or ("browser" if "chrom" in command and "python" not in command.split(" ")[0] else "")
        if process.pid == server.process.pid:
            kind = "server" if not used["server"] else ""
        if kind:
            used[kind] += times.user + times.system
    return used


def _tokens(events: Path) -> tuple[int, float]:
    steps: list[Any] = [event for event in read_events(events)[0] if event.type == "step"]
    return sum(step.tokens for step in steps), sum(step.seconds for step in steps)


if __name__ == "__main__":
    sys.exit(main())
