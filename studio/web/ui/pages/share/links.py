"""The section of the Share screen with the demo links, a card each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import gradio as gr
import segno
from markupsafe import Markup

from studio.domain.project import ChosenBy, Link
from studio.web.ui.components import EMPTY, QUIET, Ui, event_data, friendly, render, when
from studio.web.ui.events import in_turn
from studio.web.ui.pages.share.link_numbers import render_numbers
from studio.web.ui.pages.share.link_settings import change_link, render_settings
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit


def build_links(share: ShareUi) -> Section:
    """The links of the project, and their buttons."""
    ui, services = share.ui, share.ui.services
    links = ui.actions(elem_id="share-links")

    @friendly(ui.text)
    def act(query: str, run_id: str, event: gr.EventData) -> dict[Any, Any]:
        data = event_data(event)
        acts: dict[str, Callable[[str], object]] = {
            "revoke": services.links.revoke,
            "reopen": services.links.reopen,
            "delete": services.links.delete,
        }
        if data["action"] in acts:
            acts[data["action"]](data["token"])
        else:
            change_link(services.links, data)
        return show(share.visit(query, run_id))

    def show(visit: ShareVisit) -> dict[Any, Any]:
        return {links: render_links(ui, visit)}

    def is_going(visit: ShareVisit) -> bool:
        tokens = (link.token for view in visit.views for link in services.links.list(view.id))
        return any(services.suggestions.is_choosing(token) for token in tokens)

    links.action(act, share.where, [links], **in_turn("links"), **QUIET)
    return Section((links,), show, refresh=show, is_going=is_going)


def render_links(ui: Ui, visit: ShareVisit) -> str:
    """The links of the project, the newest first."""
    links = [link for view in visit.views for link in ui.services.links.list(view.id)]
    links.sort(key=lambda link: -link.created_at)
    return ui.render("share/links", links=links, link_card=partial(_link, ui, visit))


def _link(ui: Ui, visit: ShareVisit, link: Link) -> Markup:
    text, names = ui.text, {view.id: view.name for view in visit.views}
    public = ui.services.publication.current().address
    path = f"{public}/d/{link.token}" if public else f"../d/{link.token}"
    facts: list[str] = [names[link.run_id]] if len(names) > 1 else []
    facts += [text("share.visits", n=link.visits), text("share.answers", n=link.answers), when(text, link.created_at)]
    if link.expires_at and not link.is_expired:
        facts.append(Markup("{} {}").format(text("share.until"), when(text, link.expires_at)))
    if link.per_hour:
        facts.append(text("share.hourly", n=link.per_hour))
    if link.password_digest:
        facts.append(text("share.password_on"))
    words = quote(text("share.whatsapp_text", title=link.title, address=path))
    return render(
        text,
        "share/link",
        link=link,
        path=path,
        public=public,
        whatsapp=f"https://wa.me/?text={words}",
        facts=facts,
        label=_questions(ui, link),
        settings=render_settings(ui, link, visit),
        numbers=render_numbers(ui, link),
        code=_qr(path) if link.is_open and public else EMPTY,
    )


def _questions(ui: Ui, link: Link) -> str:
    """What is said of the questions that a link suggests; empty where there are none."""
    if ui.services.suggestions.is_choosing(link.token):
        return ui.text("share.choosing")
    if not link.questions:
        return ""
    return ui.text("share.suggests_right" if link.chosen_by is ChosenBy.ANSWER else "share.suggests")


def _qr(address: str) -> Markup:
    """The address as a code that a phone's camera reads; dark on white in both schemes, or cameras would not see it."""
    return Markup(segno.make(address, error="m").svg_inline(scale=4, border=3, light="#fff", omitsize=True))
