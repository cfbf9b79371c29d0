"""A site of the owner's: pages of another origin that keep to a strict Content-Security-Policy."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# As strict as a site can be and still have a chat: no inline style or script, no markup from text.
_POLICY = (
    "default-src 'none'; script-src {bot}; connect-src {bot}; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# What a site's own styles may do to everything on the page.
_STYLE = "* { color: red !important; display: none; font-size: 50px; } html, body, h1, script { display: block; }"
_PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/style.css">{line}</head><body><h1>{name}</h1></body></html>"""


class Shop:
    """Serves its pages on a port of this computer; ``/en`` is in English, all others are in Portuguese.

    Args:
        line: of the chat, as the Share screen gives it.
        style: of the site, as CSS.
        name: of the site.
    """

    def __init__(self, line: str = "", style: str = _STYLE, name: str = "Padaria") -> None:
        self.line = line
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_style = self.path == "/style.css"
                language = "en" if self.path == "/en" else "pt-BR"
                body = style if is_style else _PAGE.format(language=language, line=shop.line, name=name)
                address = re.search(r"https?://[^/]+", shop.line)
                self.send_response(200)
                self.send_header("Content-Type", "text/css" if is_style else "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", _POLICY.format(bot=address[0] if address else "'none'"))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://localhost:{self.port}"

    def __enter__(self) -> Shop:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
