"""A section of the Share screen.

To add one:

1. A file here with ``build_<name>(share: ShareUi) -> Section``. It makes its components where it is called, connects their
   events to handlers of its own with ``share.where`` among their inputs, and returns them with a function that renders them.
2. A line in ``_SECTIONS`` of :mod:`studio.web.ui.pages.share.page`, at the place on the screen where it belongs.

An event that changes what other sections show, or starts something that goes on in the background, is named in
:attr:`Section.changes`: every section is then refreshed at once, and again and again while one ``is_going``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from studio.domain.run import RunView
from studio.web.ui.components import Ui
from studio.web.ui.pages.tuned import tuned_runs
from studio.web.ui.session import Place


@dataclass(frozen=True)
class ShareVisit:
    """What the screen shows.

    Attributes:
        place: where the person is.
        views: the tuned versions of the project, the newest first.
        run_id: the one that is chosen.
    """

    place: Place
    views: list[RunView]
    run_id: str


@dataclass(frozen=True)
class ShareUi:
    """What every section is built with.

    Attributes:
        ui: of the page.
        run: the dropdown of the tuned version.
    """

    ui: Ui
    run: Any

    @property
    def where(self) -> list[Any]:
        """The first inputs of every handler: query of the address, id of the chosen run."""
        return [self.ui.place, self.run]

    def visit(self, query: str, run_id: str) -> ShareVisit:
        """What the screen shows, from the inputs of a handler."""
        place = Place.parse(query)
        return ShareVisit(place, tuned_runs(self.ui, place.project), run_id)


def _nothing(_visit: ShareVisit) -> dict[Any, Any]:
    return {}


def _never(_visit: ShareVisit) -> bool:
    return False


@dataclass(frozen=True)
class Section:
    """A part of the screen.

    Attributes:
        outputs: every component that ``show``, ``fill`` and ``refresh`` may change.
        show: renders a visit; returns values by component.
        fill: the same for what a person types into: only when another project is opened, or what she typed would be lost.
        refresh: the same for what changes by itself only; what a person may just be typing into is not in it.
        is_going: whether ``refresh`` is worth another look soon.
        changes: events of this section, as the listeners of gradio return them, after which all are refreshed.
    """

    outputs: tuple[Any, ...]
    show: Callable[[ShareVisit], dict[Any, Any]] = _nothing
    fill: Callable[[ShareVisit], dict[Any, Any]] = _nothing
    refresh: Callable[[ShareVisit], dict[Any, Any]] = _nothing
    is_going: Callable[[ShareVisit], bool] = _never
    changes: tuple[Any, ...] = ()
