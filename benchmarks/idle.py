"""What a server costs that nobody asks anything: ``python -m benchmarks.idle [--seconds 60]``.

Time from the command to the first page on an empty workspace, then the processor time of the server and all its children
with no page open and with one on each screen of a project that has a finished run, in hundredths of one core.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import sync_playwright

from benchmarks.demo_crowd import prepare
from tests.browser import chromium
from tests.browser.conftest import Server

SCREENS = ("home", "model", "examples", "train", "compare", "proof", "share")
SETTLES = 20.0  # seconds until what a start or a visit sets going has ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--models", type=Path, default=Path(".cache/models"))
    asked = parser.parse_args()
    models = asked.models.resolve()
    with tempfile.TemporaryDirectory() as folder:
        say(f"first page after {first_page(Path(folder) / 'empty', models):.1f} s")
        home = Path(folder) / "home"
        prepare(home, models, asked.model)
        server = Server(home, environment={"AFINA_MODELS_DIR": str(models)})
        server.start()
        try:
            say(f"no page: {load(server, asked.seconds):.2f} %")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
                for screen in SCREENS:
                    page = browser.new_page()
                    page.goto(
                        f"{server.address}/en/" + (f"?project=project-1&step={screen}" if screen != "home" else "")
                    )
                    page.locator("h1:visible").wait_for()
                    say(f"{screen}: {load(server, asked.seconds):.2f} %")
                    page.close()
                browser.close()
        finally:
            server.stop()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def first_page(home: Path, models: Path) -> float:
    """Seconds from the command to the first page that is served."""
    home.mkdir()
    server = Server(home, environment={"AFINA_MODELS_DIR": str(models)})
    began = time.perf_counter()
    server.start()
    httpx.get(f"{server.address}/en/", timeout=60).raise_for_status()
    taken = time.perf_counter() - began
    server.stop()
    return taken


def load(server: Server, seconds: float) -> float:
    """Processor time of the server and its children in percent of one core, once it has settled."""
    time.sleep(SETTLES)
    before = spent(server)
    time.sleep(seconds)
    after = spent(server)
    return 100 * sum(taken - before.get(pid, 0.0) for pid, taken in after.items()) / seconds


def spent(server: Server) -> dict[int, float]:
    """Seconds of processor time by process."""
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    return {p.pid: sum(p.cpu_times()[:2]) for p in [parent, *parent.children(recursive=True)] if p.is_running()}


if __name__ == "__main__":
    main()
