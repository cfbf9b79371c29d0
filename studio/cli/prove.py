"""``afina prove``: the final exam of a run, for a terminal and for a pipeline that must not go on with a worse model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from studio.cli.session import Json, RunId, open_services, terminal_of
from studio.cli.terminal import Terminal
from studio.domain.proof import Proof, Verdict
from studio.domain.proof_progress import ProofState, ProofStatus
from studio.errors import AfinaError

if TYPE_CHECKING:
    from studio.services.container import Services

SAME: Final = 3  # exit code: no clear change, too little to tell, or only memorised
WORSE: Final = 4  # worse, also where it memorised its lesson
_INTERVAL: Final = 0.5  # seconds between two looks
_GOING: Final = (ProofState.WAITING, ProofState.RUNNING)


def prove(
    ctx: typer.Context,
    run_id: RunId,
    against: Annotated[
        str | None, typer.Option(metavar="RUN", help="Another version instead of the base model.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Decide anew, even where there is a verdict already; answers that are known are not asked for again.",
        ),
    ] = False,
    minutes: Annotated[
        float, typer.Option(metavar="N", help="Minutes that it may take; questions without time are left out.")
    ] = 15.0,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Also write the report, one file to read or forward.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Have a version and its base model sit the final exam, and say whether it got better, with the interval.

    Exit code: 0 better; 3 no clear change, too little to tell, or only learned by heart; 4 worse on new
    questions; 1 an error.

    \b
    afina prove run-4f1c09ab33d2 --json
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        services.runs.view(run_id)  # an unknown run is refused before anything else
        proof = services.proofs.result(run_id, against)
        if proof is None or again or services.proofs.status(run_id, against).state in _GOING:
            services.proofs.start(run_id, against, seconds=60 * minutes)
            _watch(terminal, services, run_id, against)
            proof = services.proofs.result(run_id, against)
        if proof is None:
            raise AfinaError("proof.no_result")
        _tell(terminal, proof, services.policies.of_run(run_id).careful)
        if report is not None:
            _write(terminal, services, proof, report)
    raise typer.Exit(exit_code(proof))


def exit_code(proof: Proof) -> int:
    """0 better, 3 no clear change, too little or memorised, 4 worse on new questions."""
    from studio.evaluation.verdict import is_regression

    if proof.verdict is Verdict.BETTER:
        return 0
    return WORSE if is_regression(proof.verdict, proof.difference) else SAME


def summary(proof: Proof) -> dict[str, Any]:
    """What a machine wants to know: the whole result, with the names that a pipeline looks for."""
    document = proof.model_dump(mode="json")
    return document | {
        "verdict": proof.verdict.value,
        "metric": proof.headline.value,
        "interval": [proof.difference.low, proof.difference.high],
        "n": proof.n,
        "discordant": proof.discordant,
        "exit_code": exit_code(proof),
    }


def _watch(terminal: Terminal, services: Services, run_id: str, against: str | None) -> None:
    """Shows an exam until it is over; Ctrl+C stops it, and what was answered is kept."""
    with terminal.progress() as bar:
        task = bar.add_task("", total=None, rest="")
        try:
            while (now := services.proofs.status(run_id, against)).state in _GOING:
                phase = terminal.catalog(f"proof.phase.{now.phase.value}") if now.phase else ""
                bar.update(
                    task, description=phase, total=now.total or None, completed=now.done, rest=_rest(terminal, now)
                )
                time.sleep(_INTERVAL)
        except KeyboardInterrupt:
            services.proofs.stop(run_id, against)
            raise
    if now.state is not ProofState.DONE:
        problem = now.problem
        raise AfinaError(problem.code, **problem.params) if problem else AfinaError("proof.no_result")


def _rest(terminal: Terminal, now: ProofStatus) -> str:
    if now.seconds_left is None:
        return ""
    return terminal.catalog("proof.exam.left", time=terminal.catalog.duration(now.seconds_left))


def _tell(terminal: Terminal, proof: Proof, careful: float) -> None:
    from studio.sharing.proof_report import sentences

    text = terminal.catalog
    terminal.emit(summary(proof))
    lines = [sentences.verdict_sentence(text, proof), sentences.interval_sentence(text, proof.difference)]
    lines += [sentences.basis_sentence(text, proof), text(f"proof.headline.{proof.headline.value}")]
    lines.append(sentences.bars_sentence(text, proof.bars))
    if (trusted := proof.trusted_at(careful)) is not None:
        lines.append(sentences.trusted_sentence(text, trusted))
    if proof.forgotten is not None:
        lines.append(sentences.forgotten_sentence(text, proof.forgotten))
    if proof.off_topic is not None:
        lines.append(sentences.off_topic_sentence(text, proof.off_topic))
    if proof.privacy is not None:
        lines.append(sentences.privacy_sentence(text, proof.privacy))
    for line in (*lines, *sentences.advice_sentences(text, proof)):
        terminal.result(line)


def _write(terminal: Terminal, services: Services, proof: Proof, path: Path) -> None:
    services.reports.write(proof.run_id, path, proof.against, terminal.catalog.locale)
    terminal.say("cli.prove.written", path=str(path))
