"""One question to any list of models: a base, its tuned runs, runs of another base; and bases that know no chat."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.chat.client import ChatPool
from studio.domain.conversation import Message, Role
from studio.domain.model import BaseModelCard
from studio.errors import AfinaError
from studio.models.chat_template import PLAIN, ChatTemplate, is_chat_model
from studio.services.chats import ChatService, Target
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.services.test_chats import _last, _make_run, adapter

__all__ = ["adapter"]  # a fixture

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

QUESTION = "Qual é a capital da França?"


@pytest.fixture(scope="module")
def opened(
    tiny_model: Path,
    adapter: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ChatService, ChatPool]]:
    """Runs 1 and 2 of a base that chats, run 3 of a base that came without a chat template."""
    from safetensors.torch import load_file, save_file

    place = tmp_path_factory.mktemp("targets")
    shutil.copytree(tiny_model, place / "models" / "tiny-llama")
    plain = place / "models" / "tiny-plain"
    shutil.copytree(tiny_model, plain)
    (plain / "chat_template.jinja").write_text(PLAIN, encoding="utf-8")
    card = BaseModelCard.model_validate_json((plain / "afina.json").read_bytes())
    (plain / "afina.json").write_text(card.model_copy(update={"id": "tiny-plain"}).model_dump_json(), encoding="utf-8")
    other = place / "step-000020"
    shutil.copytree(adapter, other)
    tensors = load_file(adapter / "adapter_model.safetensors")
    turned = {name: tensor.flip(0).contiguous() if "lora_B" in name else tensor for name, tensor in tensors.items()}
    save_file(turned, other / "adapter_model.safetensors")
    workspace = Workspace.open(Settings(home=place / "home", models_dir=place / "models"))
    for run_id, model, kept in (
        ("run-1", tiny_model, adapter),
        ("run-2", tiny_model, other),
        ("run-3", plain, adapter),
    ):
        _make_run(workspace, model, kept, run_id)
    pool = ChatPool(workspace)
    service = ChatService(workspace, pool)
    yield service, pool
    service.close()
    workspace.database.close()


def _ask(service: ChatService, *targets: Target, tokens: int = 12, **others: object) -> dict[str, str]:
    last = _last(service.ask(targets, QUESTION, max_tokens=tokens, **others))  # type: ignore[arg-type]
    assert last.problem is None
    assert last.done
    return last.texts


BASE, A, B = Target("base", "run-1", is_tuned=False), Target("a", "run-1"), Target("b", "run-2")


def test_a_base_and_two_runs_answer_one_question_as_each_does_alone(opened: tuple[ChatService, ChatPool]) -> None:
    service, pool = opened
    together = _ask(service, BASE, A, B)
    assert len(set(together.values())) == 3
    alone = {key: text for target in (A, B, BASE) for key, text in _ask(service, target).items()}
    assert together == alone
    assert len(pool.pids) == 1


def test_a_question_stands_alone_unless_earlier_turns_are_given(opened: tuple[ChatService, ChatPool]) -> None:
    service, _ = opened
    earlier = [Message(role=role, content="word " * 200) for role in (Role.USER, Role.ASSISTANT)]

    def notices(said: dict[str, list[Message]] | None) -> list[str]:
        updates = list(service.ask([A, B], QUESTION, said, max_tokens=12))
        assert updates[-1].problem is None
        return [update.notice.code for update in updates if update.notice is not None]

    assert notices(None) == []
    assert notices({"a": earlier * 2}) == ["chat.turns_dropped"], "more turns than the model has room for"
    assert notices(None) == []


def test_runs_of_two_bases_are_asked_at_once(opened: tuple[ChatService, ChatPool]) -> None:
    service, pool = opened
    other = Target("c", "run-3")
    together = _ask(service, A, other)
    assert together == _ask(service, A) | _ask(service, other)
    assert len(pool.pids) == 2


def test_an_answer_of_two_bases_is_stopped_whole(opened: tuple[ChatService, ChatPool]) -> None:
    service, _ = opened
    updates = service.ask([A, Target("c", "run-3")], QUESTION, max_tokens=250, talk="page")
    next(updates)
    assert service.stop("page")
    last = _last(updates)
    assert last.done
    assert last.cut == {"a", "c"}
    assert not service.stop("page")


def test_what_cannot_be_asked_is_said_at_once(opened: tuple[ChatService, ChatPool]) -> None:
    service, _ = opened
    with pytest.raises(AfinaError, match=r"chat\.empty"):
        service.ask([A, B], " ")
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        service.ask([A, Target("d", "run-9")], QUESTION)


def test_a_base_that_knows_no_chat_says_one_line(opened: tuple[ChatService, ChatPool]) -> None:
    service, _ = opened
    assert service.is_chat_model("run-1")
    assert not service.is_chat_model("run-3")
    for temperature in (1.0, 1.5):  # a random model says line breaks too
        said = _ask(service, Target("base", "run-3", is_tuned=False), tokens=100, temperature=temperature)["base"]
        assert "\n" not in said


def test_the_plain_question_is_in_the_language_of_the_question(tiny_model: Path) -> None:
    template = ChatTemplate.load(tiny_model)
    turns = [
        Message(role=Role.SYSTEM, content="Loja de café."),
        Message(role=Role.USER, content="Oi?"),
        Message(role=Role.ASSISTANT, content="Bom dia."),
        Message(role=Role.USER, content=QUESTION),
    ]
    assert (
        template.as_plain_text("pt")
        .prompt(turns)
        .endswith(f"Loja de café.\n\nPergunta: Oi?\nResposta: Bom dia.\n\nPergunta: {QUESTION}\nResposta:")
    )
    assert template.as_plain_text("").prompt(turns[-1:]).endswith(f"Question: {QUESTION}\nAnswer:")


def test_the_gemma_of_the_catalog_is_no_chat_model_and_smollm2_is(
    base_model: str, gemma_model: str, settings: Settings
) -> None:
    assert settings.models_dir is not None
    assert is_chat_model(settings.models_dir / base_model)
    assert not is_chat_model(settings.models_dir / gemma_model)
