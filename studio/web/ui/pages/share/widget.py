"""The section of the Share screen that puts the chatbot on the owner's site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.project import Link
from studio.domain.widget import COLOUR, Widget
from studio.web.ui.components import QUIET, Ui, event_data, friendly, say, when, wrapped
from studio.web.ui.events import when_changed
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit

_LINE: Final = '<script src="{}/d/widget.js" data-bot="{}" async></script>'
_RGB: Final = re.compile(r"rgba?\((\d+)[, ]+(\d+)[, ]+(\d+).*")
_MUTED: Final = Markup('<p class="af-muted">{}</p>')


def build_widget(share: ShareUi) -> Section:
    """A form for the sites and the colour of a link's chat, and the script line for the site."""
    ui, text, services = share.ui, share.ui.text, share.ui.services
    with gr.Accordion(text("widget.share.title"), open=False, elem_id="share-widget"):
        about = ui.html(elem_id="share-widget-about")
        with gr.Column(visible=False) as form:
            link = gr.Dropdown(label=text("widget.share.link"), elem_id="share-widget-link", allow_custom_value=True)
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
    tokens = gr.State(())  # of the links to choose from, behind the project and the version
    filled_for = gr.State(("", ""))  # version and link

    def fill(visit: ShareVisit) -> dict[Any, Any]:
        links = list(_links(ui, visit))
        token = links[0].token if links else ""
        return {link: gr.Dropdown(_choices(links), value=token or None), filled_for: (visit.run_id, token)} | filled(
            token
        )

    def renew(query: str, run_id: str, known: tuple[str, str]) -> dict[Any, Any]:
        """Another version was chosen, or the link in the form is gone: what is typed for it has no place any more."""
        visit, (version, token) = share.visit(query, run_id), known
        is_there = any(each.token == token for each in _links(ui, visit))
        return {} if is_there and run_id == version else fill(visit)

    def refresh(visit: ShareVisit) -> dict[Any, Any]:
        links = list(_links(ui, visit))
        sentences = [text("widget.share.about"), *([] if links else [text("widget.share.no_link")])]
        return {
            about: wrapped(*map(_MUTED.format, sentences)),
            form: gr.Column(visible=bool(links)),
            link: gr.Dropdown(_choices(links)),
            made: _made(ui, visit),
            tokens: (visit.place.project, visit.run_id, *(each.token for each in links)),
        }

    def filled(token: str) -> dict[Any, Any]:
        found = services.widgets.of_link(token)
        return {sites: "\n".join(found.sites) if found else "", colour: found.colour if found else COLOUR}

    @friendly(text)
    def choose(token: str, known: tuple[str, str]) -> dict[Any, Any]:
        """Also comes when the field is left: only another link that there is has another form."""
        if token == known[1] or token not in {each.token for each in services.links.list()}:
            return gr.skip()  # type: ignore[no-any-return]
        return {filled_for: (known[0], token)} | filled(token)

    @friendly(text)
    def keep(query: str, run_id: str, token: str, named: str, chosen: str) -> dict[Any, Any]:
        saved = services.widgets.save(token, re.split(r"[\s,;]+", named), _hex(chosen))
        say(text, "widget.share.saved")
        return {sites: "\n".join(saved.sites), made: _made(ui, share.visit(query, run_id))}

    @friendly(text)
    def act(query: str, run_id: str, event: gr.EventData) -> dict[Any, Any]:
        services.widgets.remove(event_data(event)["token"])
        return {made: _made(ui, share.visit(query, run_id))}

    link.input(choose, [link, filled_for], [sites, colour, filled_for], **QUIET)
    save.click(keep, [*share.where, link, sites, colour], [sites, made], **QUIET)
    made.action(act, share.where, [made], **QUIET)
    when_changed(text, tokens, renew, [*share.where, filled_for], [link, sites, colour, filled_for])
    return Section((about, form, link, sites, colour, made, tokens, filled_for), refresh, fill, refresh)


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
    address, widgets = _address(ui), []
    for link in (link for view in visit.views for link in ui.services.links.list(view.id)):
        if (widget := ui.services.widgets.of_link(link.token)) is not None:
            page = f"../d/widget/{widget.id}/preview?lang={ui.text.locale}"
            widgets.append((link, widget, _LINE.format(address, widget.id), page))
    return ui.render(
        "share/widgets",
        address=address,
        widgets=widgets,
        needs_https=_needs_https,
        moment=lambda seconds: when(ui.text, seconds).striptags(),
    )


def _address(ui: Ui) -> str:
    """Where the customers' browsers find the chatbot."""
    settings = ui.services.workspace.settings
    if settings.public_host_names:
        return f"https://{settings.public_host_names[0]}"
    return ui.services.publication.current().address or f"http://127.0.0.1:{settings.port}"


def _needs_https(widget: Widget) -> bool:
    """Whether a browser would refuse a script of this computer on one of the sites."""
    return any(site.startswith("https://") for site in widget.sites)
