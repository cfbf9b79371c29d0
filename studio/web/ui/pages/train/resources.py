"""What a run takes of its machine, beside what everything else takes."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.run import RunView
from studio.web.ui.components import EMPTY, Ui, join

_METER: Final = Markup(
    '<div class="af-meter" title="{label}: {words}"><dt>{label}</dt><dd>{words}</dd>'
    '<span role="img" aria-label="{label}: {words}"><i style="width:{own}%"></i><i class="others" style="width:{others}%"></i></span></div>'
)


def render_resources(ui: Ui, view: RunView) -> Markup:
    """Processor and memory, and the graphics card where there is one; empty before the first reading."""
    if not view.progress.usage:
        return EMPTY
    text, now = ui.text, view.progress.usage[-1]
    memory_used = max(now.memory, now.memory_total - now.memory_free)
    meters = [
        _meter(
            text("train.live.meter.cpu"),
            text("train.live.meter.percent", percent=round(100 * now.cpu)),
            now.cpu,
            max(now.cpu, now.machine_cpu),
        ),
        _meter(
            text("train.live.meter.memory"),
            text("train.live.meter.of", used=text.size(now.memory), total=text.size(now.memory_total)),
            now.memory / max(1, now.memory_total),
            memory_used / max(1, now.memory_total),
        ),
    ]
    if now.gpu is not None:
        words = text("train.live.meter.percent", percent=round(100 * now.gpu))
        meters.append(_meter(text("train.live.meter.gpu"), words, now.gpu, now.gpu))
    if now.vram is not None and now.vram_total:
        words = text("train.live.meter.of", used=text.size(now.vram), total=text.size(now.vram_total))
        share = now.vram / now.vram_total
        meters.append(_meter(text("train.live.meter.vram"), words, share, share))
    note = Markup('<p class="af-small af-muted af-legend"><i></i>{} <i class="others"></i>{}</p>').format(
        text("train.live.meter.own"), text("train.live.meter.others")
    )
    return Markup('<dl class="af-meters">{}</dl>{}').format(join(meters), note)


def _meter(label: str, words: str, own: float, everything: float) -> Markup:
    own, everything = min(1.0, own), min(1.0, everything)
    return _METER.format(label=label, words=words, own=round(100 * own), others=round(100 * max(0.0, everything - own)))
