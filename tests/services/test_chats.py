"""The chat service with real worker processes: answers, cancelling, kills, fairness, idle ends."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from studio.chat.client import ChatPool
from studio.domain.conversation import Message, Role
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.services.chats import ChatService, ChatUpdate
from studio.settings import Settings
from studio.storage.compute_lock import ComputeLock
from studio.storage.workspace import Workspace

# peft 0.21 asks transformers 5.23 for a property that is deprecated there.
pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

QUESTION = [Message(role=Role.USER, content="What is the capital of France?")]
PATIENCE = 120.0  # seconds; a limit on waiting, not a measure


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"))
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    folder = tmp_path_factory.mktemp("adapter") / "step-000010"
    tuned.save_pretrained(folder)
    return folder


def _make_run(workspace: Workspace, model_dir: Path, adapter: Path | None, run_id: str = "run-1") -> None:
    folder = workspace.run(run_id)
    folder.path.mkdir(parents=True)
    card = BaseModelCard.model_validate_json((model_dir / "afina.json").read_bytes())
    folder.model.write_text(card.model_dump_json(), encoding="utf-8")
    folder.recipe.write_text(Recipe(model=card.id, system_prompt="Be kind.").model_dump_json(), encoding="utf-8")
    if adapter is not None:
        shutil.copytree(adapter, folder.adapters / adapter.name)
        folder.best.write_text(json.dumps({"step": 10, "adapter": f"adapters/{adapter.name}"}), encoding="utf-8")


@pytest.fixture(scope="module")
def opened(
    tiny_model: Path, adapter: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ChatService, ChatPool, Workspace]]:
    """A service whose worker most tests share: it takes longer to start than to answer them all."""
    home = tmp_path_factory.mktemp("chats") / "home"
    workspace = Workspace.open(Settings(home=home, models_dir=tiny_model.parent))
    _make_run(workspace, tiny_model, adapter)
    pool = ChatPool(workspace)
    service = ChatService(workspace, pool)
    yield service, pool, workspace
    service.close()
    workspace.database.close()


def _last(updates: Iterator[ChatUpdate]) -> ChatUpdate:
    *_, last = updates
    return last


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_both_sides_answer_and_grow(opened: tuple[ChatService, ChatPool, Workspace]) -> None:
    service, pool, _ = opened
    updates = list(service.stream("run-1", QUESTION, max_tokens=24))
    last = updates[-1]
    assert last.done
    assert last.problem is None
    assert last.cut == {"base", "tuned"}
    assert set(last.texts) == {"base", "tuned"}
    assert last.texts["base"] != last.texts["tuned"]
    assert last.tokens == {"base": 24, "tuned": 24}
    for before, after in itertools.pairwise(updates):
        assert all(after.texts[side].startswith(text) for side, text in before.texts.items())
    (worker,) = pool.pids.values()
    own = psutil.Process().nice()
    assert psutil.Process(worker).nice() >= min(19, own + 1) or os.name == "nt", "a page comes first"
    alone = _last(service.stream("run-1", QUESTION, sides=("tuned",), max_tokens=24))
    assert alone.texts == {"tuned": last.texts["tuned"]}


def test_many_questions_are_answered_as_if_each_came_alone(opened: tuple[ChatService, ChatPool, Workspace]) -> None:
    service, _, _ = opened
    seen: list[tuple[int, int]] = []
    questions = [f"Question number {number}?" for number in range(10)]
    answers = service.answer_all("run-1", questions, max_tokens=8, on_progress=lambda *done: seen.append(done))
    assert len(answers) == 10
    assert seen == [(8, 10), (10, 10)]
    assert answers == service.answer_all("run-1", questions, max_tokens=8)


def test_a_killed_worker_is_told_and_the_next_question_is_answered(
    opened: tuple[ChatService, ChatPool, Workspace],
) -> None:
    service, pool, _ = opened
    updates = service.stream("run-1", QUESTION, max_tokens=250)
    next(updates)
    (pid,) = pool.pids.values()
    os.kill(pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    last = _last(updates)
    assert last.done
    assert last.problem is not None
    assert last.problem.code == "chat.worker_died"
    again = _last(service.stream("run-1", QUESTION, max_tokens=4))
    assert again.problem is None
    assert pid not in pool.pids.values()


def test_two_runs_of_one_base_are_asked_in_turn_and_at_once(
    opened: tuple[ChatService, ChatPool, Workspace], tiny_model: Path, adapter: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    service, pool, workspace = opened
    other = tmp_path / "step-000020"
    shutil.copytree(adapter, other)
    tensors = load_file(adapter / "adapter_model.safetensors")
    turned = {name: tensor.flip(0) if "lora_B" in name else tensor for name, tensor in tensors.items()}
    save_file({k: v.contiguous() for k, v in turned.items()}, other / "adapter_model.safetensors")
    _make_run(workspace, tiny_model, other, "run-other")

    def ask(run: str) -> dict[str, str]:
        last = _last(service.stream(run, QUESTION, max_tokens=12, client=run))
        assert last.problem is None
        return last.texts

    first, second = ask("run-1"), ask("run-other")
    assert first["base"] == second["base"]
    assert first["tuned"] != second["tuned"]
    assert ask("run-1") == first
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, ["run-1", "run-other", "run-other", "run-1"])) == [first, second, second, first]
    assert len(pool.pids) == 1


def test_closing_the_iterator_cancels_and_frees_the_cores(opened: tuple[ChatService, ChatPool, Workspace]) -> None:
    service, _, workspace = opened
    updates = service.stream("run-1", QUESTION, max_tokens=250)
    next(updates)
    updates.close()
    assert _last(service.stream("run-1", QUESTION, max_tokens=2)).problem is None
    assert ComputeLock(workspace.home).wait(timeout=PATIENCE) < PATIENCE


@pytest.mark.parametrize("drop", [False, True])
def test_an_answer_is_stopped_from_another_thread_and_the_next_one_comes(
    opened: tuple[ChatService, ChatPool, Workspace], drop: bool
) -> None:
    service, _, _ = opened
    updates = service.stream("run-1", QUESTION, max_tokens=250, talk="page-1")
    assert not service.stop("page-1"), "nothing is asked before the first value is wanted"
    said = next(updates)
    assert not service.stop("page-2")
    threading.Thread(target=service.stop, args=("page-1", drop)).start()
    last = _last(updates)
    assert (last.done, last.stopped, last.dropped) == (True, True, drop)
    assert last.texts["base"].startswith(said.texts["base"])
    assert len(last.tokens) < 2, "neither side came to its end"
    assert not service.stop("page-1")
    assert _last(service.stream("run-1", QUESTION, max_tokens=2, talk="page-1")).problem is None


def test_a_newcomer_is_answered_while_another_client_asks_a_lot(
    opened: tuple[ChatService, ChatPool, Workspace],
) -> None:
    service, _, _ = opened
    service.warm("run-1")
    finished: list[str] = []
    began = threading.Event()

    def ask(client: str, name: str, tokens: int) -> None:
        for _ in service.stream("run-1", QUESTION, temperature=1.0, max_tokens=tokens, client=client):
            began.set()
        finished.append(name)

    threads = [threading.Thread(target=ask, args=("many", f"many-{n}", 240)) for n in range(8)]
    for thread in threads:
        thread.start()
    assert began.wait(PATIENCE)
    ask("newcomer", "newcomer", 8)
    for thread in threads:
        thread.join(PATIENCE)
    assert len(finished) == 9
    assert finished.index("newcomer") <= 4


def test_what_cannot_be_asked_is_said_in_its_own_words(
    opened: tuple[ChatService, ChatPool, Workspace], tiny_model: Path
) -> None:
    service, _, workspace = opened
    _make_run(workspace, tiny_model, None, "run-2")
    with pytest.raises(AfinaError, match=r"chat\.not_ready"):
        service.stream("run-2", QUESTION)
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        service.stream("run-3", QUESTION)
    with pytest.raises(AfinaError, match=r"chat\.empty"):
        service.stream("run-1", [Message(role=Role.USER, content=" ")])
    long = _last(service.stream("run-1", [Message(role=Role.USER, content="word " * 2000)]))
    assert long.problem is not None
    assert long.problem.code == "chat.too_long"
    assert _last(service.stream("run-2", QUESTION, sides=("base",), max_tokens=2)).problem is None


def test_the_oldest_turns_of_a_long_chat_are_left_out_with_a_notice(
    opened: tuple[ChatService, ChatPool, Workspace],
) -> None:
    service, _, _ = opened
    old = [
        Message(role=Role.USER, content="word " * 200),
        Message(role=Role.ASSISTANT, content="word " * 200),
    ]
    updates = list(service.stream("run-1", [*old, *QUESTION], sides=("base",), max_tokens=200))
    assert updates[-1].problem is None
    notices = [update.notice for update in updates if update.notice is not None]
    assert [(notice.code, notice.params) for notice in notices] == [("chat.turns_dropped", {"n": 2})]


def test_an_idle_worker_ends_and_a_new_one_answers(tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", models_dir=tiny_model.parent, chat_idle_minutes=0.01)
    workspace = Workspace.open(settings)
    _make_run(workspace, tiny_model, adapter)
    pool = ChatPool(workspace)
    service = ChatService(workspace, pool)
    try:
        assert _last(service.stream("run-1", QUESTION, max_tokens=2)).problem is None
        _wait(lambda: not pool.pids)
        assert _last(service.stream("run-1", QUESTION, max_tokens=2)).problem is None
    finally:
        service.close()
        workspace.database.close()


def test_close_leaves_no_process(tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(Settings(home=tmp_path / "home", models_dir=tiny_model.parent))
    _make_run(workspace, tiny_model, adapter)
    pool = ChatPool(workspace)
    service = ChatService(workspace, pool)
    updates = service.stream("run-1", QUESTION, max_tokens=250)
    next(updates)
    (pid,) = pool.pids.values()
    service.close()
    assert not psutil.pid_exists(pid)
    assert _last(updates).done
    with pytest.raises(AfinaError, match=r"chat\.worker_died"):
        service.answer_all("run-1", ["Again?"])
    workspace.database.close()


def test_the_real_model_knows_the_capital_of_france(base_model: str, workspace: Workspace) -> None:
    _make_run(workspace, workspace.model(base_model), None)
    service = ChatService(workspace, ChatPool(workspace))
    try:
        answer = service.answer_all("run-1", ["What is the capital of France?"], base=True, max_tokens=24)[0]
    finally:
        service.close()
    assert "Paris" in answer
