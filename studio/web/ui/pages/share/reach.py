"""The section of the Share screen that says, and changes, who can open the links."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.services.publication import Publication, PublicationState, Reach
from studio.web.ui.components import EMPTY, Ui, badge, button, event_data, friendly, join, notice, wrapped
from studio.web.ui.pages.share.section import QUIET, Section, ShareUi, ShareVisit

_PLACE: Final = Markup(
    '<button type="button" role="radio" aria-checked="{checked}" class="af-place" id="reach-{reach}" data-action="reach"'
    ' data-reach="{reach}"{ask}><b>{name}</b><span>{about}</span></button>'
)
_ASK: Final = Markup(' data-ask="{}" data-detail="{}" data-yes="{}" data-no="{}"')
_STATE: Final = Markup(
    '<div class="af-card" id="reach-state" data-state="{state}" role="status"><div class="af-row">{badge}{address}{acts}'
    '</div><p class="af-small">{sentence}</p>{hint}</div>'
)
_OTHERS: Final = Markup('<div class="af-row" id="reach-others">{}</div>')


def build_reach(share: ShareUi) -> Section:
    """A switch with three positions."""
    services = share.ui.services
    reach = share.ui.actions(elem_id="share-reach", keeps_focus=True)

    @friendly(share.ui.text)
    def move(_query: str, _run_id: str, event: gr.EventData) -> dict[Any, Any]:
        asked = event_data(event)
        services.publication.choose(Reach(asked["reach"]), asked.get("host", ""))
        return {reach: render_reach(share.ui)}

    def show(_visit: ShareVisit) -> dict[Any, Any]:
        return {reach: render_reach(share.ui)}

    def is_going(_visit: ShareVisit) -> bool:
        return services.publication.current().state is PublicationState.STARTING

    moved = reach.action(move, share.where, [reach], **QUIET)
    return Section((reach,), show, show, is_going, changes=(moved,))


def render_reach(ui: Ui) -> str:
    """The switch with its three positions, and the state of the chosen one."""
    text, now = ui.text, ui.services.publication.current()
    places = join(_place(ui, reach, now) for reach in Reach)
    head = Markup('<h2 class="af-space" id="reach-title">{}</h2>').format(text("share.reach.title"))
    group = Markup('<div class="af-places" role="radiogroup" aria-labelledby="reach-title">{}</div>').format(places)
    return wrapped(head, group, _state(ui, now))


def _place(ui: Ui, reach: Reach, now: Publication) -> Markup:
    text, ask = ui.text, EMPTY
    if reach is Reach.INTERNET and now.reach is not reach:
        words = (text(f"share.reach.internet_{part}") for part in ("ask", "detail", "yes"))
        ask = _ASK.format(*words, text("common.cancel"))
    return _PLACE.format(
        checked="true" if now.reach is reach else "false",
        reach=reach.value,
        ask=ask,
        name=text(f"share.reach.{reach.value}"),
        about=text(f"share.reach.{reach.value}_about"),
    )


def _state(ui: Ui, now: Publication) -> Markup:
    text = ui.text
    if now.reach is Reach.COMPUTER:
        return notice(text("share.reach.computer_only"))
    kind = {PublicationState.OPEN: "good", PublicationState.FAILED: "bad"}.get(now.state, "warn")
    acts, hint, sentence = [], EMPTY, text(f"share.reach.{now.reach.value}_exposes")
    if now.state is PublicationState.FAILED or now.state is PublicationState.CLOSED:
        acts.append(button(text("share.reach.again"), "reach", kind="small", reach=now.reach.value))
    if now.state is PublicationState.STARTING:
        sentence = text(f"share.reach.{now.reach.value}_starting")
    if now.problem is not None:
        sentence = text.problem(now.problem)
    acts.append(button(text("share.reach.close"), "reach", kind="quiet small", elem_id="reach-close", reach="computer"))
    if now.state is PublicationState.OPEN and now.reach is Reach.NETWORK:
        port = now.address.rpartition(":")[2]
        line = Markup('<p class="af-small af-muted">{}</p>')
        hint = line.format(text("share.reach.firewall", port=port))
        if now.other_hosts:
            others = (
                button(host, "reach", kind="quiet small", reach=now.reach.value, host=host) for host in now.other_hosts
            )
            hint += line.format(text("share.reach.others")) + _OTHERS.format(join(others))
    return _STATE.format(
        state=now.state.value,
        badge=badge(text(f"share.reach.state.{now.state.value}"), kind),
        address=Markup('<code class="af-address">{}</code>').format(now.address) if now.address else EMPTY,
        acts=join(acts),
        sentence=sentence,
        hint=hint,
    )
