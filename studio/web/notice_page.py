"""A page with one sentence, for a person who came where nothing is or asked for what is refused."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup
from starlette.requests import HTTPConnection

from studio.i18n import LOCALES, catalog, negotiate
from studio.web.brand import logo

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
HEADERS: Final = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
LANGUAGE_COOKIE: Final = "afina_language"
_PAGE: Final = Markup(
    '<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
    'initial-scale=1"><meta name="color-scheme" content="light dark"><title>{title} · {brand}</title><style>'
    "body{{font:17px/1.55 system-ui,sans-serif;margin:0;min-height:90vh;display:grid;place-items:center;text-align:center}}"
    "main{{padding:24px;max-width:30em;overflow-wrap:anywhere}}svg{{width:56px}}h1{{font-size:24px;margin:.6em 0 .3em}}p{{margin:0 0 1.4em}}"
    "a{{color:#0f766e;font-weight:600}}@media(prefers-color-scheme:dark){{body{{background:#12161a;color:#e9edf1}}a{{color:#2bb3a5}}}}"
    "</style></head><body><main>{logo}<h1>{title}</h1><p>{why}</p>{way}</main></body></html>"
)
_WAY: Final = Markup('<a href="/{locale}/">{home}</a>')


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
    text = catalog(locale)
    return _PAGE.format(
        lang={"pt": "pt-BR"}.get(locale, locale),
        brand=text("common.brand.name"),
        logo=Markup(logo()),
        title=title,
        why=why,
        way=_WAY.format(locale=locale, home=text("common.lost.home")) if has_way_home else "",
    )
