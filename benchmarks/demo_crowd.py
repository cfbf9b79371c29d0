"""Many visitors on one demo link at once, and what the owner's page takes meanwhile.

    python -m benchmarks.demo_crowd [--visitors 50] [--seconds 60] [--model smollm2-135m-instruct]

Everything is on this computer: a server of its own in a temporary folder, an adapter that changes nothing on the model (so
both answers are as long as the model's own), visitors who open the page, ask, read for 5 to 15 seconds and ask
again, each from an address of its own as a trusted proxy tells it, and Chromium as the owner, who goes back and forth
between two steps. Whoever is still waiting at the end is waited for, two minutes at most. Anything but an answer or a place
in the queue counts as an error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
from playwright.sync_api import sync_playwright
from safetensors.numpy import load_file, save_file

from studio.services.links import LinkService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.browser import chromium
from tests.browser.conftest import Server
from tests.sharing.conftest import make_run

QUESTIONS = ("Do you open on Sundays?", "Where is my order?", "Can I pay in instalments?", "How do I return a shirt?")
PATIENCE = 120.0  # seconds after the end
READS = (5.0, 15.0)  # seconds between an answer and the next question


@dataclass
class Crowd:
    """What the visitors met."""

    answered: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    waiting: int = 0  # when nobody waited for them any longer
    most_ahead: int = 0
    waits: list[float] = field(default_factory=list)  # seconds until the first word
    pages: list[float] = field(default_factory=list)  # seconds until the page was there


async def visit(crowd: Crowd, address: str, number: int, ends: float) -> None:
    """One visitor: the page, then a question after another."""
    headers = {"X-Forwarded-For": f"198.51.100.{number % 250 + 1}"}
    draw = random.Random(number)
    async with httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(600)) as client:
        began = time.perf_counter()
        page = await client.get(address)
        crowd.pages.append(time.perf_counter() - began)
        if page.status_code != 200:
            crowd.errors[f"page {page.status_code}"] += 1
        while time.monotonic() < ends:
            await ask(crowd, client, address, draw.choice(QUESTIONS))
            await asyncio.sleep(draw.uniform(*READS))


async def ask(crowd: Crowd, client: httpx.AsyncClient, address: str, question: str) -> None:
    """A question: its place in the queue, its first word, its end."""
    began, first, done = time.perf_counter(), 0.0, False
    async with client.stream("POST", f"{address}/ask", json={"question": question}) as response:
        if response.status_code != 200:
            refused = json.loads(await response.aread())["error"]["code"]
            crowd.errors[refused] += 1
            return
        async for text in response.aiter_lines():
            line = json.loads(text)
            crowd.most_ahead = max(crowd.most_ahead, line.get("ahead", 0))
            if not first and ("tuned" in line or "base" in line):
                first = time.perf_counter() - began
            if "error" in line:
                crowd.errors[line["error"]] += 1
            done = done or "done" in line
    if done:
        crowd.answered += 1
        crowd.waits.append(first)
    elif not crowd.errors:
        crowd.errors["cut off"] += 1


def owner(server: Server, ends: float) -> list[float]:
    """Seconds from a click on a step to its page, again and again."""
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        page = browser.new_page()
        page.goto(f"{server.address}/en/?project=project-1&step=share")
        page.locator("#page-share h1:visible").wait_for()
        while time.monotonic() < ends:
            for step in ("model", "share"):
                began = time.perf_counter()
                page.locator(f".af-steps a[href*='step={step}']").click()
                page.locator(f"#page-{step} h1:visible").wait_for()
                taken.append(time.perf_counter() - began)
                time.sleep(1)
        browser.close()
    return taken


def prepare(home: Path, models: Path, model: str) -> str:
    """A workspace with a tuned run and a link; the link's token."""
    workspace = Workspace.open(Settings(home=home, models_dir=models))
    make_run(workspace, "run-1", name="Crowd", model=model)
    adapter = workspace.run("run-1").adapters / "step-000005" / "adapter_model.safetensors"
    save_file({name: np.zeros_like(values) for name, values in load_file(adapter).items()}, adapter)
    token = LinkService(workspace).create("run-1", "Bakery", QUESTIONS[:3], "en").token
    workspace.database.close()
    return token


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--models", type=Path, default=Path(".cache/models"))
    asked = parser.parse_args()
    models, crowd = asked.models.resolve(), Crowd()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        token = prepare(home, models, asked.model)
        server = Server(home, environment={"AFINA_MODELS_DIR": str(models), "AFINA_TRUSTED_PROXIES": "127.0.0.1"})
        server.start()
        try:
            address, ends = f"{server.address}/d/{token}", time.monotonic() + asked.seconds

            async def everybody() -> None:
                tasks = [asyncio.create_task(visit(crowd, address, number, ends)) for number in range(asked.visitors)]
                done, waiting = await asyncio.wait(tasks, timeout=asked.seconds + PATIENCE)
                crowd.waiting = len(waiting)
                for task in waiting:
                    task.cancel()
                for task in done:
                    task.result()

            visitors = threading.Thread(target=lambda: asyncio.run(everybody()))
            visitors.start()
            clicks = owner(server, ends)
            visitors.join()
        finally:
            server.stop()
    print(f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, {asked.model}")
    print(f"{asked.visitors} visitors for {asked.seconds:.0f} s: {crowd.answered} questions answered, errors: ", end="")
    print(dict(crowd.errors) or "none", f"still waiting: {crowd.waiting}", sep=", ")
    print(f"demo page: median {statistics.median(crowd.pages):.2f} s, worst {max(crowd.pages):.2f} s")
    if crowd.waits:
        middle, worst = statistics.median(crowd.waits), max(crowd.waits)
        print(f"first word: median {middle:.1f} s, worst {worst:.1f} s; at most {crowd.most_ahead} before one")
    print(f"owner's page: median {statistics.median(clicks):.2f} s, worst {max(clicks):.2f} s of {len(clicks)} clicks")


if __name__ == "__main__":
    main()
