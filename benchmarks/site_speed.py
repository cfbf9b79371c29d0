"""How fast is the exported page? In headless Chromium, from a plain file server, with two threads and with one.

    AFINA_HOME=… python -m benchmarks.site_speed RUN

Exports the page of a finished run as the Share screen does, opens it as a first and as a second visitor, and asks: questions
that have known answers (time to the whole answer, no model needed), and one of thirty tokens that the model itself answers
(time to its first word once it is loaded, then tokens a second).
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import zipfile
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from benchmarks.gguf_answers import pairs
from studio.app import build_services
from studio.models.tokenizer import Tokenizer
from studio.settings import Settings
from tests.browser import chromium
from tests.sharing.llama_cpp import served

_ASKED: Final = 100
_READ: Final = 30
_QUESTIONS: Final = (  # each asked once: what was read of a question is kept, and would be quick the second time
    "Hello, I ordered a pair of shoes from you last week and they turned out to be too small, so can I send them back?",
    "Good morning, my sister would like to give something from your shop to our parents, what would you suggest for two people?",
    "We are opening a small restaurant near the station next month and wonder whether you could deliver to us every other week?",
)
_ASK: Final = """async ([question, alone]) => {
  const began = performance.now(), times = [], said = [];
  const body = JSON.stringify({ question, turns: [], alone });
  const reply = await window.afinaAnswer("", { body, signal: new AbortController().signal });
  let how = "", rest = "";
  for await (const bytes of reply.body) {
    const lines = (rest + new TextDecoder().decode(bytes)).split("\\n");
    rest = lines.pop();
    for (const line of lines.map((text) => JSON.parse(text))) {
      if (line.how) how = line.how;
      if (line.tuned) { times.push(performance.now() - began); said.push(line.tuned); }
    }
  }
  return { how, first: times[0], whole: times.at(-1), text: said.join("") };
}"""


class _Plain(SimpleHTTPRequestHandler):
    """As ``python -m http.server``."""

    def log_message(self, format: str, *args: Any) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    run_id = parser.parse_args().run
    services = build_services(Settings())
    run = services.workspace.run(run_id)
    questions = [question for question, _ in pairs(run)][:_ASKED]
    tokenizer = Tokenizer.load(services.workspace.model(json.loads(run.model.read_bytes())["id"]))
    with tempfile.TemporaryDirectory() as name:
        began = time.monotonic()
        made = services.exports.export(run_id, "site", out=Path(name))
        print(json.dumps({"export_seconds": round(time.monotonic() - began, 1), "zip_bytes": made.stat().st_size}))
        with zipfile.ZipFile(made) as archive:
            archive.extractall(name)
        services.close()
        with sync_playwright() as playwright, served(next(Path(name).glob("*/")), _Plain) as address:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
            for workers in ("block", "allow"):  # without its service worker a page has one thread
                print(json.dumps(_measured(browser, address, workers, questions, tokenizer)), flush=True)


def _measured(browser: Browser, address: str, workers: Any, questions: list[str], tokenizer: Tokenizer) -> Any:
    context = browser.new_context(service_workers=workers)
    page = context.new_page()
    figures: dict[str, Any] = {}
    for visit in ("first", "second"):
        began = time.monotonic()
        page.goto(address)
        page.wait_for_selector("html[data-known]", timeout=120_000)
        figures[f"{visit}_visit_known_after_seconds"] = round(time.monotonic() - began, 2)
        if "sentences.gz" in page.content():
            page.wait_for_selector("html[data-reads]", timeout=300_000)
            figures[f"{visit}_visit_reads_after_seconds"] = round(time.monotonic() - began, 2)
        page.wait_for_selector("html[data-ready]", timeout=300_000)
        figures[f"{visit}_visit_ready_after_seconds"] = round(time.monotonic() - began, 2)
    figures["threads"] = page.locator("html").get_attribute("data-ready")
    decided = [page.evaluate(_ASK, [question, False]) for question in questions]
    known = [one["whole"] for one in decided if one["how"] == "known"]
    others = [page.evaluate(_ASK, [f"{question} Please?", False]) for question in questions[:_READ]]
    read = [one["whole"] for one in others]  # none is a question of the owner's, so each is read by the encoder
    figures |= {"asked": len(decided), "known": len(known)}
    figures |= {"decided_ms_median": round(statistics.median(read), 1), "decided_ms_most": round(max(read), 1)}
    if known:
        figures |= {"known_ms_median": round(statistics.median(known), 1), "known_ms_most": round(max(known), 1)}
    written = [page.evaluate(_ASK, [question, True]) for question in _QUESTIONS]
    tokens = [len(tokenizer.encode(one["text"])) for one in written]
    speeds = [(n - 1) / (one["whole"] - one["first"]) * 1000 for n, one in zip(tokens, written, strict=True)]
    context.close()
    return figures | {
        "question_tokens": [len(tokenizer.encode(question)) for question in _QUESTIONS],
        "first_word_ms": [round(one["first"]) for one in written],
        "tokens_a_second": [round(speed, 1) for speed in speeds],
    }


if __name__ == "__main__":
    main()
