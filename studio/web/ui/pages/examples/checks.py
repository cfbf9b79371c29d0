"""The check-up: how healthy the examples are, and what is most worth doing."""

from __future__ import annotations

from typing import Any

from studio.domain.dataset import DatasetView
from studio.web.ui.components import Ui
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place


def build_checks(ui: Ui) -> Section:
    """The health score and the findings."""
    report = ui.actions(elem_id="examples-checks")

    def show(_place: Place, _view: DatasetView | None) -> dict[Any, Any]:
        return {report: ""}

    return Section((report,), show)
