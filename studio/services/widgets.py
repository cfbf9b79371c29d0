"""Chat widgets on the owner's site; each answers only on the sites that the owner listed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from studio.domain.project import Link
from studio.domain.widget import COLOUR, Widget
from studio.errors import AfinaError
from studio.services.links import LinkService
from studio.sharing.widgets import WidgetStore
from studio.storage.workspace import Workspace

MAX_SITES: Final = 20
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\]")
_PORTS: Final = {"http": 80, "https": 443}


class WidgetService:
    """Makes and removes widgets for the Share screen, and finds them for a page on a site.

    Args:
        links: a widget answers as long as its link is open.
    """

    def __init__(self, workspace: Workspace, links: LinkService) -> None:
        self._store, self._links = WidgetStore(workspace.database), links

    def save(self, token: str, sites: Iterable[str], colour: str = COLOUR) -> Widget:
        """Makes the widget of a link, or changes the one that it has.

        Args:
            sites: addresses as a person writes them, ``shop.example`` or ``https://shop.example/contact``; blank ones are
                left out.
            colour: ``#rrggbb``.

        Raises:
            AfinaError: ``general.not_found``, ``link.closed``, ``widget.no_site``, ``widget.many_sites``,
                ``widget.bad_site``, ``widget.bad_colour``.
        """
        self._links.open(token)
        origins = tuple(dict.fromkeys(origin(site) for site in sites if site.strip()))
        if not origins:
            raise AfinaError("widget.no_site")
        if len(origins) > MAX_SITES:
            raise AfinaError("widget.many_sites", limit=MAX_SITES)
        if not _COLOUR.fullmatch(colour.lower()):
            raise AfinaError("widget.bad_colour", colour=colour[:40])
        return self._store.save(token, origins, colour.lower())

    def of_link(self, token: str) -> Widget | None:
        """The widget of a link; None where it has none."""
        return self._store.of_link(token)

    def remove(self, token: str) -> None:
        """Removes the widget of a link from all sites at once; a new one gets another script line."""
        self._store.delete(token)

    def sites(self, widget_id: str) -> tuple[str, ...]:
        """The origins that a widget may be used on; empty if there is no such widget."""
        try:
            return self._store.get(widget_id).sites
        except AfinaError as error:
            if error.code != "general.not_found":
                raise
            return ()

    def count_visit(self, link: Link) -> None:
        """Counts a new visitor of a widget."""
        self._links.count_visit(link)

    def open(self, widget_id: str) -> tuple[Widget, Link]:
        """A widget and the link that answers.

        Raises:
            AfinaError: ``general.not_found``; ``link.closed`` when the link was switched off or its time is over.
        """
        widget = self._store.get(widget_id)
        return widget, self._links.open(widget.token)


def origin(site: str) -> str:
    """The origin of an address as a browser sends it: scheme, host, and the port unless it is the default.

    Raises:
        AfinaError: ``widget.bad_site``.
    """
    written = site.strip()
    try:
        parts = urlsplit(written if "://" in written else f"https://{written}")
        name = (parts.hostname or "").rstrip(".")
        name = f"[{name}]" if ":" in name else name.encode("idna").decode("ascii").lower()
        port = parts.port
    except ValueError as error:  # UnicodeError is one
        raise AfinaError("widget.bad_site", site=written[:80]) from error
    if parts.scheme not in _PORTS or not _NAME.fullmatch(name) or parts.username is not None:
        raise AfinaError("widget.bad_site", site=written[:80])
    return f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")
