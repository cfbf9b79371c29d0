"""The section of the Share screen that puts the chatbot online for good, on the Hugging Face hub."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.processes.job_registry import Job
from studio.services.publishing import Published
from studio.web.ui.components import QUIET, Ui, event_data, friendly, join, wrapped
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit

_KINDS: Final = ("site", "site_compare", "gguf", "merged", "adapter")
_HOW: Final = Markup('<details class="af-small" id="publish-how"><summary>{}</summary><ol>{}</ol></details>')


def build_publish(share: ShareUi) -> Section:
    """The form (name, token), the progress of the upload, and what is online."""
    ui, text, publishing = share.ui, share.ui.text, share.ui.services.publishing
    head = Markup('<h2 class="af-space">{}</h2><p class="af-muted">{}</p>')
    ui.html(value=wrapped(head.format(text("share.publish.title"), text("share.publish.about"))))
    with gr.Accordion(text("share.publish.open"), open=False, elem_id="share-publish"):
        ui.html(value=_how(ui))
        choices = [(text(f"share.publish.kind.{kind}"), kind) for kind in _KINDS]
        kind = gr.Radio(choices, value="site", label=text("share.publish.kind"), elem_id="share-publish-kind")
        with gr.Row():
            name = gr.Textbox(
                label=text("share.publish.name"), info=text("share.publish.name_info"), max_length=96,
                min_width=240, elem_id="share-publish-name",
            )  # fmt: skip
            token = gr.Textbox(
                label=text("share.publish.token"), info=text("share.publish.token_info"), type="password",
                max_length=200, min_width=240, elem_id="share-publish-token",
            )  # fmt: skip
        private = gr.Checkbox(
            label=text("share.publish.private"),
            info=text("share.publish.private_info"),
            elem_id="share-publish-private",
        )
        keeps = gr.Checkbox(label=text("share.publish.keep"), elem_id="share-publish-keep")
        replaces = gr.Checkbox(label=text("share.publish.replace"), visible=False, elem_id="share-publish-replace")
        start = gr.Button(text("share.publish.start"), variant="primary", elem_id="share-publish-start")
        state = ui.actions(elem_id="share-publish-state")

    @friendly(text)
    def begin(
        query: str, run_id: str, kind: str, name: str, token_: str, private: bool, keeps: bool, replaces: bool
    ) -> dict[Any, Any]:
        publishing.start(run_id, kind, name, token_, private=private, replaces=replaces, keeps_token=keeps)
        return refresh(share.visit(query, run_id))

    @friendly(text)
    def act(query: str, run_id: str, event: gr.EventData) -> dict[Any, Any]:
        if event_data(event)["action"] == "forget":
            publishing.forget_token()
        else:
            publishing.cancel(run_id)
        return refresh(share.visit(query, run_id))

    def refresh(visit: ShareVisit) -> dict[Any, Any]:
        job = publishing.progress(visit.run_id)
        is_taken = job is not None and job.problem is not None and job.problem.code == "publish.name_taken"
        return {
            state: _state(ui, visit, job),
            start: gr.Button(interactive=job is None or not job.is_active),
            replaces: gr.Checkbox(visible=True) if is_taken else gr.Checkbox(visible=False, value=False),
        }

    def show(visit: ShareVisit) -> dict[Any, Any]:
        called = publishing.suggested_name(visit.run_id)
        return {name: called, token: gr.Textbox(placeholder=hint()), **refresh(visit)}

    def fill(_visit: ShareVisit) -> dict[Any, Any]:
        return {token: gr.Textbox(value="", placeholder=hint()), keeps: False}

    def hint() -> str:
        return text("share.publish.token_kept") if publishing.keeps_token else "hf_…"

    def is_going(visit: ShareVisit) -> bool:
        job = publishing.progress(visit.run_id)
        return job is not None and job.is_active

    form = [*share.where, kind, name, token, private, keeps, replaces]
    begun = start.click(begin, form, [state, start, replaces], **QUIET)
    acted = state.action(act, share.where, [state, start, replaces], **QUIET)
    outputs = (name, token, keeps, state, start, replaces)
    return Section(outputs, show, fill, refresh, is_going, changes=(begun, acted))


def _how(ui: Ui) -> str:
    text = ui.text
    steps = join(Markup("<li>{}</li>").format(text(f"share.publish.how.{number}")) for number in (1, 2, 3))
    return wrapped(_HOW.format(text("share.publish.how"), steps))


def _online(ui: Ui, visit: ShareVisit) -> list[Published]:
    """What was published of the project, the newest first."""
    runs = {view.id for view in visit.views}
    return [one for one in ui.services.publishing.list() if one.run_id in runs]


def _state(ui: Ui, visit: ShareVisit, job: Job | None) -> str:
    names, keeps_token = {view.id: view.name for view in visit.views}, ui.services.publishing.keeps_token
    online = [(one, names[one.run_id]) for one in _online(ui, visit)]
    if job is None and not online and not keeps_token:
        return ""
    return ui.render("share/publishing", job=job, online=online, kinds=_KINDS, keeps_token=keeps_token)
