"""Widgets through the service: on which sites they may stand, and how long they answer."""

from __future__ import annotations

import pytest

from studio.errors import AfinaError
from studio.services.links import LinkService
from studio.services.widgets import MAX_SITES, WidgetService, origin
from studio.storage.workspace import Workspace
from tests.services.test_links import add_run


@pytest.fixture
def links(workspace: Workspace) -> LinkService:
    add_run(workspace)
    return LinkService(workspace)


@pytest.fixture
def widgets(workspace: Workspace, links: LinkService) -> WidgetService:
    return WidgetService(workspace, links)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("www.padaria.com.br", "https://www.padaria.com.br"),
        (" HTTPS://Padaria.com.br/contato?x=1#y ", "https://padaria.com.br"),
        ("https://padaria.com.br:443", "https://padaria.com.br"),
        ("http://192.168.0.7:8080/", "http://192.168.0.7:8080"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("pão.com.br", "https://xn--po-sia.com.br"),
        ("localhost:3000", "https://localhost:3000"),
    ],
)
def test_an_address_becomes_what_a_browser_calls_its_pages(written: str, meant: str) -> None:
    assert origin(written) == meant


@pytest.mark.parametrize(
    "written",
    ["*", "https://*.padaria.com.br", "null", "ftp://padaria.com.br", "file:///etc/passwd", "https://", "a b.com",
     "https://eu:senha@padaria.com.br", "https://padaria.com.br:porta", "javascript:alert(1)", "<script>", "."],
)  # fmt: skip
def test_what_is_not_one_site_is_refused(written: str, widgets: WidgetService, links: LinkService) -> None:
    if written == "null":  # a name like any other: the origin that browsers call null is no https://null
        assert origin(written) == "https://null"
        return
    link = links.create("run-1", "Padaria")
    with pytest.raises(AfinaError, match=r"widget\.bad_site"):
        widgets.save(link.token, ["padaria.com.br", written])
    assert widgets.of_link(link.token) is None


def test_a_widget_is_changed_and_keeps_its_id_and_goes_with_its_link(
    widgets: WidgetService, links: LinkService
) -> None:
    link = links.create("run-1", "Padaria")
    made = widgets.save(link.token, ["padaria.com.br", "", "https://padaria.com.br/loja"], "#FFCC00")
    assert (made.sites, made.colour, made.text_colour) == (("https://padaria.com.br",), "#ffcc00", "#000000")
    changed = widgets.save(link.token, ["loja.com.br"])
    assert changed.id == made.id
    assert changed.sites == ("https://loja.com.br",)
    assert changed.text_colour == "#ffffff"
    assert link.token not in changed.id
    assert widgets.open(made.id) == (changed, link)
    links.revoke(link.token)
    with pytest.raises(AfinaError, match=r"link\.closed"):
        widgets.open(made.id)
    with pytest.raises(AfinaError, match=r"link\.closed"):
        widgets.save(link.token, ["loja.com.br"])
    links.reopen(link.token)
    assert widgets.open(made.id)[0] == changed
    links.delete(link.token)
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        widgets.open(made.id)


def test_sites_and_colours_are_checked_and_a_removed_widget_is_gone(widgets: WidgetService, links: LinkService) -> None:
    link = links.create("run-1", "Padaria")
    for sites, colour, code in (
        ([" ", ""], "#000000", r"widget\.no_site"),
        ([f"loja{number}.com" for number in range(MAX_SITES + 1)], "#000000", r"widget\.many_sites"),
        (["loja.com"], "red;}*{display:none", r"widget\.bad_colour"),
    ):
        with pytest.raises(AfinaError, match=code):
            widgets.save(link.token, sites, colour)
    made = widgets.save(link.token, ["loja.com"])
    widgets.remove(link.token)
    assert widgets.of_link(link.token) is None
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        widgets.open(made.id)
    widgets.remove(link.token)
