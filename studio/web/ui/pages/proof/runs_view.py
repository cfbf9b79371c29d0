"""All versions of a project on the same exam, who beats whom beyond chance, and whether the exam was lucky."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.proof import ProofTable, TableRow
from studio.domain.run import RunView
from studio.domain.study import StudyKind, StudyView
from studio.web.ui.components import EMPTY, Ui, badge, button, join, link, wrapped
from studio.web.ui.session import Place

FOLDS: Final = 5  # times that the exam is repeated
_TABLE: Final = Markup(
    '<section class="af-card" id="proof-runs"><h3>{title}</h3><p class="af-reading">{reading}</p>'
    '<table class="af-over"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    '<p class="af-small af-muted">{note}</p></section>'
)
_HEAD: Final = Markup('<th scope="col">{}</th>')
_ROW: Final = Markup(
    '<tr{current}><th scope="row">{name}</th><td data-label="{right_label}">{right}</td>'
    '<td data-label="{range_label}"><span class="af-range" aria-hidden="true"><i style="left:{left}%;width:{width}%"></i>'
    '<b style="left:{at}%"></b></span> {range}</td><td data-label="{verdict_label}">{verdict}</td></tr>'
)
_FOLDS: Final = Markup(
    '<section class="af-card" id="proof-folds"><h3>{}</h3><p>{}</p><div class="af-row">{}</div></section>'
)
_LINE: Final = Markup("<br>")


def render_runs(ui: Ui, place: Place, table: ProofTable, run: RunView, study: StudyView | None) -> str:
    """The table of all versions, and the exam repeated.

    Args:
        ui: what the page is built with.
        place: the version that is looked at.
        table: of its project.
        run: that version.
        study: the newest repetition of the exam in the project, if there is one.
    """
    return wrapped(_table(ui, place, table, run), _folds(ui, place, run, study))


def newest_folds(ui: Ui, project_id: str) -> StudyView | None:
    """The newest repetition of the exam."""
    found = [view for view in ui.services.studies.list(project_id) if view.kind is StudyKind.FOLDS]
    return max(found, key=lambda view: view.created_at, default=None)


def _table(ui: Ui, place: Place, table: ProofTable, run: RunView) -> Markup:
    text = ui.text
    if sum(bool(row.run_id) for row in table.rows) < 2:
        html = Markup('<section class="af-card" id="proof-runs"><h3>{}</h3><p class="af-muted">{}</p></section>')
        return html.format(text("proof.runs.title"), text("proof.runs.none"))
    names = {row.run_id: row.name for row in table.rows}
    won = [
        text(
            "proof.runs.beats",
            winner=names.get(pair.winner, pair.winner),
            loser=names.get(pair.second if pair.winner == pair.first else pair.first, ""),
        )
        for pair in table.pairs
        if pair.winner is not None
    ]
    alike = [
        text("proof.runs.alike", first=names.get(pair.first, ""), second=names.get(pair.second, ""))
        for pair in table.pairs
        if pair.trained_alike
    ]
    return _TABLE.format(
        title=text("proof.runs.title"),
        reading=_LINE.join([*won, *alike]) if won or alike else text("proof.runs.no_winner"),
        head=join(_HEAD.format(text(f"proof.runs.{column}")) for column in ("name", "right", "range", "verdict")),
        rows=join(_row(ui, place, row, row.run_id == run.id) for row in table.rows),
        note=text("proof.runs.questions", n=table.questions),
    )


def _row(ui: Ui, place: Place, row: TableRow, is_shown: bool) -> Markup:
    text, name = ui.text, Markup("{}").format(row.name)
    if row.run_id and not is_shown:
        name = Markup('<a data-nav href="{}">{}</a>').format(place.at("proof", row.run_id).href, row.name)
    low, high = 100 * row.share.low, 100 * row.share.high
    verdict = badge(text(f"proof.verdict.{row.proof_verdict.value}.short")) if row.proof_verdict else EMPTY
    return _ROW.format(
        current=Markup(' class="chosen"') if is_shown else EMPTY,
        name=name,
        right_label=text("proof.runs.right"),
        right=text("proof.bars.count", right=row.right, asked=row.asked),
        range_label=text("proof.runs.range"),
        left=round(low, 1),
        width=round(high - low, 1),
        at=round(100 * row.share.value, 1),
        range=f"{text.number(low)}–{text.number(high)}%",
        verdict_label=text("proof.runs.verdict"),
        verdict=verdict,
    )


def _folds(ui: Ui, place: Place, run: RunView, study: StudyView | None) -> Markup:
    text, title = ui.text, ui.text("proof.folds.title")
    look = link(text("proof.folds.look"), place.at("train"), kind="small")
    if study is not None and not study.state.is_over:
        return _FOLDS.format(title, text("proof.folds.going", percent=round(100 * study.progress)), look)
    seconds = FOLDS * (run.result.seconds if run.result else 0.0)
    start = button(text("proof.folds.start", k=FOLDS), "folds", kind="small", elem_id="proof-folds-start")
    said = text("proof.folds.why", k=FOLDS, time=text.duration(seconds))
    spread = study.spread if study is not None else None
    if spread is None or not spread.folds:
        return _FOLDS.format(title, said, start)
    if spread.mean_right is not None and spread.spread_right is not None:
        numbers = {"mean": round(100 * spread.mean_right), "spread": round(100 * spread.spread_right)}
        result = text("proof.folds.result", folds=spread.folds, **numbers)
    elif spread.mean_loss is not None and spread.spread_loss is not None:
        shown = {"mean": text.number(spread.mean_loss, 2), "spread": text.number(spread.spread_loss, 2)}
        result = text("proof.folds.result_loss", folds=spread.folds, **shown)
    else:
        return _FOLDS.format(title, said, start)
    return _FOLDS.format(title, result, join([start, look]))
