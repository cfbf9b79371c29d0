"""The two pages that a visitor may meet, as HTML in which everything that a person wrote is escaped."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from studio.domain.project import Link
from studio.i18n.catalog import LOCALES, catalog
from studio.web.brand import logo
from studio.web.demo.questions import MAX_QUESTION

_FOLDER: Final = Path(__file__).parent
# What the script says; the rest of the sentences are in the HTML.
_SPOKEN: Final = ("before", "after", "copied", "stopped", "no_answer", "ready", "failed", "offline", "too_long_now")


def demo_page(link: Link, locale: str, *, is_chat_model: bool = True) -> str:
    """The page of an open link.

    Args:
        link: gives the title and the suggested questions.
        locale: language of the page; the title and the questions keep the link's.
        is_chat_model: whether the base was taught to chat; else the page says that it was not.
    """
    text = catalog(locale)
    spoken = {name: text(f"demo.{name}", limit=MAX_QUESTION) for name in _SPOKEN}
    if not link.shows_before:
        del spoken["before"]
        spoken |= {"ready": text("demo.ready_alone"), "after": text("demo.answer")}
    sides = ("before", "after") if link.shows_before else ("after",)
    notes = {
        "before": text("demo.before_note" if is_chat_model else "demo.before_note_no_chat"),
        "after": text("demo.after_note"),
    }
    others = [x for x in LOCALES if x != locale]
    return _render(locale, link=link, spoken=spoken, limit=MAX_QUESTION, others=others, sides=sides, notes=notes)


def closed_page(locale: str) -> str:
    """The page of a link that does not exist or was switched off: the same for both."""
    return _render(locale, link=None, spoken={}, limit=0, others=[], sides=(), notes={})


def _render(locale: str, **values: Any) -> str:
    return _template().render(locale=locale, t=catalog(locale), logo=logo(), version=_version(), **values)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


@cache
def _version() -> str:
    """Changes when the style or the script does, so that browsers may keep them for a year."""
    files = sorted((_FOLDER / "static").glob("demo.*"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
