"""The section of the Share screen for programs: lines that ask, and the keys with which they may."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.api_key import ApiKey
from studio.services.api_keys import MAX_NAME
from studio.sharing.api_examples import api_examples
from studio.web.ui.components import Ui, copy_button, danger_button, event_data, friendly, join, when, wrapped
from studio.web.ui.pages.share.section import QUIET, Section, ShareUi, ShareVisit

_LANGUAGES: Final = {"curl": "curl", "python": "Python", "javascript": "JavaScript"}
_LINES: Final = Markup(
    '<details class="af-card" id="api-{name}"><summary>{title}</summary><pre class="af-small">{lines}</pre>{copy}</details>'
)
_NEW: Final = Markup(
    '<div class="af-card" id="api-new" role="status"><p><b>{title}</b></p><code class="af-address">{key}</code>{copy}'
    '<p class="af-small af-muted">{detail}</p></div>'
)
_KEY: Final = Markup(
    "<tr><td>{name}</td><td><code>…{hint}</code></td><td>{today}</td><td>{used}</td><td>{act}</td></tr>"
)
_TABLE: Final = Markup(
    '<div class="af-scroll"><table class="af-table" id="api-keys"><thead><tr>{heads}</tr></thead>'
    "<tbody>{rows}</tbody></table></div>"
)
_HEADS: Final = ("name", "key", "today", "used", "act")


def build_api(share: ShareUi) -> Section:
    """Lays the section out and connects its buttons."""
    ui, text = share.ui, share.ui.text
    with gr.Accordion(text("share.api.title"), open=False, elem_id="share-api"):
        lines = ui.html(elem_id="share-api-lines")
        with gr.Row(equal_height=True):
            name = gr.Textbox(
                label=text("share.api.name"),
                placeholder=text("share.api.name_hint"),
                max_length=MAX_NAME,
                scale=3,
                elem_id="share-api-name",
            )
            create = gr.Button(text("share.api.create"), scale=1, min_width=160, elem_id="share-api-create")
        keys = ui.actions(elem_id="share-api-keys")

    def show(visit: ShareVisit) -> dict[Any, Any]:
        return {lines: _lines(ui, visit.run_id), name: "", keys: _keys(ui)}

    @friendly(text)
    def add(called: str) -> dict[Any, Any]:
        _, key = ui.services.keys.add(called)
        return {name: "", keys: _keys(ui, key)}

    @friendly(text)
    def revoke(event: gr.EventData) -> dict[Any, Any]:
        ui.services.keys.revoke(event_data(event)["key"])
        return {keys: _keys(ui)}

    create.click(add, [name], [name, keys], **QUIET)
    name.submit(add, [name], [name, keys], **QUIET)
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
        heads = join(Markup("<th>{}</th>").format(text(f"share.api.head.{head}")) for head in _HEADS)
        parts.append(_TABLE.format(heads=heads, rows=join(_key(ui, key) for key in keys)))
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
    return _KEY.format(
        name=key.name,
        hint=key.hint,
        today=text("share.api.of", used=text.number(key.used_today), limit=text.number(key.per_day)),
        used=when(text, key.last_used_at) if key.last_used_at else text("share.api.never"),
        act=act,
    )
