"""The pictures of a final exam as inline SVG: no script, colours from style variables with a fallback for print."""

from __future__ import annotations

import math
from typing import Final

from markupsafe import Markup

from studio.domain.proof import Bar, Bars, Interval
from studio.i18n.catalog import Catalog

_WIDTH: Final = 330  # units of both drawings; about the pixels of a phone
_INK: Final = "var(--af-ink, #1c2430)"
_MUTED: Final = "var(--af-muted, #5d6673)"
_LINE: Final = "var(--af-line-strong, #cfc9bf)"
_SOFT: Final = "var(--af-soft, #f3f1ed)"
_PRIMARY: Final = "var(--af-primary, #0f766e)"
_PRIMARY_SOFT: Final = "var(--af-interval, #a9d6d1)"
_COUNTS: Final = 116  # units beside a bar for its count
_BAR_STEP: Final = 62  # units from one kind of question to the next
_SVG: Final = Markup(
    '<svg class="af-picture" viewBox="0 0 {width} {height}" role="img" aria-label="{label}" '
    'xmlns="http://www.w3.org/2000/svg" font-family="inherit">{parts}</svg>'
)
_TEXT: Final = Markup('<text x="{x}" y="{y}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{words}</text>')
_RECT: Final = Markup('<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="{fill}"/>')
_RULE: Final = Markup('<line x1="{x}" x2="{x2}" y1="{y}" y2="{y2}" stroke="{stroke}" stroke-width="{width}"/>')


def interval_svg(text: Catalog, difference: Interval, label: str) -> Markup:
    """How much better or worse, with its 95 % interval, around a line that says *as before*.

    Args:
        text: the language.
        difference: of the shares of right answers.
        label: what the picture says, for those who do not see it.
    """
    widest = max(abs(difference.low), abs(difference.high), 0.1)
    most = min(100, 10 * math.ceil(10 * widest - 1e-9))

    def x(share: float) -> float:
        return _WIDTH / 2 + (100 * max(-1.0, min(1.0, share)) / most) * (_WIDTH / 2 - 20)

    ticks = [
        _words(x(value / 100), 58, f"{'+' if value > 0 else ''}{text.number(value)}", anchor="middle")
        for value in (-most, -most / 2, 0, most / 2, most)
    ]
    low, high = x(difference.low), x(difference.high)
    parts = [
        _RULE.format(x=20, x2=_WIDTH - 20, y=26, y2=26, stroke=_LINE, width=2),
        _RECT.format(x=f"{low:.1f}", y=18, width=f"{max(4.0, high - low):.1f}", height=16, fill=_PRIMARY_SOFT),
        _RULE.format(x=_WIDTH / 2, x2=_WIDTH / 2, y=8, y2=44, stroke=_INK, width=1.5),
        Markup('<circle cx="{}" cy="26" r="8" fill="{}"/>').format(f"{x(difference.value):.1f}", _PRIMARY),
        *ticks,
        _words(_WIDTH / 2, 78, text("proof.interval.axis"), anchor="middle", fill=_MUTED),
    ]
    return _drawn(84, label, parts)


def bars_svg(text: Catalog, bars: Bars, label: str) -> Markup:
    """Right answers before and after, to questions as taught, in other words, and new."""
    kinds = [(name, bar) for name, bar in (("knows", bars.knows), ("reworded", bars.reworded), ("new", bars.new))]
    shown = [(text(f"proof.bars.{name}"), bar) for name, bar in kinds if bar.asked]
    parts = [part for at, (name, bar) in enumerate(shown) for part in _bar(text, name, bar, at * _BAR_STEP)]
    return _drawn(max(1, len(shown)) * _BAR_STEP, label, parts)


def bars_label(text: Catalog, bars: Bars) -> str:
    """What :func:`bars_svg` shows, in words."""
    kinds = (("knows", bars.knows), ("reworded", bars.reworded), ("new", bars.new))
    return " ".join(
        text(
            "proof.bars.label",
            name=text(f"proof.bars.{name}").partition(":")[0],
            before=bar.before,
            after=bar.after,
            asked=bar.asked,
        )
        for name, bar in kinds
        if bar.asked
    )


def _bar(text: Catalog, name: str, bar: Bar, top: float) -> list[Markup]:
    full = _WIDTH - _COUNTS
    parts = [_words(0, top + 13, name)]
    sides = (("before", bar.share_before, bar.before, _LINE), ("after", bar.share_after, bar.after, _PRIMARY))
    for line, (side, share, right, fill) in enumerate(sides):
        y = top + 20 + 16 * line
        words = f"{text('proof.bars.count', right=right, asked=bar.asked)} {text(f'proof.bars.{side}')}"
        parts += [
            _RECT.format(x=0, y=y, width=full, height=12, fill=_SOFT),
            _RECT.format(x=0, y=y, width=f"{full * share:.1f}", height=12, fill=fill),
            _words(full + 8, y + 10.5, words, size=11.5, fill=_MUTED),
        ]
    return parts


def _words(x: float, y: float, words: str, *, size: float = 13, anchor: str = "start", fill: str = _INK) -> Markup:
    return _TEXT.format(x=f"{x:.1f}", y=y, size=size, anchor=anchor, fill=fill, words=words)


def _drawn(height: int, label: str, parts: list[Markup]) -> Markup:
    return _SVG.format(width=_WIDTH, height=height, label=label, parts=Markup("").join(parts))
