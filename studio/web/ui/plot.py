"""Small line charts as HTML and SVG, made on the server: no script draws them, so a page that shows one costs nothing.

The lines stretch with the page; labels and dots are HTML laid over them, so they keep their size on a phone. Colours
come from ``static/plot.css`` and follow light and dark. ``static/plot.js`` shows the values under the pointer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from studio.web.ui.components import EMPTY, fill

_POINTS: Final = 300


@dataclass(frozen=True)
class Axis:
    """One direction of a chart."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]] = ()
    title: str = ""

    def share(self, value: float) -> float:
        """Where a value lies, 0 to 1; values beyond the ends lie at the ends."""
        return min(1.0, max(0.0, (value - self.low) / ((self.high - self.low) or 1.0)))


@dataclass(frozen=True)
class Series:
    """A line.

    Args:
        name: in the legend; empty leaves it out.
        kind: style classes of ``plot.css``: ``practice``, ``exam``, ``s1`` … ``s6``, ``faint``, ``dashed``.
        points: x and y, in order of x.
        dots: whether each point is marked.
    """

    name: str
    kind: str
    points: Sequence[tuple[float, float]]
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A point that is pointed out, such as the best one; ``label`` stands beside it."""

    x: float
    y: float
    kind: str
    label: str = ""


@dataclass(frozen=True)
class Band:
    """A range of y that is shaded across the chart."""

    low: float
    high: float
    kind: str = "band"


@dataclass(frozen=True)
class Plot:
    """A chart.

    Args:
        label: what it says, for those who do not see it.
        series: the lines, the first at the back.
        tips: for the pointer: an x, and the lines of text to show there.
        height: pixels; 0 leaves it to the style sheet.
    """

    label: str
    x: Axis
    y: Axis
    series: Sequence[Series] = ()
    marks: Sequence[Mark] = ()
    bands: Sequence[Band] = ()
    tips: Sequence[tuple[float, str]] = field(default_factory=tuple)
    height: int = 0

    def html(self) -> Markup:
        """The chart as a ``<figure>``."""
        tips = json.dumps([[round(100 * self.x.share(x), 2), text] for x, text in self.tips], ensure_ascii=False)
        return fill("plot", plot=self, tips=tips, every=math.ceil(len(self.x.ticks) / 5))

    def drawn(self, points: Sequence[tuple[float, float]]) -> str:
        """A line through these points in the units of the drawing, 1000 both ways."""
        return " ".join(f"{1000 * self.x.share(x):.0f},{1000 * (1 - self.y.share(y)):.0f}" for x, y in points)


def nice_ticks(high: float) -> list[float]:
    """About four round values from zero to ``high``, for an axis."""
    if not math.isfinite(high) or high <= 0:
        return [0.0]
    rough = high / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [round(n * step, 10) for n in range(math.floor(high / step + 1e-9) + 1)]


def thinned(points: Sequence[tuple[float, float]], limit: int = _POINTS) -> list[tuple[float, float]]:
    """At most ``limit`` of the points, evenly spread, both ends among them."""
    if len(points) <= limit:
        return list(points)
    stride = (len(points) - 1) / (limit - 1)
    return [points[round(index * stride)] for index in range(limit)]


def sparkline(values: Sequence[float], label: str) -> Markup:
    """A tiny line without axes, as high as the greatest of the values."""
    if len(values) < 2:
        return EMPTY
    shown = [value for _, value in thinned(list(enumerate(values)), 60)]
    highest = max(shown) or 1.0
    where = " ".join(
        f"{100 * n / (len(shown) - 1):.1f},{22 - 20 * min(1.0, value / highest):.1f}" for n, value in enumerate(shown)
    )
    html = (
        '<svg class="af-spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}" vector-effect="non-scaling-stroke"/></svg>'
    )
    return Markup(html).format(label, where)
