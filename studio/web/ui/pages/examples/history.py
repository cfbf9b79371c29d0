"""Every version of the examples: who made it, when, what it changed, and the way back to it."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.author import COMMAND_LINE, author
from studio.domain.dataset import DatasetVersion, DatasetView
from studio.errors import AfinaError
from studio.services.examples.pruning import KEPT_STEPS, DiskUse
from studio.services.examples.versions import Difference
from studio.web.ui.components import QUIET, Ui, event_data, friendly, render, say
from studio.web.ui.events import in_turn
from studio.web.ui.pages.examples.marks import change_card
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_SHOWN: Final = 100  # versions in the list; the newest
_NAMED: Final = 3  # kinds of problem that a short sentence names; more are counted


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
    history.action(act, [ui.place, opened], outputs, **in_turn("history"), **QUIET)
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
    """All versions, the newest first; below, what the project takes on the disk, and what could go."""
    versions = ui.services.history.versions(place.project)[:_SHOWN]
    disk = ui.services.pruning.disk_use(place.project)
    return ui.render(
        "examples/history",
        name=author(),
        command_line=COMMAND_LINE,
        versions=[(version, what_happened(ui, version)) for version in versions],
        current=current,
        opened=known,
        disk=disk,
        prunable=_prunable(ui, disk),
    )


def _prunable(ui: Ui, use: DiskUse) -> str:
    """What could go, named before it goes."""
    kinds = (("versions", use.old_versions), ("uploads", use.unused_uploads), ("reports", range(use.reports)))
    what = "; ".join(ui.text(f"examples.pruning.{kind}", n=len(found)) for kind, found in kinds if found)
    return ui.text("examples.pruning.detail", what=what, steps=KEPT_STEPS)


def _changes(ui: Ui, version_id: str) -> str:
    """What a version changed, or why that cannot be said."""
    try:
        return render_changes(ui, ui.services.history.changes(version_id))
    except AfinaError as error:
        return str(Markup('<p class="af-muted">{}</p>').format(ui.text.error(error)))


def render_changes(ui: Ui, difference: Difference) -> str:
    """What a version changed: how much of each kind, and the first examples with the difference marked."""
    cards = [change_card(ui, ui.text("examples.history.changed"), old, new) for old, new in difference.changed]
    cards += [change_card(ui, ui.text("examples.history.removed"), old, None) for old in difference.removed]
    cards += [change_card(ui, ui.text("examples.history.added"), None, new) for new in difference.added]
    rest = sum(difference.counts.values()) - len(cards)
    return render(ui.text, "examples/changes", counts=difference.counts, cards=cards, rest=rest)
