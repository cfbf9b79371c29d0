"""The password page as HTML. It asks nothing of the rest of the studio, which is behind it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Template
from starlette.responses import FileResponse

from studio.i18n.catalog import LOCALES, catalog
from studio.web.brand import font, logo
from studio.web.templating import html_templates

_FOLDER: Final = Path(__file__).parent
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def login_page(locale: str, target: str, sentence: str) -> str:
    """The page that asks for the password.

    Args:
        target: path to go on to; already checked to lie on this server.
    """
    others = [other for other in LOCALES if other != locale]
    return _template().render(
        locale=locale, t=catalog(locale), target=target, sentence=sentence, others=others, logo=logo()
    )


def login_file(name: str) -> FileResponse:
    """A file of the page: its style or its font."""
    headers = {**HEADERS, "Cache-Control": "public, max-age=3600"}
    return font(headers) if name == "figtree.woff2" else FileResponse(_FOLDER / "login.css", headers=headers)


@cache
def _template() -> Template:
    return html_templates(_FOLDER).get_template("login.html")
