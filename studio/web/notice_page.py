"""A page with one sentence, for a person who came where nothing is or asked for what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from markupsafe import Markup
from starlette.requests import HTTPConnection

from studio.i18n import LOCALES, catalog, negotiate
from studio.web.brand import logo
from studio.web.templating import html_templates

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
HEADERS: Final = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
LANGUAGE_COOKIE: Final = "afina_language"


def locale_of(connection: HTTPConnection) -> str:
    """The language of a visitor: as asked for, of the address, as chosen before, or as the browser asks for."""
    address = connection.scope["path"].split("/")[1:2]
    chosen = (connection.query_params.get("lang", ""), *address, connection.cookies.get(LANGUAGE_COOKIE, ""))
    return next((name for name in chosen if name in LOCALES), "") or negotiate(
        connection.headers.get("accept-language")
    )


def notice_page(locale: str, title: str, why: str, *, has_way_home: bool = True) -> str:
    """The page as HTML.

    Args:
        has_way_home: whether the studio can be reached by a link from here.
    """
    return (
        html_templates(Path(__file__).parent)
        .get_template("notice.html")
        .render(
            t=catalog(locale),
            locale=locale,
            lang={"pt": "pt-BR"}.get(locale, locale),
            logo=Markup(logo()),
            title=title,
            why=why,
            has_way_home=has_way_home,
        )
    )
