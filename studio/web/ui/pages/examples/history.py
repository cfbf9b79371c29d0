"""Every version of the examples: who made it, when, what it changed, and the way back to it."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.author import COMMAND_LINE, author
from studio.domain.dataset import DatasetVersion, DatasetView
from studio.errors import AfinaError
from studio.services.examples.pruning import KEPT_STEPS
from studio.services.examples.versions import Difference
from studio.web.ui.components import (
    EMPTY,
    Ui,
    badge,
    button,
    danger_button,
    event_data,
    friendly,
    join,
    say,
    when,
    wrapped,
)
from studio.web.ui.pages.examples.marks import change_card
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_SHOWN: Final = 100  # versions in the list; the newest
_NAMED: Final = 3  # kinds of problem that a short sentence names; more are counted
_NAME: Final = Markup('<div class="af-row af-small af-muted"><span id="examples-name">{}</span>{}</div>')
_VERSION: Final = Markup(
    '<li class="af-version" data-number="{number}"><details id="version-{id}"><summary data-action="changes" data-id="{id}">'
    '<b>{label}</b><span class="what">{what}</span><span class="af-muted who">{who} · {time}</span></summary>'
    '<div class="af-finding-body">{changes}</div></details><span class="af-row">{size}{act}</span></li>'
)
_DISK: Final = Markup('<div class="af-row af-small af-muted" id="examples-disk"><span>{told}</span>{act}</div>')


def build_history(ui: Ui) -> Section:
    """The list of versions; opened ones show what they changed."""
    history = ui.actions(elem_id="examples-history")
    opened = gr.State({})

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        return {history: render_history(ui, place, view.version.id, {}) if view else "", opened: {}}

    @friendly(ui.text)
    def act(query: str, known: dict[str, str], event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        version = ui.services.datasets.version(place.project)
        if chosen.get("action") == "changes" and version is not None:
            known = {**known, chosen["id"]: _changes(ui, chosen["id"])}
            return {history: render_history(ui, place, version.id, known), opened: known}
        if chosen.get("action") == "restore":
            ui.services.history.restore(place.project, chosen["id"])
        if chosen.get("action") == "prune":
            freed = ui.services.pruning.prune(place.project)
            say(ui.text, "examples.pruning.done", size=ui.text.size(freed))
        return {ui.place: place.again}

    outputs = [ui.place, history, opened]
    history.action(act, [ui.place, opened], outputs, show_progress="hidden", api_visibility="private")
    return Section((history, opened), show)


def what_happened(ui: Ui, version: DatasetVersion, *, brief: bool = False) -> str:
    """What made a version, in a sentence; checks are named as they are on the screen, or counted where ``brief``."""
    params = {"files": ", ".join(version.files), **version.params}
    if codes := str(version.params.get("codes", "")):
        titles = [code.partition("=")[0] for code in codes.split(", ")]
        names = [str(ui.text.entries.get(f"checks.rule.{title}", title)) for title in titles]
        many = brief and len(names) > _NAMED
        params["codes"] = ui.text("examples.version.kinds", n=len(names)) if many else ", ".join(names)
    return ui.text(f"examples.version.{version.action}", **params)


def render_history(ui: Ui, place: Place, current: str, known: dict[str, str]) -> str:
    """All versions, the newest first."""
    versions = ui.services.history.versions(place.project)
    rows = join(_version(ui, v, v.id == current, known.get(v.id)) for v in versions[:_SHOWN])
    return wrapped(_signature(ui), Markup('<ul class="af-versions">{}</ul>').format(rows), _disk(ui, place))


def _disk(ui: Ui, place: Place) -> Markup:
    """What the project takes on the disk, and what could go, named before it goes."""
    text, use = ui.text, ui.services.pruning.disk_use(place.project)
    told = text("examples.pruning.use", uploads=text.size(use.uploads), versions=text.size(use.versions))
    if not use.freed:
        return _DISK.format(told=told, act=EMPTY)
    kinds = (("versions", use.old_versions), ("uploads", use.unused_uploads), ("reports", range(use.reports)))
    what = "; ".join(text(f"examples.pruning.{kind}", n=len(found)) for kind, found in kinds if found)
    detail = text("examples.pruning.detail", what=what, steps=KEPT_STEPS)
    ask = text("examples.pruning.ask", size=text.size(use.freed))
    return _DISK.format(told=told, act=danger_button(text, text("examples.pruning.go"), "prune", ask, detail))


def _changes(ui: Ui, version_id: str) -> str:
    """What a version changed, or why that cannot be said."""
    try:
        return render_changes(ui, ui.services.history.changes(version_id))
    except AfinaError as error:
        return str(Markup('<p class="af-muted">{}</p>').format(ui.text.error(error)))


def _signature(ui: Ui) -> Markup:
    """Under which name changes are kept, and how to give another one: the browser remembers it."""
    text, name = ui.text, author()
    change = button(
        text("examples.history.name_change"),
        "name",
        kind="quiet small",
        ask=text("examples.history.name_ask"),
        detail=text("examples.history.name_detail"),
        input=name,
        yes=text("examples.history.name_yes"),
        no=text("common.cancel"),
    )
    return _NAME.format(text("examples.history.name", name=name or text("examples.history.nobody")), change)


def _version(ui: Ui, version: DatasetVersion, current: bool, changes: str | None) -> Markup:
    text = ui.text
    who = text("examples.history.command_line") if version.author == COMMAND_LINE else version.author
    waiting = Markup('<p class="af-muted af-small">{}</p>').format(text("checks.loading"))
    return _VERSION.format(
        id=version.id,
        number=version.number,
        label=text("examples.version", number=str(version.number)),
        what=what_happened(ui, version),
        who=who or text("examples.history.nobody"),
        time=when(text, version.created_at),
        size=Markup('<span class="af-muted af-small">{}</span>').format(text("examples.read", n=version.examples)),
        act=badge(text("examples.current"), "good")
        if current
        else button(text("examples.restore"), "restore", kind="small", id=version.id),
        changes=waiting if changes is None else Markup(changes),
    )


def render_changes(ui: Ui, found: Difference) -> str:
    """What a version changed: how much of each kind, and the first examples with the difference marked."""
    counts = found.counts
    if not any(counts.values()):
        return str(Markup('<p class="af-muted">{}</p>').format(ui.text("examples.history.same")))
    line = Markup('<p class="af-muted af-small">{}</p>').format(ui.text("examples.history.counts", **counts))
    cards = [change_card(ui, ui.text("examples.history.changed"), old, new) for old, new in found.changed]
    cards += [change_card(ui, ui.text("examples.history.removed"), old, None) for old in found.removed]
    cards += [change_card(ui, ui.text("examples.history.added"), None, new) for new in found.added]
    rest = sum(counts.values()) - len(cards)
    more = (
        Markup('<p class="af-muted af-small">{}</p>').format(ui.text("examples.history.more", n=rest))
        if rest
        else EMPTY
    )
    return str(join([line, *cards, more]))
