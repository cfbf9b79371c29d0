"""The section of the Share screen for programs: the API's address, example calls, and keys."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.api_key import PER_DAY, PER_MINUTE, ApiKey
from studio.services.api_keys import MAX_NAME
from studio.sharing.api_examples import api_examples
from studio.web.ui.components import Ui, copy_button, danger_button, event_data, friendly, join, when, wrapped
from studio.web.ui.pages.share.section import QUIET, Section, ShareUi, ShareVisit

_LANGUAGES: Final = {"curl": "curl", "python": "Python", "javascript": "JavaScript"}
_LINES: Final = Markup(
    '<details class="af-lines" id="api-{name}"><summary>{title}</summary><pre class="af-small af-line">{lines}</pre>{copy}'
    "</details>"
)
_NEW: Final = Markup(
    '<div class="af-card" id="api-new" role="status"><p><b>{title}</b></p><code class="af-address">{key}</code>'
    '<div class="af-row">{copy}</div><p class="af-small af-muted">{detail}</p></div>'
)
_KEY: Final = Markup(
    '<li class="af-row af-between"><div><p><b>{name}</b> <code>…{hint}</code></p>'
    '<p class="af-small af-muted">{facts}</p></div>{act}</li>'
)
_LIST: Final = Markup('<ul class="af-keys" id="api-keys">{}</ul>')


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

    def show(visit: ShareVisit) -> dict[Any, Any]:
        return {lines: _lines(ui, visit.run_id), name: "", keys: _keys(ui)}

    @friendly(text)
    def add(called: str, a_minute: int | None, a_day: int | None) -> dict[Any, Any]:
        _, key = ui.services.keys.add(called, per_minute=a_minute or 0, per_day=a_day or 0)
        return {name: "", keys: _keys(ui, key)}

    @friendly(text)
    def revoke(event: gr.EventData) -> dict[Any, Any]:
        ui.services.keys.revoke(event_data(event)["key"])
        return {keys: _keys(ui)}

    form = [name, per_minute, per_day]
    create.click(add, form, [name, keys], **QUIET)
    name.submit(add, form, [name, keys], **QUIET)
    keys.action(revoke, [], [keys], **QUIET)
    return Section((lines, name, keys), show)


def _lines(ui: Ui, run_id: str) -> str:
    settings, text = ui.services.workspace.settings, ui.text
    public = settings.public_host_names
    base_url = f"https://{public[0]}/v1" if public else f"http://127.0.0.1:{settings.port}/v1"
    question = next(iter(ui.services.suggestions.held_out(run_id, 1)), "?")
    about = Markup('<p class="af-muted">{}</p><p class="af-small">{}: <code>{}</code> · {}: <code>{}</code></p>')
    shown = [
        _LINES.format(name=name, title=_LANGUAGES[name], lines=lines, copy=copy_button(text, lines))
        for name, lines in api_examples(base_url, run_id, question).items()
    ]
    address = (text("share.api.address"), base_url, text("share.api.model"), run_id)
    return wrapped(about.format(text("share.api.about"), *address), join(shown))


def _keys(ui: Ui, new: str = "") -> str:
    text = ui.text
    parts = []
    if new:
        words = {"title": text("share.api.new"), "detail": text("share.api.new_detail")}
        parts.append(_NEW.format(key=new, copy=copy_button(text, new), **words))
    keys = [key for key in ui.services.keys.list() if key.is_open]
    if keys:
        parts.append(_LIST.format(join(_key(ui, key) for key in keys)))
    else:
        parts.append(Markup('<p class="af-muted af-small">{}</p>').format(text("share.api.none")))
    return wrapped(*parts)


def _key(ui: Ui, key: ApiKey) -> Markup:
    text = ui.text
    act = danger_button(
        text,
        text("share.api.revoke"),
        "revoke",
        text("share.api.revoke_ask", name=key.name),
        text("share.api.revoke_detail"),
        key=key.id,
    )
    used = when(text, key.last_used_at) if key.last_used_at else text("share.api.never")
    facts = [
        text("share.api.today", used=text.number(key.used_today), limit=text.number(key.per_day)),
        text("share.api.a_minute", n=text.number(key.per_minute)),
        Markup("{}: {}").format(text("share.api.used"), used),
    ]
    return _KEY.format(name=key.name, hint=key.hint, facts=Markup(" · ").join(facts), act=act)
