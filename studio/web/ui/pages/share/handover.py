"""The section of the Share screen for the sentence and the contact of a hand-over to a person."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.i18n import LOCALES
from studio.services.answer_policies import MAX_CONTACT, MAX_SENTENCE, default_sentence
from studio.trust.jobs import language_of
from studio.web.ui.components import QUIET, friendly, say
from studio.web.ui.pages.share.section import Section, ShareUi, ShareVisit
from studio.web.ui.session import Place


def build_handover(share: ShareUi) -> Section:
    """Builds the section and connects its button. It is unfolded until it has been saved once."""
    ui, text = share.ui, share.ui.text
    with gr.Accordion(text("share.handover.title"), open=False, elem_id="share-handover") as fold:
        sentence = gr.Textbox(
            label=text("share.handover.sentence"),
            info=text("share.handover.sentence_info"),
            lines=2,
            max_length=MAX_SENTENCE,
            elem_id="share-handover-sentence",
        )
        contact = gr.Textbox(
            label=text("share.handover.contact"),
            info=text("share.handover.contact_info"),
            placeholder=text("share.handover.contact_hint"),
            max_length=MAX_CONTACT,
            elem_id="share-handover-contact",
        )
        with gr.Row(elem_classes="af-toolbar"):
            keep = gr.Button(text("share.handover.keep"), elem_id="share-handover-keep")

    def default(run_id: str) -> str:
        return default_sentence(language_of(ui.services.workspace.run(run_id)))

    def show(visit: ShareVisit) -> dict[Any, Any]:
        return {fold: gr.Accordion(open=not ui.services.policies.read(visit.place.project).is_handover_chosen)}

    def fill(visit: ShareVisit) -> dict[Any, Any]:
        policy = ui.services.policies.read(visit.place.project)
        return {sentence: policy.sentence or default(visit.run_id), contact: policy.contact}

    @friendly(text)
    def save(query: str, run_id: str, said: str, reached: str) -> dict[Any, Any]:
        project = Place.parse(query).project
        is_default = said.strip() in {
            default_sentence(locale) for locale in LOCALES
        }  # another version's may stand there
        ui.services.policies.write_handover(project, "" if is_default else said, reached)
        say(text, "share.handover.kept")
        visit = share.visit(query, run_id)
        return show(visit) | fill(visit)

    keep.click(save, [*share.where, sentence, contact], [fold, sentence, contact], **QUIET)
    return Section((fold, sentence, contact), show, fill)
