"""Blind votes: nobody is told whose an answer is, a vote is kept once, and everybody goes on from where they were."""

from __future__ import annotations

import pytest

from studio.domain.proof import Proof
from studio.domain.vote import Ballot, BallotKey
from studio.errors import AfinaError
from studio.services.proof.service import ProofService
from studio.services.votes import VoteService
from studio.storage.database import ProjectRow, RunRow
from studio.storage.workspace import Workspace
from tests.proof_sample import keep_proof, sample_proof


def add_run(workspace: Workspace, run_id: str) -> None:
    with workspace.database.session() as session:
        session.merge(ProjectRow(id="project-1", name="Shop", created_at=0.0, updated_at=0.0))
        session.flush()
        about = {"created_at": 0.0, "state": "finished", "model_id": "m", "model_name": "M", "position": 1.0}
        session.add(
            RunRow(id=run_id, project_id="project-1", name=run_id, **about, train_examples=2, held_out_examples=1)
        )


@pytest.fixture
def proof(workspace: Workspace) -> Proof:
    add_run(workspace, "run-1")
    kept = sample_proof("run-1")
    keep_proof(workspace, kept)
    return kept


@pytest.fixture
def votes(workspace: Workspace) -> VoteService:
    return VoteService(workspace, ProofService(workspace))


def pressed_for(ballot: Ballot, text: str) -> BallotKey:
    return BallotKey.FIRST if ballot.first == text else BallotKey.SECOND


def vote_all(votes: VoteService, proof: Proof, voter: str, limit: int = 100) -> list[Ballot]:
    """Prefers the tuned answer everywhere."""
    after = {answer.question: answer.after for answer in proof.answers}
    seen = []
    while len(seen) < limit and (ballot := votes.ballot("run-1", None, voter)) is not None:
        seen.append(ballot)
        votes.vote("run-1", None, voter, ballot.question_id, pressed_for(ballot, after[ballot.question]))
    return seen


def test_every_question_is_asked_once_and_sides_are_mixed(votes: VoteService, proof: Proof) -> None:
    seen = vote_all(votes, proof, "Ana")
    after = {answer.question: answer.after for answer in proof.answers}
    assert {ballot.question for ballot in seen} == set(after)
    assert [ballot.done for ballot in seen] == list(range(10))
    sides = {ballot.first == after[ballot.question] for ballot in seen}
    assert sides == {True, False}, "the tuned answer is not always on the same side"
    result = votes.result("run-1")
    assert (result.tally.after, result.votes, result.voters) == (10, 10, 1)
    assert result.rate is not None
    assert result.rate.value == 1.0
    assert 0.65 < result.rate.low < 0.75, "ten of ten questions do not make certain"


def test_voters_resume_where_they_were_and_have_an_order_of_their_own(
    votes: VoteService, proof: Proof, workspace: Workspace
) -> None:
    begun = vote_all(votes, proof, "Ana", limit=4)
    others = vote_all(votes, proof, "Bia", limit=4)
    assert [ballot.question for ballot in begun] != [ballot.question for ballot in others]
    again = VoteService(workspace, ProofService(workspace))
    following = again.ballot("run-1", None, "  Ana ")
    assert following is not None
    assert following.done == 4
    assert following == again.ballot("run-1", None, "Ana"), "a reload shows the same question in the same order"
    result = votes.result("run-1")
    assert (result.votes, result.voters) == (8, 2)


def test_a_tie_counts_half_and_two_votes_on_a_question_are_one_observation(votes: VoteService, proof: Proof) -> None:
    first = votes.pairs("run-1")[0]
    for voter, key in (("Ana", BallotKey.TIE), ("Bia", BallotKey.BOTH_BAD)):
        votes.vote("run-1", None, voter, first.id, key)
    result = votes.result("run-1")
    assert (result.tally.tie, result.tally.both_bad) == (1, 1)
    assert result.rate is not None
    assert result.rate.value == 0.5
    assert result.rate.low < 0.1
    assert result.rate.high > 0.9


def test_a_second_vote_replaces_the_first_and_the_last_is_taken_back(votes: VoteService, proof: Proof) -> None:
    (ballot,) = vote_all(votes, proof, "Ana", limit=1)
    votes.vote("run-1", None, "Ana", ballot.question_id, BallotKey.TIE)
    assert votes.result("run-1").tally.tie == votes.result("run-1").votes == 1
    votes.undo("run-1", None, "Ana")
    votes.undo("run-1", None, "Ana")
    assert votes.result("run-1").votes == 0
    assert votes.ballot("run-1", None, "Ana") == ballot


def test_votes_on_answers_that_are_no_longer_given_do_not_count(
    votes: VoteService, proof: Proof, workspace: Workspace
) -> None:
    vote_all(votes, proof, "Ana")
    changed = proof.answers[0].model_copy(update={"after": "Something else."})
    keep_proof(workspace, proof.model_copy(update={"answers": (changed, *proof.answers[1:])}))
    assert votes.result("run-1").votes == 9
    ballot = votes.ballot("run-1", None, "Ana")
    assert ballot is not None
    assert ballot.question == changed.question


def test_two_runs_are_compared_by_their_exams_against_the_base(
    votes: VoteService, proof: Proof, workspace: Workspace
) -> None:
    add_run(workspace, "run-2")
    answers = tuple(answer.model_copy(update={"after": f"Other {answer.number}"}) for answer in proof.answers[:4])
    same = proof.answers[4]
    keep_proof(workspace, sample_proof("run-2", answers=(*answers, same)))
    assert {pair.before for pair in votes.pairs("run-1", "run-2")} == {answer.after for answer in answers}
    assert votes.same("run-1", "run-2") == 1
    votes.vote("run-1", "run-2", "Ana", votes.pairs("run-1", "run-2")[0].id, BallotKey.TIE)
    assert votes.result("run-1", "run-2").votes == 1
    assert votes.result("run-1").votes == 0


def test_a_vote_needs_a_name_and_a_question_that_is_asked(votes: VoteService, proof: Proof) -> None:
    with pytest.raises(AfinaError, match=r"vote\.no_name"):
        votes.ballot("run-1", None, "   ")
    with pytest.raises(AfinaError, match=r"vote\.no_question"):
        votes.vote("run-1", None, "Ana", "unknown", BallotKey.TIE)


def test_votes_go_with_their_run(votes: VoteService, proof: Proof, workspace: Workspace) -> None:
    vote_all(votes, proof, "Ana", limit=2)
    with workspace.database.session() as session:
        session.delete(session.get_one(RunRow, "run-1"))
    add_run(workspace, "run-1")
    assert votes.result("run-1").votes == 0


def test_before_the_exam_there_is_nothing_to_vote_on(workspace: Workspace, votes: VoteService) -> None:
    add_run(workspace, "run-1")
    assert votes.ballot("run-1", None, "Ana") is None
    assert votes.pairs("run-1", "run-9") == ()
    assert votes.result("run-1").rate is None
