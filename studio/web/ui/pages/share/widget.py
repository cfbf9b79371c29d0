"""The section of the Share screen that puts the chatbot on the owner's site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.project import Link
from studio.domain.widget import COLOUR, Widget
from studio.web.ui.components import (
    EMPTY,
    Ui,
    badge,
    copy_button,
    danger_button,
    event_data,
    friendly,
    join,
    notice,
    say,
    wrapped,
)
from studio.web.ui.pages.share.section import QUIET, Section, ShareUi, ShareVisit

_LINE: Final = '<script src="{}/d/widget.js" data-bot="{}" async></script>'
_CARD: Final = Markup(
    '<article class="af-card" id="widget-{id}"><div class="af-row af-between"><h3>{title}</h3>{state}</div>'
    '<p class="af-small">{where}</p><p class="af-small af-muted">{how}</p><pre class="af-small af-line">{line}</pre>'
    '<div class="af-row">{acts}</div>{notice}'
    '<details class="af-small" id="widget-policy-{id}"><summary>{for_site}</summary><p class="af-muted">{policy}</p>'
    "</details>{preview}</article>"
)
_PREVIEW: Final = Markup(
    '<details class="af-small" id="widget-preview-{id}"><summary>{label}</summary>'
    '<iframe class="af-preview" src="{page}" title="{label}" loading="lazy"></iframe></details>'
)
_TAB: Final = Markup('<a class="af-button small" href="{}" target="_blank" rel="noopener">{}</a>')
_RGB: Final = re.compile(r"rgba?\((\d+)[, ]+(\d+)[, ]+(\d+).*")
_MUTED: Final = Markup('<p class="af-muted">{}</p>')


def build_widget(share: ShareUi) -> Section:
    """A form for the sites and the colour of a link's chat, and the script line for the site."""
    ui, text, services = share.ui, share.ui.text, share.ui.services
    with gr.Accordion(text("widget.share.title"), open=False, elem_id="share-widget"):
        about = ui.html(elem_id="share-widget-about")
        with gr.Column(visible=False) as form:
            link = gr.Dropdown(label=text("widget.share.link"), elem_id="share-widget-link")
            with gr.Row():
                sites = gr.Textbox(
                    label=text("widget.share.sites"),
                    info=text("widget.share.sites_info"),
                    placeholder=text("widget.share.sites_hint"),
                    lines=2,
                    scale=3,
                    min_width=280,
                    elem_id="share-widget-sites",
                )
                colour = gr.ColorPicker(
                    COLOUR, label=text("widget.share.colour"), scale=1, min_width=140, elem_id="share-widget-colour"
                )
            save = gr.Button(text("widget.share.save"), elem_id="share-widget-save")
        made = ui.actions(elem_id="share-widget-made")

    def show(visit: ShareVisit) -> dict[Any, Any]:
        links = list(_links(ui, visit))
        token = links[0].token if links else ""
        return refresh(visit) | {link: gr.Dropdown(_choices(links), value=token or None)} | filled(token)

    def refresh(visit: ShareVisit) -> dict[Any, Any]:
        links = list(_links(ui, visit))
        sentences = [text("widget.share.about"), *([] if links else [text("widget.share.no_link")])]
        return {
            about: wrapped(*map(_MUTED.format, sentences)),
            form: gr.Column(visible=bool(links)),
            link: gr.Dropdown(_choices(links)),
            made: _made(ui, visit),
        }

    def filled(token: str) -> dict[Any, Any]:
        found = services.widgets.of_link(token)
        return {sites: "\n".join(found.sites) if found else "", colour: found.colour if found else COLOUR}

    @friendly(text)
    def choose(token: str) -> dict[Any, Any]:
        return filled(token)

    @friendly(text)
    def keep(query: str, run_id: str, token: str, named: str, chosen: str) -> dict[Any, Any]:
        saved = services.widgets.save(token, re.split(r"[\s,;]+", named), _hex(chosen))
        say(text, "widget.share.saved")
        return {sites: "\n".join(saved.sites), made: _made(ui, share.visit(query, run_id))}

    @friendly(text)
    def act(query: str, run_id: str, event: gr.EventData) -> dict[Any, Any]:
        services.widgets.remove(event_data(event)["token"])
        return {made: _made(ui, share.visit(query, run_id))}

    link.input(choose, [link], [sites, colour], **QUIET)
    save.click(keep, [*share.where, link, sites, colour], [sites, made], **QUIET)
    made.action(act, share.where, [made], **QUIET)
    return Section((about, form, link, sites, colour, made), show, refresh)


def _links(ui: Ui, visit: ShareVisit) -> Iterator[Link]:
    """The open links of the project, the chosen version's first."""
    for view in sorted(visit.views, key=lambda view: view.id != visit.run_id):
        yield from (link for link in ui.services.links.list(view.id) if link.is_open)


def _choices(links: list[Link]) -> list[tuple[str, str]]:
    return [(link.title, link.token) for link in links]


def _hex(colour: str) -> str:
    """The browser's colour value, converted to ``#rrggbb``."""
    found = _RGB.fullmatch(colour.strip())
    return "#" + "".join(f"{min(int(part), 255):02x}" for part in found.groups()) if found else colour.strip()


def _made(ui: Ui, visit: ShareVisit) -> str:
    links = [link for view in visit.views for link in ui.services.links.list(view.id)]
    found = ((link, ui.services.widgets.of_link(link.token)) for link in links)
    return wrapped(*(_card(ui, link, widget) for link, widget in found if widget is not None))


def _card(ui: Ui, link: Link, widget: Widget) -> Markup:
    text, token = ui.text, link.token
    address = _address(ui)
    line = _LINE.format(address, widget.id)
    page = f"../d/widget/{widget.id}/preview?lang={text.locale}"
    ask, detail = text("widget.share.remove_ask", title=link.title), text("widget.share.remove_detail")
    acts = [copy_button(text, line, kind="small")]
    if link.is_open:
        acts.append(_TAB.format(page, text("widget.share.tab")))
    acts.append(danger_button(text, text("widget.share.remove"), "remove", ask, detail, token=token))
    return _CARD.format(
        id=widget.id,
        title=link.title,
        state=EMPTY if link.is_open else badge(text("share.off")),
        where=text("widget.share.where", sites=", ".join(widget.sites)),
        how=text("widget.share.how"),
        line=line,
        acts=join(acts),
        notice=_reach_notice(ui, address, widget),
        for_site=text("widget.share.for_site"),
        policy=text("widget.share.policy", address=address),
        preview=_PREVIEW.format(id=widget.id, label=text("widget.share.preview"), page=page) if link.is_open else EMPTY,
    )


def _address(ui: Ui) -> str:
    """Where the customers' browsers find the chatbot."""
    settings = ui.services.workspace.settings
    if settings.public_host_names:
        return f"https://{settings.public_host_names[0]}"
    return ui.services.publication.current().address or f"http://127.0.0.1:{settings.port}"


def _reach_notice(ui: Ui, address: str, widget: Widget) -> Markup:
    if address.startswith("http://127.0.0.1"):
        return notice(ui.text("widget.share.only_here"), "warning")
    if address.startswith("http://") and any(site.startswith("https://") for site in widget.sites):
        return notice(ui.text("widget.share.needs_https"), "warning")
    return EMPTY
