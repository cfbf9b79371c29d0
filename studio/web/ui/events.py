"""How events of a screen wait for each other, and what may follow a change in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from studio.i18n.catalog import Catalog
from studio.web.ui.components import QUIET, friendly


def when_changed(
    text: Catalog, state: Any, handler: Callable[..., dict[Any, Any]], inputs: Sequence[Any], outputs: Sequence[Any]
) -> None:
    """Calls a handler when a state changes while one project stays open; see also :attr:`studio.web.ui.components.Page.fill`.

    Args:
        text: sentences.
        state: a ``gr.State`` whose value is a tuple that begins with the id of the project.
        handler: gets the values of ``inputs``, returns values by component.
        inputs: components.
        outputs: components that the handler may change.
    """
    known = gr.State(())

    @friendly(text)
    def changed(now: tuple[Any, ...], before: tuple[Any, ...], *values: Any) -> dict[Any, Any]:
        is_same_project = bool(before) and bool(now) and before[0] == now[0]
        return {known: now, **(handler(*values) if is_same_project and before != now else {})}

    state.change(changed, [state, known, *inputs], [known, *outputs], **QUIET)


def in_turn(name: str) -> dict[str, Any]:
    """Options of an event of a component with many buttons: a click while another is answered waits, and is not dropped.

    Args:
        name: of events that wait for each other; unique among the pages.
    """
    return {"trigger_mode": "multiple", "concurrency_id": name, "concurrency_limit": 1}
