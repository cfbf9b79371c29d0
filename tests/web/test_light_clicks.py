"""A click changes its own session, and describes nothing that only Gradio's deep links would read."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from gradio import state_holder
from gradio.state_holder import StateHolder

from studio.web.ui.patches.light_clicks import lighten_clicks
from tests.own_loop import run


def test_a_session_keeps_its_changes_and_no_descriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_holder, "SessionState", state_holder.SessionState)  # as it was, afterwards
    lighten_clicks()
    with gr.Blocks() as blocks:
        box, go = gr.Textbox("before", label="Before"), gr.Button()
        go.click(lambda: gr.Textbox("after", label="After"), outputs=box)
    holder = StateHolder()
    holder.set_blocks(blocks)
    (fn,) = blocks.fns.values()

    async def click() -> Any:
        return await blocks.process_api(fn, [], state=holder["session"])

    (update,) = run(click())["data"]
    assert (update["value"], update["label"]) == ("after", "After")
    assert holder["session"][box._id].label == "After"
    assert holder["another"][box._id].label == "Before"
    assert not list(holder["session"].components)
    assert {one["props"].get("label") for one in blocks.get_config_file()["components"]} >= {"Before"}
