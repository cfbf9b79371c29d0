"""The settings of a demo link that can be changed while it is open, folded away in its card."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.project import Link
from studio.services.links import LinkService
from studio.web.ui.components import EMPTY, Ui, button, join
from studio.web.ui.pages.share.section import ShareVisit

_SETTINGS: Final = Markup(
    '<details class="af-small" id="link-settings-{token}"><summary>{title}</summary><div class="af-settings">{rows}</div>'
    "</details>"
)
_SWITCH: Final = Markup(
    '<div class="af-setting"><button type="button" role="switch" class="af-switch" aria-checked="{checked}"'
    ' aria-labelledby="{id}" data-action="set" data-name="{name}" data-value="{value}" data-token="{token}"{off}></button>'
    '<div id="{id}"><b>{label}</b><p class="af-muted">{about}</p></div></div>'
)
_ROW: Final = Markup(
    '<div class="af-setting"><div><b>{}</b><p class="af-muted">{}</p><div class="af-row">{}</div></div></div>'
)
_SWITCHES: Final = ("shows_before", "is_blind", "takes_suggestions")


def change_link(links: LinkService, data: dict[str, str]) -> None:
    """Applies what a switch or a button of the settings asks for."""
    token = data["token"]
    match data["action"]:
        case "set" if data["name"] in _SWITCHES:
            links.choose(token, **{data["name"]: data["value"] == "yes"})
        case "password":
            links.set_password(token, data.get("text", ""))
        case "answer_with":
            links.answer_with(token, data["run"])


def render_settings(ui: Ui, link: Link, visit: ShareVisit) -> Markup:
    """The switches, the password, and which version answers."""
    text = ui.text
    rows = [_switch(ui, link, name) for name in _SWITCHES]
    rows.append(_ROW.format(text("share.password"), _password_state(ui, link), join(_password_acts(ui, link))))
    names = {view.id: view.name for view in visit.views}
    if visit.run_id != link.run_id and visit.run_id in names:
        label = text("share.answer_with", name=names[visit.run_id])
        act = button(label, "answer_with", kind="small", token=link.token, run=visit.run_id)
        now = text("share.answers_by", name=names.get(link.run_id, ""))
        rows.append(_ROW.format(now, text("share.answer_with_about"), act))
    return _SETTINGS.format(token=link.token, title=text("share.settings"), rows=join(rows))


def _switch(ui: Ui, link: Link, name: str) -> Markup:
    is_on, needs_before = getattr(link, name), name == "is_blind" and not link.shows_before
    return _SWITCH.format(
        id=f"{name}-{link.token}",
        name=name,
        token=link.token,
        checked="true" if is_on and not needs_before else "false",
        value="no" if is_on else "yes",
        off=Markup(" disabled") if needs_before else EMPTY,
        label=ui.text(f"share.set.{name}"),
        about=ui.text("share.set.needs_before" if needs_before else f"share.set.{name}_about"),
    )


def _password_state(ui: Ui, link: Link) -> str:
    if link.password_digest is None:
        return ui.text("share.password_off")
    is_open_elsewhere = ui.services.widgets.of_link(link.token) is not None
    return ui.text("share.password_widget" if is_open_elsewhere else "share.password_on")


def _password_acts(ui: Ui, link: Link) -> list[Markup]:
    text, has = ui.text, link.password_digest is not None
    words = {
        "ask": text("share.password_ask"),
        "detail": text("share.password_detail"),
        "yes": text("common.save"),
        "no": text("common.cancel"),
        "input": "",
    }
    label = text("share.password_change" if has else "share.password_set")
    acts = [button(label, "password", kind="small", token=link.token, **words)]
    if has:
        acts.append(button(text("share.password_remove"), "password", kind="quiet small", token=link.token))
    return acts
