"""The daily totals of a demo link. They contain nothing about single visitors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from markupsafe import Markup

from studio.domain.project import Link, LinkDay
from studio.sharing.links import sum_votes
from studio.web.ui.components import Ui, render

_DAYS: Final = 30  # the newest ones, in the chart


def render_numbers(ui: Ui, link: Link) -> Markup:
    """Totals, a chart of the last days, and how they are counted."""
    text, days = ui.text, ui.services.links.days(link.token)
    votes = sum_votes(days)
    sums = {
        "visits": link.visits,
        "answers": link.answers,
        "handed_over": sum(day.handed_over for day in days),
        "suggestions": sum(day.suggestions for day in days),
    }
    if cast := votes.before + votes.after + votes.tie + votes.both_bad:
        sums["votes"] = cast
    shown = _last_days(days) if days else []
    named = [(day, date.fromordinal(day.day).strftime(text("share.numbers.date"))) for day in shown]
    most = max([1, *(max(day.visits, day.answers) for day in shown)])
    return render(text, "share/link_numbers", link=link, sums=sums, votes=votes, days=named, most=most)


def _last_days(days: Sequence[LinkDay]) -> list[LinkDay]:
    """A week at least, and a month at most, up to today; days on which nothing happened too."""
    known = {day.day: day for day in days}
    today = date.today().toordinal()
    first = max(min(known), today - _DAYS + 1)
    return [known.get(day, LinkDay(day=day)) for day in range(min(first, today - 6), today + 1)]
