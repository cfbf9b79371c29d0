"""The process of an exam, started as the studio starts it: a run may be called anything."""

from __future__ import annotations

import pytest
from filelock import FileLock

from studio.domain.model import BaseModelCard, Licence, SourceKind
from studio.domain.proof_progress import ProofState
from studio.evaluation.proof_files import ProofFiles
from studio.services.proof.service import ProofService
from studio.storage.database import RunRow
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace
from tests.services.test_votes import add_run
from tests.training.runs import wait_for


@pytest.mark.parametrize("name", ["--home=/nowhere", "-v2", "--", 'Maio "novo"', "zero\0byte"])
def test_a_name_is_never_an_option_of_the_worker(workspace: Workspace, name: str) -> None:
    add_run(workspace, "run-1")
    with workspace.database.session() as session:
        session.get_one(RunRow, "run-1").name = name
    files, proofs = ProofFiles(workspace.run("run-1")), ProofService(workspace)
    card = BaseModelCard(
        id="tiny", name="--models=/nowhere", source=SourceKind.PACKAGE, parameters=1, licence=Licence(name="MIT")
    )
    write_atomic(files.run.model, card.model_dump_json())
    write_atomic(files.run.recipe, "{}")
    files.folder.mkdir()
    with FileLock(workspace.home / "exams.lock"):  # another exam is on its way
        proofs._spawn(files, 60)
        wait_for(lambda: files.read_status() is not None)
        assert proofs.status("run-1").state is ProofState.WAITING
        proofs.stop("run-1")
        wait_for(lambda: proofs.status("run-1").state is not ProofState.WAITING)
    assert proofs.status("run-1").state is ProofState.STOPPED
