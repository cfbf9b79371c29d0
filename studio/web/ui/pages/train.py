"""Stub."""
from __future__ import annotations
from typing import Any
import gradio as gr
from studio.web.ui.components import Page, Ui, lead
from studio.web.ui.session import Place
def build_train(ui: Ui) -> Page:
    with gr.Column(visible=False, elem_id="page-train") as column:
        head = ui.html(value=lead(ui.text, "train"))
    def show(place: Place) -> dict[Any, Any]:
        return {}
    return Page(column, (head,), show)
