"""llama.cpp in Chromium: reads a GGUF file and answers, as a stranger's program would."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from studio.sharing.wllama import wllama_files

_PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
import { Wllama } from "./wllama.js";
window.load = async (file, threads) => {
  window.model = new Wllama({ default: "./wllama.wasm" }, { suppressNativeLog: true });
  const blob = await (await fetch(file)).blob();
  await window.model.loadModel([blob], { n_ctx: 1024, n_gpu_layers: 0, n_threads: threads });
  return { metadata: window.model.getModelMetadata(), info: window.model.getLoadedContextInfo() };
};
window.ask = async (messages, most) => {
  const reply = await window.model.createChatCompletion({ messages, max_tokens: most, temperature: 0 });
  return { text: reply.choices[0].message.content, why: reply.choices[0].finish_reason, usage: reply.usage };
};
</script>"""


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder with the headers that let a page have several threads."""

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def served(folder: Path, handler: type[SimpleHTTPRequestHandler] = _Handler) -> Iterator[str]:
    """A folder on a port of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class LlamaCpp:
    """A page in which llama.cpp runs."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page, self._folder = page, folder

    def load(self, path: Path, threads: int = 2) -> dict[str, Any]:
        """Opens a GGUF file; what it says of itself."""
        shutil.copyfile(path, self._folder / path.name)
        self._page.reload()
        self._page.wait_for_function("() => window.load")
        found: dict[str, Any] = self._page.evaluate("(given) => window.load(...given)", [path.name, threads])
        return found

    def ask(self, *turns: str, system: str = "", most: int = 64) -> dict[str, Any]:
        """The likeliest answer to the last of the turns, which begin with a question."""
        messages = [{"role": "system", "content": system}] if system else []
        messages += [{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(turns)]
        found: dict[str, Any] = self._page.evaluate("([m, most]) => window.ask(m, most)", [messages, most])
        return found


@contextmanager
def llama_cpp(browser: Browser, home: Path, folder: Path) -> Iterator[LlamaCpp]:
    """llama.cpp in a page of its own.

    Args:
        browser: shared by all tests.
        home: where wllama is kept.
        folder: an existing one, from which the page is served.
    """
    for name, path in wllama_files(home).items():
        shutil.copyfile(path, folder / name)
    (folder / "index.html").write_text(_PAGE, encoding="utf-8")
    with served(folder) as address:
        context = browser.new_context()
        try:
            page = context.new_page()
            page.goto(address)
            yield LlamaCpp(page, folder)
        finally:
            context.close()
