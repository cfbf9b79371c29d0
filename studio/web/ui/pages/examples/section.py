"""A part of the Examples screen.

To add one:

1. A file here with ``build_<name>(ui: Ui) -> Section``. It makes its components where it is called, connects their
   events to handlers of its own, and returns them with a function that renders them.
2. A line in :func:`studio.web.ui.pages.examples.page.build_examples`, at the place on the screen where it belongs.

A handler that changes the examples, or anything else that other sections show, returns ``{ui.place: place.again}`` with
``ui.place`` among its outputs: the page is then rendered anew, every section with it. One that changes only what its own
section shows returns values for its own components.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from studio.domain.dataset import DatasetView
from studio.web.ui.session import Place


def _nothing(_place: Place, _view: DatasetView | None) -> dict[Any, Any]:
    return {}


@dataclass(frozen=True)
class Section:
    """A part of the screen.

    Attributes:
        outputs: every component that ``show`` may change.
        show: renders a place with the current examples, None before there are any; returns values by component. It runs
            on every visit: what takes long belongs into a handler of its own, started by a timer or a changed state.
        fill: the same for what a person types into; see :class:`studio.web.ui.components.Page`.
    """

    outputs: tuple[Any, ...]
    show: Callable[[Place, DatasetView | None], dict[Any, Any]]
    fill: Callable[[Place, DatasetView | None], dict[Any, Any]] = _nothing
