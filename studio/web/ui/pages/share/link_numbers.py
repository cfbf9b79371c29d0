"""The daily totals of a demo link. They contain nothing about single visitors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from markupsafe import Markup

from studio.domain.project import Link, LinkDay
from studio.domain.proof import VoteTally
from studio.i18n.catalog import Catalog
from studio.sharing.links import sum_votes
from studio.web.ui.components import EMPTY, Ui, join

_DAYS: Final = 30  # the newest ones, in the chart
_NUMBERS: Final = Markup(
    '<details class="af-small" id="link-numbers-{token}"><summary>{title}</summary><div class="af-stack">'
    '<dl class="af-sums">{sums}</dl>{chart}<p class="af-muted">{how}</p></div></details>'
)
_SUM: Final = Markup("<div><dd>{}</dd><dt>{}</dt></div>")
_CHART: Final = Markup(
    '<figure class="af-days-box"><ol class="af-days">{days}</ol><figcaption class="af-row af-muted">'
    '<span class="key visits">{visits}</span><span class="key answers">{answers}</span></figcaption></figure>'
)
_DAY: Final = Markup(
    '<li title="{said}"><i class="visits" style="height:{visits}%"></i><i class="answers" style="height:{answers}%"></i>'
    '<span class="af-unseen">{said}</span>{label}</li>'
)


def render_numbers(ui: Ui, link: Link) -> Markup:
    """Totals, a chart of the last days, and how they are counted."""
    text, days = ui.text, ui.services.links.days(link.token)
    votes = sum_votes(days)
    sums = {
        "visits": text.number(link.visits),
        "answers": text.number(link.answers),
        "handed_over": text.number(sum(day.handed_over for day in days)),
        "suggestions": text.number(sum(day.suggestions for day in days)),
    }
    parts = [_SUM.format(value, text(f"share.numbers.{name}")) for name, value in sums.items()]
    if cast := votes.before + votes.after + votes.tie + votes.both_bad:
        parts.append(_SUM.format(text.number(cast), text("share.numbers.votes")))
    return _NUMBERS.format(
        token=link.token,
        title=text("share.numbers"),
        sums=join(parts),
        chart=join([_votes(text, votes) if cast else EMPTY, _chart(text, days) if days else EMPTY]),
        how=text("share.numbers.how"),
    )


def _votes(text: Catalog, votes: VoteTally) -> Markup:
    equal = votes.tie + votes.both_bad
    said = text("share.numbers.preferred", after=votes.after, before=votes.before, equal=equal)
    return Markup("<p>{}</p>").format(said)


def _chart(text: Catalog, days: Sequence[LinkDay]) -> Markup:
    known = {day.day: day for day in days}
    today = date.today().toordinal()
    first = max(min(known), today - _DAYS + 1)
    shown = [known.get(day, LinkDay(day=day)) for day in range(min(first, today - 6), today + 1)]
    most = max([1, *(max(day.visits, day.answers) for day in shown)])
    return _CHART.format(
        days=join(_day(text, day, most, place, len(shown)) for place, day in enumerate(shown)),
        visits=text("share.numbers.visits"),
        answers=text("share.numbers.answers"),
    )


def _day(text: Catalog, day: LinkDay, most: int, place: int, count: int) -> Markup:
    when = date.fromordinal(day.day).strftime(text("share.numbers.date"))
    said = text("share.numbers.day", day=when, visits=day.visits, answers=day.answers)
    is_named = place in (0, count - 1)  # a phone has no room for more
    return _DAY.format(
        said=said,
        visits=round(100 * day.visits / most),
        answers=round(100 * day.answers / most),
        label=Markup('<span class="when">{}</span>').format(when) if is_named else EMPTY,
    )
