"""The decision worker: one that dies is told as such, one that is asked a book reads its beginning."""

from __future__ import annotations

import stat
from pathlib import Path
from unittest.mock import Mock

import pytest

from studio.domain.problem import Problem
from studio.errors import AfinaError
from studio.services.trusted_answers import TrustedAnswerService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from studio.trust.client import DecisionClient
from studio.trust.decision import AnswerKind, Decision
from studio.trust.decision_worker import Decider
from studio.trust.protocol import DecisionReply, DecisionRequest


@pytest.mark.parametrize("script", ["read line; printf '{\"decision\": nu'", "read line", None])
def test_a_worker_that_dies_while_it_answers_is_told_as_such(tmp_path: Path, script: str | None) -> None:
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        python.chmod(stat.S_IRWXU)
    workspace = Workspace.open(Settings(home=tmp_path / "home"))
    client = DecisionClient(workspace, str(python))
    try:
        with pytest.raises(AfinaError, match=r"trust\.failed"):
            client.ask(DecisionRequest(folder=tmp_path, question="q"))
    finally:
        client.close()
        workspace.database.close()


def test_of_a_pasted_book_the_beginning_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    class Recorder:
        def decide(self, texts: tuple[str, ...], *_: object) -> list[Decision]:
            read.extend(texts)
            return [Decision(kind=AnswerKind.WRITTEN)]

        def decide_in_context(self, texts: tuple[str, ...], *_: object) -> Decision:
            return self.decide(texts)[0]

    decider = Decider(tmp_path)
    monkeypatch.setattr(decider, "_selector", lambda _: ("", Recorder()))
    for before in ("", "b" * 1_000_000):
        decider.decide(DecisionRequest(folder=tmp_path, question="q" * 1_000_000, before=before))
    assert max(map(len, read)) < 10_000


@pytest.mark.parametrize(("problem", "repairs"), [(Problem(code="general.unexpected"), 0), (None, 1)])
def test_what_goes_wrong_with_one_question_is_no_reason_to_fit_anew(
    tmp_path: Path, problem: Problem | None, repairs: int
) -> None:
    workspace, selectors, client = Workspace.open(Settings(home=tmp_path / "home")), Mock(), Mock()
    client.ask.return_value = DecisionReply(is_fitted=False, problem=problem)
    service = TrustedAnswerService(workspace, Mock(), selectors, Mock())
    service._client = client
    decision = service._decide("run-1", "q", (), 0.1)
    assert decision.kind is AnswerKind.HANDED_OVER, "where nobody can decide, a person is asked"
    assert decision.problem is not None
    assert selectors.repair.call_count == repairs
    workspace.database.close()
