"""Who answers in a conversation: real worker processes, the sample's examples, and the tiny model where one writes."""

from __future__ import annotations

import csv
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest
from fastapi import FastAPI

from studio.app import build_services
from studio.domain.conversation import Conversation, Message, Role
from studio.domain.problem import Problem
from studio.domain.proof_progress import ProofState, ProofStatus
from studio.domain.run import RunState
from studio.errors import AfinaError, Stopped
from studio.evaluation.proof_files import ProofFiles
from studio.i18n.catalog import catalog
from studio.services.answer_policies import ALONE, default_sentence
from studio.services.browser_answers import BrowserAnswerService
from studio.services.chats import BASE, TUNED, ChatUpdate
from studio.services.container import Services
from studio.settings import Settings, assets_dir
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder, Workspace
from studio.trust.decision import DEFAULT_CAREFUL
from studio.trust.jobs import language_of, selector_folder
from studio.trust.summary import SUMMARY_FILE
from studio.web.api import api_app
from tests.sharing.conftest import make_run
from tests.web.demo_server import serve

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

RUN, OTHER = "run-1", "run-2"
WAIT = 120.0  # seconds; a limit on waiting, not a measure
KNOWN = "qual o prazo de entrega"
OUTSIDE = "quem ganhou o jogo de futebol de ontem?"


def sample() -> list[Conversation]:
    with (assets_dir() / "samples" / "pt.train.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Conversation.pair(row["question"], row["answer"], id=f"e{n}") for n, row in enumerate(rows)]


def trusting_run(workspace: Workspace, run_id: str = RUN) -> None:
    """A finished run on the tiny model, with the examples of the Portuguese sample."""
    make_run(workspace, run_id)
    lines = [each.model_dump_json() + "\n" for each in sample()]
    write_atomic(workspace.run(run_id).train, "".join(lines))


@pytest.fixture(scope="module")
def trusting(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A workspace with a run that is fitted, its workers warm."""
    home = tmp_path_factory.mktemp("trusting") / "home"
    services = build_services(Settings(home=home, models_dir=tiny_model.parent))
    trusting_run(services.workspace)
    services.selectors.fit_unasked(RUN, RunState.FINISHED)
    assert services.selectors.require(RUN, WAIT), services.selectors.progress(RUN)
    yield services
    services.close()


@pytest.fixture
def other_run(trusting: Services) -> Iterator[RunFolder]:
    """Another run of the same workspace, which is not fitted."""
    trusting_run(trusting.workspace, OTHER)
    yield trusting.workspace.run(OTHER)
    trusting.runs.delete(OTHER)
    trusting.selectors._jobs.forget(OTHER)  # no other run ever has the same id


@pytest.fixture(autouse=True)
def _policy(trusting: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.services.trusted_answers._PATIENCE", WAIT)  # of a computer that does much else
    trusting.policies.choose_careful("project-1", DEFAULT_CAREFUL)
    trusting.policies.write_handover("project-1", "", "")


def said(services: Services, *texts: str, careful: float | None = None, run: str = RUN) -> ChatUpdate:
    """The last update of a conversation of user and assistant in turns."""
    roles = (Role.USER, Role.ASSISTANT)
    turns = [Message(role=roles[place % 2], content=text) for place, text in enumerate(texts)]
    *_, last = services.trust.stream(run, turns, (TUNED,), careful, max_tokens=8)
    assert last.done
    assert last.problem is None
    return last


def how(update: ChatUpdate) -> str:
    return update.decisions[TUNED].kind.value


def test_a_known_answer_is_the_owners_to_the_letter_and_names_its_example(trusting: Services) -> None:
    update = said(trusting, KNOWN, careful=0.1)
    assert how(update) == "known"
    examples = {each.id: each for each in sample()}
    assert update.texts[TUNED] == examples[update.decisions[TUNED].source].answer
    assert update.decisions[TUNED].confidence > 0


def test_small_talk_is_written_by_the_model(trusting: Services) -> None:
    update = said(trusting, "bom dia")
    assert how(update) == "written"
    assert update.texts == said(trusting, "bom dia", careful=ALONE).texts


def test_what_nobody_knows_is_handed_over_in_the_owners_words(trusting: Services) -> None:
    update = said(trusting, OUTSIDE)
    assert (how(update), update.texts[TUNED]) == ("handed_over", default_sentence("pt"))
    trusting.policies.write_handover("project-1", "  Já chamo a Ana. ", "(11) 5555-0199")
    assert said(trusting, OUTSIDE).texts[TUNED] == "Já chamo a Ana.\n(11) 5555-0199"


def test_the_base_still_answers_beside_a_known_answer(trusting: Services) -> None:
    updates = list(
        trusting.trust.stream(RUN, [Message(role=Role.USER, content=KNOWN)], (BASE, TUNED), 0.1, max_tokens=8)
    )
    assert updates[0].texts[TUNED] == updates[-1].texts[TUNED] != ""
    assert not updates[0].texts[BASE]
    assert not updates[0].done
    assert updates[-1].texts[BASE]
    assert set(updates[-1].decisions) == {TUNED}


def test_the_owner_decides_how_careful(trusting: Services) -> None:
    assert trusting.policies.of_run(RUN).careful == DEFAULT_CAREFUL
    trusting.policies.choose_careful("project-1", ALONE)
    assert not said(trusting, OUTSIDE).decisions, "the tuned model alone, as she chose"
    assert how(said(trusting, OUTSIDE, careful=0.02)) == "handed_over"
    with pytest.raises(AfinaError) as caught:
        trusting.policies.choose_careful("project-1", 0.5)
    assert caught.value.code == "trust.unknown_level"


def test_a_follow_up_is_read_with_the_question_before(trusting: Services) -> None:
    first = said(trusting, KNOWN, careful=0.1).texts[TUNED]
    assert how(said(trusting, KNOWN, "Olá!", "e pra mim?", careful=0.1)) == "known"
    assert how(said(trusting, KNOWN, first, "e pra mim?", careful=0.1)) == "written", "not the same answer once more"
    assert how(said(trusting, "e pra mim?", careful=0.1)) == "handed_over"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal there")
def test_a_killed_worker_is_started_again(trusting: Services) -> None:
    said(trusting, KNOWN)
    worker = trusting.trust._client.pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    assert how(said(trusting, KNOWN, careful=0.1)) == "known"
    assert trusting.trust._client.pid not in (None, worker)


def test_an_older_run_is_fitted_when_it_is_asked_and_goes_with_it(trusting: Services, other_run: RunFolder) -> None:
    assert trusting.selectors.curve(OTHER) is None
    assert how(said(trusting, KNOWN, careful=0.1, run=OTHER)) == "known"
    curve = trusting.selectors.curve(OTHER)
    assert curve is not None
    assert curve.questions == len(sample())
    trusting.runs.delete(OTHER)
    assert not other_run.path.exists()
    assert not trusting.selectors.require(OTHER, WAIT)
    assert not other_run.path.exists(), "nothing brings it back"
    trusting_run(trusting.workspace, OTHER)


def test_what_cannot_be_read_any_more_is_fitted_anew(trusting: Services, other_run: RunFolder) -> None:
    assert how(said(trusting, KNOWN, careful=0.1, run=OTHER)) == "known"
    for path in selector_folder(other_run).iterdir():
        if path.suffix == ".npz":
            path.write_bytes(b"damaged")
    os.utime(selector_folder(other_run) / SUMMARY_FILE)  # as after a restart: it is read again
    assert how(said(trusting, KNOWN, careful=0.1, run=OTHER)) == "known"


def test_a_run_is_fitted_without_waiting_for_its_exam(trusting: Services, other_run: RunFolder) -> None:
    files = ProofFiles(other_run)
    own = psutil.Process()
    files.note_worker(own.pid, own.create_time())
    files.note(ProofStatus(state=ProofState.RUNNING))
    trusting.selectors.fit_unasked(OTHER, RunState.FINISHED)
    assert trusting.selectors.require(OTHER, WAIT), trusting.selectors.progress(OTHER)
    assert how(said(trusting, KNOWN, careful=0.1, run=OTHER)) == "known"
    files.note(ProofStatus(state=ProofState.STOPPED))


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda run: write_atomic(run.train, ""), "trust.no_examples"),
        (lambda run: run.train.unlink(), "trust.no_examples"),
        (lambda run: write_atomic(run.train, "no example"), "trust.no_examples"),
        (lambda run: write_atomic(selector_folder(run), "in the way"), None),
    ],
)
def test_where_nobody_can_decide_a_person_is_asked_and_the_owner_is_told_why(
    trusting: Services, other_run: RunFolder, damage: Callable[[RunFolder], object], code: str | None
) -> None:
    """The model alone says a wrong answer in the tone of a right one: that is the owner's to choose, not ours."""
    damage(other_run)
    update = said(trusting, KNOWN, run=OTHER)
    assert how(update) == "handed_over"
    assert update.texts[TUNED] == default_sentence(language_of(other_run))
    assert update.notice is not None
    assert update.notice == trusting.selectors.problem(OTHER)
    assert catalog("pt").problem(update.notice) != catalog("pt").problem(Problem(code="general.unexpected"))
    assert code is None or update.notice.code == code
    listed = trusting.trust.answer_all(OTHER, [KNOWN, "bom dia"])
    assert [(one.how, one.text) for one in listed.answers] == [("handed_over", update.texts[TUNED])] * 2
    assert listed.problem is not None
    assert listed.problem.code == update.notice.code
    assert not said(trusting, KNOWN, careful=ALONE, run=OTHER).decisions, "as she chose"
    if code is not None:  # a page without a server has a selector of its own
        with pytest.raises(AfinaError, match=re.escape(code)):
            BrowserAnswerService(trusting.workspace, trusting.policies).known_answers(OTHER, lambda: False)


def test_a_page_that_nobody_wants_any_more_is_stopped_not_failed(trusting: Services, other_run: RunFolder) -> None:
    with pytest.raises(Stopped):
        BrowserAnswerService(trusting.workspace, trusting.policies).known_answers(OTHER, lambda: True)


def test_a_question_that_waits_for_the_examples_to_be_read_says_so_at_once(
    trusting: Services, other_run: RunFolder
) -> None:
    assert trusting.selectors.problem(OTHER) is None
    first, *_, last = trusting.trust.stream(OTHER, [Message(role=Role.USER, content=KNOWN)], (TUNED,), 0.1)
    assert (first.is_fitting, first.texts, first.done) == (True, {TUNED: ""}, False)
    assert how(last) == "known"
    assert not any(
        update.is_fitting
        for update in trusting.trust.stream(OTHER, [Message(role=Role.USER, content=KNOWN)], (TUNED,), 0.1)
    )


def test_the_best_so_far_of_a_run_that_trains_is_as_careful(trusting: Services, other_run: RunFolder) -> None:
    other_run.result.unlink()
    assert how(said(trusting, KNOWN, careful=0.1, run=OTHER)) == "known"
    assert how(said(trusting, OUTSIDE, run=OTHER)) == "handed_over"


def test_programs_are_answered_as_carefully_and_told_how(trusting: Services) -> None:
    """The API, whole and streamed, by the official client."""
    trusting.policies.choose_careful("project-1", 0.1)
    _, key = trusting.keys.add("Shop")
    app = FastAPI()
    app.mount("/v1", api_app(trusting))
    with serve(app) as address, openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client:

        def ask(question: str, model: str = RUN, **options: Any) -> Any:
            messages: Any = [{"role": "user", "content": question}]
            return client.chat.completions.create(model=model, messages=messages, max_tokens=8, **options)

        examples = {each.id: each for each in sample()}
        known = ask(KNOWN)
        way = known.afina
        assert way["answered"] == "known"
        assert 0 < way["confidence"] <= 1
        assert known.choices[0].message.content == examples[way["source"]].answer
        assert known.usage.completion_tokens == 0
        chunks = list(ask(KNOWN, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == examples[way["source"]].answer
        assert chunks[-1].afina == way
        first_word = known.choices[0].message.content.split()[0]
        assert ask(KNOWN, stop=f"{first_word} ").choices[0].message.content == ""
        over = ask(OUTSIDE)
        assert (over.afina["answered"], over.choices[0].message.content) == ("handed_over", default_sentence("pt"))
        assert over.afina["source"] is None
        assert ask("bom dia").afina["answered"] == "written"
        assert ask(KNOWN, f"{RUN}:base").afina == {"answered": "written", "source": None, "confidence": None}
