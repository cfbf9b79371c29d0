"""``afina runs``: what was trained, what is being trained, and the order in which the rest waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from studio.cli.session import Json, RunId, open_services, terminal_of
from studio.cli.terminal import Terminal
from studio.domain.run import RunState, RunView

if TYPE_CHECKING:
    from studio.services.runs.service import RunService

_PATIENCE: Final = 120.0  # seconds until a command no longer waits for what it asked for; the request stands


def build() -> typer.Typer:
    """The group ``afina runs``."""
    app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
    app.callback()(_list)
    app.command("pause")(_pause)
    app.command("resume")(_resume)
    app.command("cancel")(_cancel)
    app.command("move")(_move)
    return app


def _pause(ctx: typer.Context, run_id: RunId, as_json: Json = False) -> None:
    """Pause a run at its next step. The next one in the queue starts meanwhile.

    \b
    afina runs pause run-4f1c09ab33d2
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        services.runs.pause(run_id)
        _tell(terminal, _wait(services.runs, run_id, lambda view: view.state.can_go_on or view.state.is_over))


def _resume(ctx: typer.Context, run_id: RunId, as_json: Json = False) -> None:
    """Continue a run exactly where it paused, or from its last safe point.

    It learns in the background; afina runs tells how far it is.

    \b
    afina runs resume run-4f1c09ab33d2
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        services.runs.resume(run_id)
        _tell(terminal, _wait(services.runs, run_id, lambda view: _is_on_its_way(services.runs, view)))


def _cancel(ctx: typer.Context, run_id: RunId, as_json: Json = False) -> None:
    """End a run at once, waiting or learning.

    \b
    afina runs cancel run-4f1c09ab33d2
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        services.runs.cancel(run_id)
        _tell(terminal, _wait(services.runs, run_id, lambda view: view.state.is_over))


def _move(
    ctx: typer.Context,
    run_id: RunId,
    before: Annotated[
        str | None, typer.Option(metavar="RUN", help="The waiting run that it is to come before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a waiting run another place in the queue; the last one without --before.

    \b
    afina runs move run-4f1c09ab33d2 --before run-77d0c1ab9e20
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        services.runs.move(run_id, before)
        _tell(terminal, services.runs.view(run_id))


def _is_on_its_way(runs: RunService, view: RunView) -> bool:
    """Whether a run is being trained, or has to wait for another."""
    if view.state is RunState.QUEUED:
        return runs.queue()[0].id != view.id
    return view.state is not RunState.STARTING


def _wait(runs: RunService, run_id: str, settled: Callable[[RunView], bool]) -> RunView:
    """Watches a run until it is where it was asked to go, or for a while."""
    deadline = time.monotonic() + _PATIENCE
    while not settled(view := runs.view(run_id)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return view


def _tell(terminal: Terminal, view: RunView) -> None:
    text = terminal.catalog
    state = text(f"cli.state.{view.state}")
    if view.state is RunState.QUEUED:
        state = text("cli.queued_at", position=view.queue_position or 1)
    terminal.say("cli.runs.stands", name=view.name, state=state, step=view.progress.step)
    terminal.emit(summary(view))


def _list(ctx: typer.Context, as_json: Json = False) -> None:
    """List the runs of this workspace, the newest last.

    \b
    afina runs
    afina runs --json
    """
    if ctx.invoked_subcommand is not None:
        return
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
                f"{view.fraction:.0%}",
                text.number(result.best_loss, 3) if result and result.best_loss is not None else "-",
                datetime.fromtimestamp(view.created_at).strftime("%Y-%m-%d %H:%M"),
            ]
        )
    names = ("id", "name", "model", "examples", "state", "done", "loss", "created")
    terminal.table([text(f"cli.runs.column.{name}") for name in names], rows)
