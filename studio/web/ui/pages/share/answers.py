"""The section of the Share screen that says what keeps visitors from the owner's own answers, where something does."""

from __future__ import annotations

from functools import partial

from studio.web.ui.pages.share.section import Section, ShareUi
from studio.web.ui.pages.trust_status import build_trust_status
from studio.web.ui.pages.tuned import chosen_run_id


def build_answers(share: ShareUi) -> Section:
    """Builds the section; a run that was never asked is fitted once it is shown, before the first visitor comes."""
    status = build_trust_status(share.ui, "share-trust", partial(chosen_run_id, share.ui))
    return Section(status.outputs, lambda visit: status.show(visit.place, visit.run_id))
