"""The section of the Share screen with the chatbot as files."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr

from studio.web.ui.components import QUIET, Ui, event_data, friendly
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit


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
    return Section((downloads,), show, refresh=show, is_going=is_going, changes=(begun,))


def _exports(ui: Ui, run_id: str) -> str:
    """A card a format, what needs no expert first; formats that differ in their precision only are folded away in it."""
    exports = ui.services.exports
    jobs = {kind: exports.progress(run_id, kind) for kind in exports.kinds()}
    return ui.render(
        "share/downloads",
        formats=[
            (kind, [one for one in jobs if one.startswith(f"{kind}_")]) for kind in reversed(jobs) if "_" not in kind
        ],
        jobs=jobs,
        begun=[kind for kind, job in jobs.items() if job is not None],
        paths={kind: exports.path(run_id, kind) for kind in jobs},
        sizes=exports.sizes(run_id),
        address=lambda path: quote(path.resolve().as_posix(), safe="/:"),
    )
