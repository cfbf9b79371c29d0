"""The two pages that a visitor may meet, as HTML in which everything that a person wrote is escaped."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Template

from studio.domain.project import Link
from studio.i18n.catalog import LOCALES, Catalog, catalog
from studio.web.brand import logo
from studio.web.demo.questions import MAX_QUESTION
from studio.web.templating import html_templates

_FOLDER: Final = Path(__file__).parent
# What the script says; the rest of the sentences are in the HTML.
_SPOKEN: Final = (
    "before",
    "after",
    "copied",
    "stopped",
    "no_answer",
    "ready",
    "failed",
    "offline",
    "too_long_now",
    "voted_after",
    "voted_before",
    "voted_none",
    "thanks",
    "how_known",
    "how_written",
    "how_handed_over",
)


def demo_page(link: Link, locale: str, *, is_chat_model: bool = True) -> str:
    """The page of an open link.

    Args:
        link: gives the title and the suggested questions.
        locale: language of the page; the title and the questions keep the link's.
        is_chat_model: whether the base was taught to chat; else the page says that it was not.
    """
    text = catalog(locale)
    spoken = spoken_sentences(text, shows_before=link.shows_before)
    sides = ("before", "after") if link.shows_before else ("after",)
    notes = {
        "before": text("demo.before_note" if is_chat_model else "demo.before_note_no_chat"),
        "after": text("demo.after_note"),
    }
    others = {other: f"?lang={other}" for other in LOCALES if other != locale}
    ask = f"/d/{link.token}/ask?lang={locale}"
    shown: dict[str, Any] = {"link": link, "spoken": spoken, "limit": MAX_QUESTION, "others": others, "sides": sides}
    more = {"blind": link.asks_for_vote, "suggests": link.takes_suggestions}
    return render_page(locale, **shown, **more, notes=notes, ask=ask, static="/d/static/")


def spoken_sentences(text: Catalog, *, shows_before: bool) -> dict[str, str]:
    """What the page's script says.

    Args:
        text: in which language.
        shows_before: whether there are two answers.
    """
    spoken = {name: text(f"demo.{name}", limit=MAX_QUESTION) for name in _SPOKEN}
    if not shows_before:
        del spoken["before"]
        spoken |= {"ready": text("demo.ready_alone"), "after": text("demo.answer")}
    return spoken


def closed_page(locale: str) -> str:
    """The page of a link that does not exist or was switched off: the same for both."""
    return render_page(locale, link=None, static="/d/static/")


def password_page(locale: str, token: str, wrong: str) -> str:
    """The page that asks for the password of a link; ``wrong`` says what was wrong with the last one, or is empty."""
    unlock = f"/d/{token}/unlock?lang={locale}"
    return render_page(locale, link=None, locked=True, wrong=wrong, unlock=unlock, static="/d/static/")


def render_page(locale: str, **values: Any) -> str:
    """The page's template with ``values``; those of a folder's page are left out of others."""
    values = {"site": None, "policy": "", "verdict": "", "blind": False, "suggests": False, "locked": False} | values
    return _template().render(locale=locale, t=catalog(locale), logo=logo(), version=_version(), **values)


@cache
def _template() -> Template:
    return html_templates(_FOLDER).get_template("page.html")


@cache
def _version() -> str:
    """Changes when the style or the script does, so that browsers may keep them for a year."""
    files = sorted((_FOLDER / "static").glob("demo.*"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
