"""The section of the Share screen with the demo links, a card each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import gradio as gr
import segno
from markupsafe import Markup

from studio.domain.project import ChosenBy, Link
from studio.web.ui.components import EMPTY, Ui, badge, button, danger_button, event_data, friendly, join, when, wrapped
from studio.web.ui.pages.share.link_numbers import render_numbers
from studio.web.ui.pages.share.link_settings import change_link, render_settings
from studio.web.ui.pages.share.section import QUIET, Section, ShareUi, ShareVisit

_LINK: Final = Markup(
    '<article class="af-card af-link" id="link-{token}"><div class="af-link-text"><div class="af-row af-between">'
    '<h3>{title}</h3>{state}</div>{address}<p class="af-small af-muted">{facts}</p>{questions}'
    '<div class="af-row">{acts}</div>{more}</div>{code}</article>'
)
_ADDRESS: Final = Markup('<code class="af-address" data-address="{0}">{0}</code>')
_QUESTIONS: Final = Markup('<div class="af-small"><p class="af-muted">{}</p><ul class="af-quoted">{}</ul></div>')
_QUESTION: Final = Markup("<li>{}</li>")
_CODE: Final = Markup('<figure class="af-code">{}<figcaption class="af-small af-muted">{}</figcaption></figure>')
_OPEN: Final = Markup('<a class="af-button small" href="{}" target="_blank" rel="noopener">{}</a>')
_COPY: Final = Markup('<button type="button" class="af-button small" data-copy-path="{}" data-copied="{}">{}</button>')


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

    links.action(act, share.where, [links], **QUIET)
    return Section((links,), show, show, is_going)


def render_links(ui: Ui, visit: ShareVisit) -> str:
    """The links of the project, the newest first."""
    text, names = ui.text, {view.id: view.name for view in visit.views}
    title = Markup('<h2 class="af-space">{}</h2>').format(text("share.links"))
    links = [link for view in visit.views for link in ui.services.links.list(view.id)]
    links.sort(key=lambda link: -link.created_at)
    if not links:
        return wrapped(title, Markup('<p class="af-muted">{}</p>').format(text("share.links_none")))
    public = ui.services.publication.current().address
    cards = join(_link(ui, link, visit, names[link.run_id] if len(names) > 1 else "", public) for link in links)
    return wrapped(title, Markup('<div class="af-links">{}</div>').format(cards))


def _link(ui: Ui, link: Link, visit: ShareVisit, run_name: str, public: str) -> Markup:
    text = ui.text
    path = f"{public}/d/{link.token}" if public else f"../d/{link.token}"
    counts = [text("share.visits", n=link.visits), text("share.answers", n=link.answers), when(text, link.created_at)]
    if link.expires_at and not link.is_expired:
        counts.append(Markup("{} {}").format(text("share.until"), when(text, link.expires_at)))
    if link.per_hour:
        counts.append(text("share.hourly", n=link.per_hour))
    if link.password_digest:
        counts.append(text("share.password_on"))
    return _LINK.format(
        token=link.token,
        title=link.title,
        state=badge(text("share.on"), "good")
        if link.is_open
        else badge(text("share.expired" if link.is_expired and link.revoked_at is None else "share.off")),
        address=_ADDRESS.format(path) if link.is_open else EMPTY,
        facts=Markup(" · ").join([*filter(None, [run_name]), *counts]),
        questions=_questions(ui, link),
        acts=join(_acts(ui, link, path, public)),
        more=join([render_settings(ui, link, visit), render_numbers(ui, link)]),
        code=_CODE.format(_qr(path), text("share.qr")) if link.is_open and public else EMPTY,
    )


def _questions(ui: Ui, link: Link) -> Markup:
    if ui.services.suggestions.is_choosing(link.token):
        label = ui.text("share.choosing")
    elif link.questions:
        label = ui.text("share.suggests_right" if link.chosen_by is ChosenBy.ANSWER else "share.suggests")
    else:
        return EMPTY
    return _QUESTIONS.format(label, join(_QUESTION.format(question) for question in link.questions))


def _acts(ui: Ui, link: Link, path: str, public: str) -> list[Markup]:
    text, token, acts = ui.text, link.token, list[Markup]()
    if link.is_open:
        acts += [_COPY.format(path, text("common.copied"), text("common.copy")), _OPEN.format(path, text("share.open"))]
        if public:
            words = text("share.whatsapp_text", title=link.title, address=path)
            acts.append(_OPEN.format(f"https://wa.me/?text={quote(words)}", text("share.whatsapp")))
        ask, detail = text("share.revoke_ask", title=link.title), text("share.revoke_detail")
        acts.append(danger_button(text, text("share.revoke"), "revoke", ask, detail, stay="common.cancel", token=token))
    else:
        acts.append(button(text("share.reopen"), "reopen", kind="small", token=token))
    ask, detail = text("share.delete_ask", title=link.title), text("share.delete_detail")
    acts.append(danger_button(text, text("share.delete"), "delete", ask, detail, token=token))
    return acts


def _qr(address: str) -> Markup:
    """The address as a code that a phone's camera reads; dark on white in both schemes, or cameras would not see it."""
    return Markup(segno.make(address, error="m").svg_inline(scale=4, border=3, light="#fff", omitsize=True))
