"""The demo page as files of a folder: it answers by llama.cpp in the visitor's browser, and asks no server."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from studio.i18n.catalog import LOCALES, catalog
from studio.settings import assets_dir
from studio.sharing.file_names import slug
from studio.sharing.site_page import SitePage
from studio.web.demo.page import render_page, spoken_sentences
from studio.web.demo.questions import MAX_QUESTION

_FOLDER: Final = Path(__file__).parent
_FONT: Final = "brand/fonts/figtree-latin-wght-normal.woff2"
# Scripts and models come from the folder; wllama starts its worker from a text of its own.
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; style-src 'self'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self' blob: data:; base-uri 'none'; form-action 'none'"
)
_SAID: Final = ("loading", "later", "cannot", "memory", "failed", "kept", "kept_one", "drop")


@dataclass(frozen=True)
class _Shown:
    """What the page's template reads of a link."""

    token: str
    title: str
    questions: tuple[str, ...]
    locale: str
    shows_before: bool


def site_files(page: SitePage) -> dict[str, bytes]:
    """The page in each language, its style and its scripts; ``index.html`` is in the owner's language."""
    files = {
        "demo.css": (_FOLDER / "static" / "demo.css").read_bytes(),
        "demo.js": (_FOLDER / "static" / "demo.js").read_bytes(),
        "site.js": (_FOLDER / "site_static" / "site.js").read_bytes(),
        "known.js": (_FOLDER / "site_static" / "known.js").read_bytes(),
        "encoder.js": (_FOLDER / "site_static" / "encoder.js").read_bytes(),
        "sentences.js": (_FOLDER / "site_static" / "sentences.js").read_bytes(),
        "figtree.woff2": (assets_dir() / _FONT).read_bytes(),
    }
    pages = {_name(page, locale): _page(page, locale).encode() for locale in LOCALES}
    worker = (_FOLDER / "site_static" / "sw.js").read_text(encoding="utf-8").replace("VERSION", page.version)
    known = {"known.json": page.known.letters, "known-vectors.json": page.known.vectors} if page.known else {}
    return {**files, **pages, **known, "sw.js": worker.encode()}


def _name(page: SitePage, locale: str) -> str:
    return "index.html" if locale == page.locale else f"{locale}.html"


def _page(page: SitePage, locale: str) -> str:
    text = catalog(locale)
    spoken = spoken_sentences(text, shows_before=page.base is not None)
    spoken |= {"thanks": text("demo.site.thanks"), "from_disk": text("demo.site.from_disk")}
    link = _Shown("", page.title, page.questions, page.locale, page.base is not None)
    site: dict[str, Any] = {
        "tuned": asdict(page.tuned),
        "base": asdict(page.base) if page.base else None,
        "encoder": asdict(page.encoder) if page.encoder else None,
        "sentences": asdict(page.sentences) if page.sentences else None,
        "version": page.version,
        "maxTokens": 256,
        "notesFile": f"{slug(page.title)}-{text('demo.site.notes_file')}.jsonl",
        "handedOver": page.known.handed_over if page.known else "",
        "said": {name: text(f"demo.site.{name}") for name in _SAID},
        "languages": {other: _name(page, other) for other in LOCALES},
    }
    others = {other: _name(page, other) for other in LOCALES if other != locale}
    return render_page(
        locale,
        link=link,
        spoken=spoken,
        suggests=True,
        limit=MAX_QUESTION,
        others=others,
        sides=("before", "after") if link.shows_before else ("after",),
        notes={
            "before": text(
                "demo.before_note" if not (page.base and page.base.plain_prompt) else "demo.before_note_no_chat"
            ),
            "after": text("demo.after_note"),
        },
        static="",
        ask="answer",
        site=site,
        policy=_POLICY,
        verdict=page.verdict.get(locale, ""),
    )
