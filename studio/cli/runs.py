"""``afina runs``: what was trained."""

from __future__ import annotations

from datetime import datetime

import typer

from studio.cli.session import Json, open_services, terminal_of
from studio.cli.terminal import Terminal
from studio.domain.run import RunView


def runs(ctx: typer.Context, as_json: Json = False) -> None:
    """Lists the runs of the workspace, the newest last."""
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        views = sorted(services.runs.list(), key=lambda view: view.created_at)
    terminal.emit({"runs": [summary(view) for view in views]})
    if not views:
        terminal.say("cli.runs.none")
    elif not terminal.json:
        _table(terminal, views)


def summary(view: RunView) -> dict[str, object]:
    """What a machine wants to know of a run: no curves, no texts."""
    return {
        "run": view.id,
        "project": view.project_id,
        "name": view.name,
        "state": view.state.value,
        "created_at": view.created_at,
        "model": view.recipe.model,
        "train_examples": view.train_examples,
        "held_out_examples": view.held_out_examples,
        "step": view.progress.step,
        "total_steps": view.progress.total_steps,
        "queue_position": view.queue_position,
        "result": view.result.model_dump(mode="json") if view.result else None,
    }


def _table(terminal: Terminal, views: list[RunView]) -> None:
    text = terminal.catalog
    rows = []
    for view in views:
        result = view.result
        rows.append(
            [
                view.id,
                view.name,
                view.model_name,
                text.number(view.train_examples),
                text(f"cli.state.{view.state}"),
                f"{view.progress.fraction:.0%}",
                text.number(result.best_loss, 3) if result and result.best_loss is not None else "-",
                datetime.fromtimestamp(view.created_at).strftime("%Y-%m-%d %H:%M"),
            ]
        )
    names = ("id", "name", "model", "examples", "state", "done", "loss", "created")
    terminal.table([text(f"cli.runs.column.{name}") for name in names], rows)
