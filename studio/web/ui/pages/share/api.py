"""The section of the Share screen for programs: the API's address, example calls, and keys."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from studio.domain.api_key import PER_DAY, PER_MINUTE
from studio.services.api_keys import MAX_NAME
from studio.sharing.api_examples import api_examples
from studio.web.ui.components import QUIET, Ui, event_data, friendly
from studio.web.ui.events import in_turn
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit

_LANGUAGES: Final = {"curl": "curl", "python": "Python", "javascript": "JavaScript"}


def build_api(share: ShareUi) -> Section:
    """Lays the section out and connects its buttons."""
    ui, text = share.ui, share.ui.text
    with gr.Accordion(text("share.api.title"), open=False, elem_id="share-api"):
        lines = ui.html(elem_id="share-api-lines")
        with gr.Row():
            name = gr.Textbox(
                label=text("share.api.name"),
                placeholder=text("share.api.name_hint"),
                max_length=MAX_NAME,
                scale=3,
                min_width=240,
                elem_id="share-api-name",
            )
            per_minute, per_day = (
                gr.Number(
                    value,
                    label=text(f"share.api.{limit}"),
                    precision=0,
                    min_width=130,
                    elem_id=f"share-api-{limit}",
                )
                for limit, value in (("minute", PER_MINUTE), ("day", PER_DAY))
            )
        create = gr.Button(text("share.api.create"), elem_id="share-api-create")
        keys = ui.actions(elem_id="share-api-keys")
        new = gr.State("")  # the key that was just made; it is shown this once

    def show(visit: ShareVisit) -> dict[Any, Any]:
        return {lines: _lines(ui, visit.run_id), keys: _keys(ui), new: ""}

    def fill(_visit: ShareVisit) -> dict[Any, Any]:
        return {name: ""}

    @friendly(text)
    def add(called: str, a_minute: int | None, a_day: int | None) -> dict[Any, Any]:
        _, key = ui.services.keys.add(called, per_minute=a_minute or 0, per_day=a_day or 0)
        return {name: "", keys: _keys(ui, key), new: key}

    @friendly(text)
    def revoke(shown: str, event: gr.EventData) -> dict[Any, Any]:
        """The new key stays on the screen: an old one is often revoked once there is another."""
        ui.services.keys.revoke(event_data(event)["key"])
        return {keys: _keys(ui, shown)}

    form = [name, per_minute, per_day]
    gr.on([create.click, name.submit], add, form, [name, keys, new], **QUIET)
    keys.action(revoke, [new], [keys], **in_turn("api-keys"), **QUIET)
    return Section((lines, name, keys, new), show, fill)


def _lines(ui: Ui, run_id: str) -> str:
    settings = ui.services.workspace.settings
    public = settings.public_host_names
    base_url = f"https://{public[0]}/v1" if public else f"http://127.0.0.1:{settings.port}/v1"
    question = next(iter(ui.services.suggestions.held_out(run_id, 1)), "?")
    examples = api_examples(base_url, run_id, question)
    shown = [(name, _LANGUAGES[name], lines) for name, lines in examples.items()]
    return ui.render("share/api_lines", base_url=base_url, run_id=run_id, examples=shown)


def _keys(ui: Ui, new: str = "") -> str:
    keys = [key for key in ui.services.keys.list() if key.is_open]
    return ui.render("share/api_keys", keys=keys, new=new if any(new.endswith(key.hint) for key in keys) else "")
