"""The frame around the pages: header, steps, and the one handler that goes to a place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.utils import get_upload_folder
from markupsafe import Markup

from studio.domain.author import acting_as
from studio.domain.proof_progress import ProofState
from studio.domain.run import RunState
from studio.errors import AfinaError
from studio.i18n import LOCALES, Catalog, catalog
from studio.services.container import Services
from studio.web.guards.gradio_routes import GradioGuard
from studio.web.ui import theme
from studio.web.ui.components import Page, Ui, render, visitor_name, warn
from studio.web.ui.pages.compare import build_compare
from studio.web.ui.pages.examples import build_examples
from studio.web.ui.pages.home import build_home
from studio.web.ui.pages.model import build_model
from studio.web.ui.pages.proof.page import build_proof
from studio.web.ui.pages.share import build_share
from studio.web.ui.pages.train.page import build_train
from studio.web.ui.patches.event_queue import WakingQueue
from studio.web.ui.patches.light_clicks import lighten_clicks
from studio.web.ui.patches.page_clocks import PageClocks
from studio.web.ui.session import STEPS, Place

_TAGS: Final = {"en": "en", "pt": "pt-BR"}
_WATCHED: Final = 50  # runs that a page asks about at once
_CLICKS_AT_ONCE: Final = 16


def mount_studio(app: Any, services: Services, locale: str) -> None:
    """Mounts the studio of one language at ``/<locale>``."""
    settings = services.workspace.settings
    exports = (settings.home / "exports").resolve()
    studio = build_studio(services, locale)
    lighten_clicks()
    app.add_middleware(PageClocks, path=f"/{locale}/")
    app.add_middleware(GradioGuard, path=f"/{locale}", uploads=Path(get_upload_folder()), served=[exports])
    gr.mount_gradio_app(
        app,
        studio,
        path=f"/{locale}",
        theme=theme.studio_theme(),
        css=theme.stylesheet(),
        head=theme.head(_TAGS.get(locale, locale), _toasts(catalog(locale))),
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        allowed_paths=[str(exports)],
        max_file_size=settings.max_upload_mb * 1_000_000,
        app_kwargs={"docs_url": None, "redoc_url": None},
    )
    studio.has_launched = True  # until it is, Gradio takes any path that a request names for an upload


def _toasts(text: Catalog) -> dict[str, str]:
    """What Gradio's own messages over the page say in a language."""
    return {
        "error": text("common.toast.error"),
        "warning": text("common.toast.warning"),
        "info": text("common.toast.info"),
        "lost": text("common.toast.lost"),
        "detail": text("common.toast.lost_detail"),
        "tooBig": text("common.upload_too_big", size="{size}", names="{names}"),
    }


def build_studio(services: Services, locale: str) -> Any:
    """The whole studio in one language.

    Returns:
        A ``gr.Blocks`` to be mounted.
    """
    text = catalog(locale)
    title = f"{text('common.brand.name')} · {text('common.brand.tagline')}"
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True, delete_cache=(3600, 86400)) as studio:
        place = gr.HTML(
            "",
            elem_id="place",
            visible="hidden",
            apply_default_css=False,
            js_on_load="afina.place(props, trigger, watch); /* raises 'navigate' */",
        )
        ui = Ui(services, text, place)
        header = _watching_header(ui)
        pages = _build_pages(ui)
        _connect(ui, header, pages)
    studio.api_open = False
    studio._queue = WakingQueue(
        live_updates=True,
        concurrency_count=studio.max_threads,
        update_intervals=1,
        max_size=None,
        blocks=studio,
        default_concurrency_limit=_CLICKS_AT_ONCE,
    )
    return studio


def _build_pages(ui: Ui) -> dict[str, Page]:
    return {
        "": build_home(ui),
        "model": build_model(ui),
        "examples": build_examples(ui),
        "train": build_train(ui),
        "compare": build_compare(ui),
        "proof": build_proof(ui),
        "share": build_share(ui),
    }


def _connect(ui: Ui, header: Any, pages: dict[str, Page]) -> None:
    columns = {page.column for page in pages.values()}
    filled = gr.State({})  # by step, the project whose fields are filled in
    outputs = columns.union({ui.place, header, filled}, *(page.outputs for page in pages.values()))

    def navigate(before: dict[str, str], event: gr.EventData) -> dict[Any, Any]:
        place = Place.parse(str(event.query))
        try:
            with acting_as(visitor_name()):
                top, shown = _header(ui, place), pages[place.step].show(place)
                # The answer that filled them may have got lost: what is asked again is filled again.
                is_filled = before.get(place.step) == place.project and not int(getattr(event, "again", 0) or 0)
                fields = {} if is_filled else pages[place.step].fill(place)
        except Exception as error:  # whatever it is: a sentence, and the home page
            warn(ui.text, error)
            place = Place()
            top, shown, fields = _header(ui, place), pages[""].show(place), {}
        visible = {page.column: gr.Column(visible=step == place.step) for step, page in pages.items()}
        if fields:
            before = {**before, place.step: place.project}
        return {ui.place: place.reply(str(event.turn)), header: top, filled: before, **visible, **shown, **fields}

    ordered = sorted(outputs, key=lambda component: component._id)
    options = {"show_progress": "hidden", "trigger_mode": "multiple", "api_visibility": "private"}
    ui.place.navigate(navigate, [filled], ordered, **options)


def _watching_header(ui: Ui) -> Any:
    """The header, which looks now and then how the runs on their way are, whatever page is shown."""

    def standing(asked: dict[str, Any]) -> dict[str, Any]:
        return runs_standing(ui, [str(run_id) for run_id in list(asked.get("seen") or [])[:_WATCHED]])

    return gr.HTML(
        _header(ui, Place()),
        elem_id="header",
        js_on_load="afina.runs(element, watch, server);",
        apply_default_css=False,
        server_functions=[standing],
    )


def runs_standing(ui: Ui, seen: Sequence[str]) -> dict[str, Any]:
    """Which runs are on their way, and which of those that were have ended.

    Args:
        seen: ids of the runs that were on their way when the browser looked last.

    Returns:
        ``going``: ids; ``title``: of the tab while something goes on, else empty; ``ended``: for each that is over its
        ``id``, ``title``, ``sentence`` and ``href``.
    """
    text, ended = ui.text, []
    views = [view for view in ui.services.runs.queue() if view.state is not RunState.PAUSED]
    going = [view.id for view in views]
    for run_id in seen:
        if run_id in going:
            continue
        try:
            view = ui.services.runs.view(run_id)
        except AfinaError:
            continue  # it was deleted
        if view.state in (RunState.FINISHED, RunState.STOPPED, RunState.FAILED):
            tuned = bool(view.result and view.result.adapter)
            place = Place(view.project_id, "compare" if tuned else "train", view.id)
            ended.append(
                {
                    "id": view.id,
                    "title": text(f"common.ended.{view.state.value}", name=view.name),
                    "sentence": text("common.ended.compare" if tuned else "common.ended.look"),
                    "href": place.href,
                }
            )
    at_work = next((view for view in views if view.state is not RunState.QUEUED), None)
    title = text("common.going", percent=round(100 * at_work.fraction), name=at_work.name) if at_work else ""
    return {"going": going, "title": title, "ended": ended}


def _going(ui: Ui) -> str:
    return json.dumps([view.id for view in ui.services.runs.queue() if view.state is not RunState.PAUSED])


def _header(ui: Ui, place: Place) -> str:
    services = ui.services
    html = render(
        ui.text,
        "header",
        place=place,
        logo=Markup(theme.logo()),
        going=_going(ui),
        others=[locale for locale in LOCALES if locale != ui.text.locale],
        project=services.projects.get(place.project) if place.project else None,
        steps=STEPS,
        done=_done(services, place.project) if place.project else set(),
        waiting=services.suggested.count(place.project) if place.project else 0,
    )
    return str(html)


def _done(services: Services, project_id: str) -> set[str]:
    """Steps with something to show for: a chosen model, examples, a tuned run, an exam, a link."""
    project = services.projects.get(project_id)
    done = set()
    if project.model_id and services.models.is_installed(project.model_id):
        done.add("model")
    if services.datasets.version(project_id):
        done.add("examples")
    tuned = [run for run in services.runs.list(project_id) if run.result and run.result.adapter]
    if tuned:
        done |= {"train", "compare"}
    if any(services.proofs.status(run.id).state is ProofState.DONE for run in tuned):
        done.add("proof")
    if any(services.links.list(run.id) for run in tuned):
        done.add("share")
    return done
