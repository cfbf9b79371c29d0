"""What the Examples screen shows of the proof: numbers, topics, what it can show, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from markupsafe import Markup

from studio.data.splitting.paraphrase import Rewording
from studio.data.splitting.split import SplitKind
from studio.domain.conversation import Conversation
from studio.services.examples.splits import Leak, SplitView, TopicShare
from studio.web.ui.components import EMPTY, Ui, button, join, notice, wrapped

_SHARES: Final = (0.1, 0.15, 0.2, 0.3)
_TOPICS: Final = 12
_LISTED: Final = 60
_LEAKS: Final = 8
_STATS: Final = Markup(
    '<dl class="af-stats"><div><dt>{train_label}</dt><dd>{train}</dd></div><div><dt>{aside_label}</dt><dd>{aside}</dd></div>'
    "<div><dt>{draw_label}</dt><dd>{draw}</dd></div></dl>"
)
_CARD: Final = Markup(
    '<section class="af-card"><div><h2>{title}</h2><p class="af-muted">{why}</p></div>{body}</section>'
)
_ROW: Final = Markup("<li><span>{text}{more}</span>{act}</li>")
_SMALL: Final = Markup('<small class="af-muted af-block">{}</small>')


def render_drawing(ui: Ui, examples: int) -> str:
    """The same while the test of many examples is being drawn."""
    body = Markup('<p class="af-small af-muted" role="status">{}</p>').format(
        ui.text("examples.split.many", n=examples)
    )
    return wrapped(_CARD.format(title=ui.text("examples.split.title"), why=ui.text("examples.held_out_why"), body=body))


def render_split(ui: Ui, shown: SplitView) -> str:
    """The numbers of the draw, by topic, and the ways to change it."""
    text = ui.text
    stats = _STATS.format(
        train_label=text("examples.split.train"),
        train=text.number(shown.train, 0),
        aside_label=text("examples.split.aside"),
        aside=f"{text.number(len(shown.held_out), 0)} · {round(100 * shown.held_out_share)} %",
        draw_label=text("examples.split.draw"),
        draw=text("examples.split.by_hand") if shown.by_hand else str(shown.choice.seed),
    )
    practice = Markup('<p class="af-small af-muted" id="split-practice">{}</p>').format(
        text(f"examples.split.practice.{shown.practice_kind.value}", n=shown.practice_count)
    )
    body = [
        stats,
        practice,
        _controls(ui, shown),
        _half(ui, shown),
        _thin(ui, shown),
        _leaks(ui, shown.leaks),
        _rewording(ui, shown),
        _topics(ui, shown.topics),
        _listed(ui, shown),
    ]
    why = f"{text('examples.held_out_why')} {text(f'examples.split.kind.{shown.kind.value}')}"
    return wrapped(_CARD.format(title=text("examples.split.title"), why=why, body=join(body)))


def _controls(ui: Ui, shown: SplitView) -> Markup:
    text = ui.text
    ask = _ask(ui) if shown.by_hand else {}
    chips = join(
        Markup(
            '<button type="button" class="af-chip" aria-pressed="{}" data-action="share" data-share="{}" {}>{}</button>'
        ).format(
            "true" if not shown.by_hand and abs(share - shown.choice.share) < 0.001 else "false",
            share,
            join(Markup('data-{}="{}" ').format(name, value) for name, value in ask.items()),
            f"{round(share * 100)} %",
        )
        for share in _SHARES
    )
    again = button(text("examples.split.again"), "draw", kind="small", elem_id="split-again", **ask)
    number = button(
        text("examples.split.number"),
        "draw",
        kind="small quiet",
        ask=text("examples.split.number_ask"),
        detail=text("examples.split.number_why"),
        input=str(shown.choice.seed),
        yes=text("examples.split.number_yes"),
        no=text("common.cancel"),
    )
    line = '<div class="af-pick-line"><span class="af-muted af-small">{}</span><div class="af-chips">{}</div></div><div class="af-row">{}{}</div>'
    return Markup(line).format(text("examples.split.share"), chips, again, number)


def _ask(ui: Ui) -> dict[str, str]:
    text = ui.text
    return {"ask": text("examples.split.again_ask"), "yes": text("examples.split.again"), "no": text("common.cancel")}


def _half(ui: Ui, shown: SplitView) -> Markup:
    """Why fewer were drawn than the pressed share says."""
    if not shown.is_halved:
        return EMPTY
    values = {"percent": round(100 * shown.choice.share), "drawn": round(100 * shown.held_out_share)}
    return Markup('<p class="af-small af-muted">{}</p>').format(ui.text("examples.split.half", **values))


def _thin(ui: Ui, shown: SplitView) -> Markup:
    """A few ticks switch the draw off; the way to have both."""
    if not shown.is_thin:
        return EMPTY
    text = ui.text
    fill = button(text("examples.split.fill"), "fill", kind="small", elem_id="split-fill")
    return notice(
        text("examples.split.thin", n=len(shown.held_out)),
        "warning",
        Markup('<div class="af-row">{}</div>').format(fill),
    )


def _leaks(ui: Ui, leaks: Sequence[Leak]) -> Markup:
    """The questions of the test that training has too, with both ways out."""
    if not leaks:
        return EMPTY
    text = ui.text
    rows = join(
        _ROW.format(
            text=leak.asked.question,
            more=_SMALL.format(text("examples.split.learned_too", question=leak.learned[0].question)),
            act=EMPTY,
        )
        for leak in leaks[:_LEAKS]
    )
    asked = ",".join(leak.asked.id for leak in leaks)
    learned = ",".join(dict.fromkeys(c.id for leak in leaks for c in leak.learned))
    acts = Markup('<ul class="af-runs">{}</ul><div class="af-row">{}{}</div>').format(
        rows,
        button(text("examples.split.leak_aside"), "aside", kind="small", elem_id="split-leak-aside", ids=learned),
        button(text("examples.split.leak_back"), "back", kind="small", elem_id="split-leak-back", ids=asked),
    )
    return notice(text("examples.split.leaks", n=len(leaks)), "warning", acts)


def _rewording(ui: Ui, shown: SplitView) -> Markup:
    """The offer of questions in other words, where they would make a better test."""
    if not shown.can_reword:
        return EMPTY
    text = ui.text
    key = "examples.split.reword_again" if shown.kind is SplitKind.REWORDED else "examples.split.reword_why"
    offer = button(text("examples.split.reword"), "offer", kind="small", elem_id="split-reword", seed="0")
    return notice(text(key), "", Markup('<div class="af-row">{}</div>').format(offer))


def _topics(ui: Ui, topics: Sequence[TopicShare]) -> Markup:
    if not topics:
        return EMPTY
    text = ui.text
    head = Markup("<tr><th>{}</th><th>{}</th><th>{}</th></tr>").format(
        text("examples.split.topic"), text("examples.split.train"), text("examples.split.aside")
    )
    rows = join(
        Markup("<tr><td>{}</td><td>{}</td><td>{}</td></tr>").format(topic.topic, topic.train, topic.held_out)
        for topic in topics[:_TOPICS]
    )
    more = len(topics) - _TOPICS
    rest = _SMALL.format(text("examples.split.more_topics", n=more)) if more > 0 else EMPTY
    return Markup(
        '<details id="split-topics"><summary>{}</summary><table class="af-sums af-counts">{}{}</table>{}</details>'
    ).format(text("examples.split.topics", n=len(topics)), head, rows, rest)


def _listed(ui: Ui, shown: SplitView) -> Markup:
    """The questions of the test, each with the way back to training."""
    if not shown.held_out:
        return EMPTY
    text = ui.text
    rows = join(
        _ROW.format(
            text=conversation.question,
            more=_SMALL.format(text("examples.split.is_reworded")) if conversation.reworded_from else EMPTY,
            act=button(
                text("examples.split.remove" if conversation.reworded_from else "examples.split.back"),
                "back",
                kind="small quiet",
                ids=conversation.id,
            ),
        )
        for conversation in shown.held_out[:_LISTED]
    )
    more = len(shown.held_out) - _LISTED
    rest = _SMALL.format(text("examples.split.more_questions", n=more)) if more > 0 else EMPTY
    return Markup('<details id="split-listed"><summary>{}</summary><ul class="af-runs">{}</ul>{}</details>').format(
        text("examples.split.listed", n=len(shown.held_out)), rows, rest
    )


def render_offer(ui: Ui, offered: Sequence[Rewording], seed: int, without: Collection[str]) -> str:
    """Questions in other words, to look at before they are accepted."""
    text = ui.text
    if not offered:
        return wrapped(notice(text("examples.split.nothing_to_reword"), "warning"))
    kept = [item for item in offered if item.origin not in without]
    left_out = ",".join(sorted(without))
    rows = join(
        _ROW.format(
            text=item.question,
            more=_SMALL.format(text("examples.split.instead_of", question=item.original)),
            act=button(
                text("examples.split.leave_out"),
                "offer",
                kind="small quiet",
                seed=str(seed),
                without=_added(left_out, item.origin),
            ),
        )
        for item in kept
    )
    acts = Markup('<div class="af-row">{}{}</div>').format(
        button(
            text("examples.split.accept", n=len(kept)), "accept", kind="primary small", elem_id="split-accept", seed=str(seed),
            without=left_out,
        ),
        button(text("examples.split.other_words"), "offer", kind="small", elem_id="split-other", seed=str(seed + 1)),
    )  # fmt: skip
    title, why = text("examples.split.offer_title", n=len(kept)), text("examples.split.offer_why")
    body = Markup('<ul class="af-runs af-scroll">{}</ul>{}').format(rows, acts)
    return wrapped(_CARD.format(title=title, why=why, body=body))


def _added(ids: str, another: str) -> str:
    return f"{ids},{another}" if ids else another


def render_found(ui: Ui, found: Sequence[Conversation], wanted: str) -> str:
    """Examples of training that match a search, each with the way into the test."""
    text = ui.text
    if not found:
        return wrapped(notice(text("examples.split.none_found", wanted=wanted)))
    rows = join(
        _ROW.format(
            text=conversation.question,
            more=EMPTY,
            act=button(text("examples.split.keep_aside"), "aside", kind="small", ids=conversation.id),
        )
        for conversation in found
    )
    return wrapped(Markup('<ul class="af-runs">{}</ul>').format(rows))
