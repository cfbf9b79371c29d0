"""What the Examples screen shows of the proof: numbers, topics, what it can show, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from studio.data.splitting.paraphrase import Rewording
from studio.domain.conversation import Conversation
from studio.services.examples.splits import SplitView
from studio.web.ui.components import Ui, notice, wrapped


def render_drawing(ui: Ui, examples: int) -> str:
    """The same while the test of many examples is being drawn."""
    return ui.render("examples/split_drawing", examples=examples)


def render_split(ui: Ui, shown: SplitView) -> str:
    """The numbers of the draw, by topic, and the ways to change it."""
    learned = dict.fromkeys(example.id for leak in shown.leaks for example in leak.learned)
    return ui.render("examples/split", shown=shown, learned=",".join(learned))


def render_offer(ui: Ui, offered: Sequence[Rewording], seed: int, without: Collection[str]) -> str:
    """Questions in other words, to look at before they are accepted."""
    if not offered:
        return wrapped(notice(ui.text("examples.split.nothing_to_reword"), "warning"))
    kept = [item for item in offered if item.origin not in without]
    return ui.render("examples/split_offer", kept=kept, seed=seed, without=sorted(without))


def render_found(ui: Ui, examples: Sequence[Conversation], wanted: str) -> str:
    """Examples of training that match a search, each with the way into the test."""
    if not examples:
        return wrapped(notice(ui.text("examples.split.none_found", wanted=wanted)))
    return ui.render("examples/split_found", found=examples)
