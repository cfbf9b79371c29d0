"""The settings of a demo link that can be changed while it is open, folded away in its card."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.project import Link
from studio.services.links import LinkService
from studio.web.ui.components import Ui, render
from studio.web.ui.pages.share.section import ShareVisit

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
    return render(
        ui.text,
        "share/link_settings",
        link=link,
        switches=_SWITCHES,
        has_widget=ui.services.widgets.of_link(link.token) is not None,
        run_id=visit.run_id,
        names={view.id: view.name for view in visit.views},
    )
