"""The section of the Share screen with the chatbot as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from studio.processes.job_registry import Job
from studio.web.ui.components import EMPTY, Ui, bar, button, event_data, friendly, join, problem_notice, wrapped
from studio.web.ui.pages.share.section import QUIET, Section, ShareUi, ShareVisit

_EXPORT: Final = Markup(
    '<article class="af-card" id="export-{kind}"><div><h3>{name}</h3><p class="af-muted af-small">{about}</p></div>'
    '<div class="af-stack af-push">{state}</div></article>'
)
_MORE: Final = Markup('<details class="af-small"{}><summary>{}</summary><div class="af-stack">{}</div></details>')
_HOSTS: Final = ("netlify", "github", "cpanel")
_PRECISION: Final = Markup("<div><p>{}</p>{}</div>")
_DOWNLOAD: Final = Markup('<a class="af-button" id="download-{}" href="./gradio_api/file={}" download>{}</a>')


def build_downloads(share: ShareUi) -> Section:
    """A card for each format."""
    ui, services = share.ui, share.ui.services
    downloads = ui.actions(elem_id="share-downloads")

    @friendly(ui.text)
    def prepare(_query: str, run_id: str, event: gr.EventData) -> dict[Any, Any]:
        services.exports.start(run_id, event_data(event)["format"])
        return {downloads: _exports(ui, run_id)}

    def show(visit: ShareVisit) -> dict[Any, Any]:
        return {downloads: _exports(ui, visit.run_id)}

    def is_going(visit: ShareVisit) -> bool:
        jobs = (services.exports.progress(visit.run_id, kind) for kind in services.exports.kinds())
        return any(job is not None and job.is_active for job in jobs)

    begun = downloads.action(prepare, share.where, [downloads], **QUIET)
    return Section((downloads,), show, show, is_going, changes=(begun,))


def _exports(ui: Ui, run_id: str) -> str:
    text, kinds = ui.text, ui.services.exports.kinds()
    states = {kind: ui.services.exports.progress(run_id, kind) for kind in kinds}
    sizes = ui.services.exports.sizes(run_id)
    head = Markup('<h2 class="af-space">{}</h2><p class="af-muted">{}</p>')
    cards = join(_export(ui, run_id, kind, states, sizes) for kind in kinds if "_" not in kind)
    return wrapped(
        head.format(text("share.downloads"), text("share.downloads_why")),
        Markup('<div class="af-grid af-fit">{}</div>').format(cards),
    )


def _export(ui: Ui, run_id: str, kind: str, states: Mapping[str, Job | None], sizes: Mapping[str, int]) -> Markup:
    """The card of a format; formats that differ from it in their precision only are folded away in it."""
    text = ui.text
    state = _export_state(ui, run_id, kind, states[kind], sizes.get(kind))
    others = {other: found for other, found in states.items() if other.startswith(f"{kind}_")}
    if others:
        rows = join(
            _PRECISION.format(
                text(f"share.export.{other}.name"), _export_state(ui, run_id, other, found, sizes.get(other))
            )
            for other, found in others.items()
        )
        is_open = any(found is not None for found in others.values())
        state = join([state, _MORE.format(Markup(" open") if is_open else "", text("share.export.more"), rows)])
    if kind == "site":
        hosts = join(Markup("<p>{}</p>").format(text(f"share.host.{host}")) for host in _HOSTS)
        state = join([state, _MORE.format(EMPTY, text("share.host"), hosts)])
    about = text(f"share.export.{kind}.about")
    return _EXPORT.format(kind=kind, name=text(f"share.export.{kind}.name"), about=about, state=state)


def _export_state(ui: Ui, run_id: str, kind: str, job: Job | None, size: int | None) -> Markup:
    """The button that prepares a download, how far it is, or the download."""
    text = ui.text
    path = ui.services.exports.path(run_id, kind)
    shown = [problem_notice(text, job.problem)] if job and job.problem and path is None else []
    if path is not None:
        label = text("share.download", size=text.size(path.stat().st_size))
        shown.append(_DOWNLOAD.format(kind, quote(path.resolve().as_posix(), safe="/:"), label))
    elif job is not None and job.is_active:
        label = text(f"share.export.phase.{job.stage}") if job.stage else text("share.preparing")
        line = Markup('<p class="af-small af-muted" role="status">{}</p>').format(label)
        shown.append(join([bar(job.fraction, label, going=True), line]))
    else:
        label = text("share.prepare_size", size=text.size(size)) if size else text("share.prepare")
        shown.append(button(label, "export", elem_id=f"share-export-{kind}", format=kind))
    return join(shown) or EMPTY
