"""Whatever goes wrong while a chat worker answers, only those who asked hear of it, and the next question is answered."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from studio.chat.engine import Engine
from studio.chat.protocol import Ask, Generate, Reply, Warm
from studio.chat.request_handler import RequestHandler
from studio.chat.sampling import Sampling
from studio.domain.conversation import Message, Role
from studio.models.chat_template import ChatTemplate
from studio.models.tokenizer import Tokenizer

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]


class Opened:
    """A handler whose engine is at hand, and what it has sent."""

    def __init__(self, model_dir: Path) -> None:
        self.engine = Engine(model_dir, torch.float32)
        self.replies: list[Reply] = []
        self.handler = RequestHandler(model_dir, lambda: self.engine, self.replies.append)

    def finish(self) -> None:
        while self.handler.is_busy:
            self.handler.step()

    def answers(self, identifier: str) -> dict[str, str]:
        """What was said to one request, which must have ended well."""
        own = [reply for reply in self.replies if reply.id == identifier]
        assert [reply.problem for reply in own] == [None] * len(own)
        assert own[-1].done
        keys = {key for reply in own for key in reply.texts}
        return {key: "".join(reply.texts.get(key, "") for reply in own) for key in keys}

    def problem(self, identifier: str) -> str:
        """The code with which one request ended."""
        (found,) = [reply for reply in self.replies if reply.id == identifier and reply.problem is not None]
        assert found.done
        assert found.problem is not None
        return found.problem.code

    @contextmanager
    def failing(self, when: Callable[[tuple[int, ...]], bool]) -> Iterator[None]:
        """Lets each pass through the base model fail whose tokens have a shape that ``when`` accepts."""
        handles = []
        for decoder in self.engine.decoders:

            def fail(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
                if when(tuple(given[0].shape)):
                    raise RuntimeError("broken on purpose")

            handles.append(decoder._model.get_input_embeddings().register_forward_pre_hook(fail))  # type: ignore[operator]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


@pytest.fixture
def opened(tiny_model: Path) -> Opened:
    return Opened(tiny_model)


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"))
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    folder = tmp_path_factory.mktemp("adapter") / "step-000010"
    tuned.save_pretrained(folder)
    return folder


def _request(identifier: str, *tuned: Path | None, tokens: int = 6, client: str = "") -> Generate:
    turns = (Message(role=Role.USER, content="What is the capital of France?"),)
    asks = tuple(Ask(id=str(n), turns=turns, tuned=str(folder) if folder else None) for n, folder in enumerate(tuned))
    return Generate(id=identifier, client=client or identifier, asks=asks, max_tokens=tokens)


def _truncated(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])


def _of_unequal_ranks(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "adapter_model.safetensors")
    name = next(name for name in tensors if "lora_A" in name)
    save_file({**tensors, name: tensors[name][:2].contiguous()}, folder / "adapter_model.safetensors")


def _without_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize("breaking", [_truncated, _of_unequal_ranks, _without_config, shutil.rmtree])
def test_a_broken_adapter_fails_only_for_those_who_asked_for_it(
    opened: Opened, adapter: Path, tmp_path: Path, breaking: Callable[[Path], None]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(adapter, broken)
    breaking(broken)
    opened.handler.take(_request("before", None, adapter))
    opened.handler.step()
    opened.handler.take(_request("broken", None, broken))
    opened.handler.take(_request("beside", adapter, None))
    opened.handler.take(Warm(id="warm", tuned=str(broken)))
    opened.finish()
    assert opened.problem("broken") != "chat.worker_died"
    opened.problem("warm")
    opened.handler.take(_request("after", None, adapter))
    opened.finish()
    said = opened.answers("before")
    assert opened.answers("after") == said
    assert opened.answers("beside") == {"0": said["1"], "1": said["0"]}


def test_a_prompt_that_fails_to_be_read_leaves_those_who_are_being_answered_alone(
    opened: Opened, adapter: Path
) -> None:
    opened.handler.take(_request("speaking", None, adapter, tokens=12))
    opened.handler.step()
    opened.handler.step()
    with opened.failing(lambda shape: shape[1] > 1):
        opened.handler.take(_request("newcomer", adapter))
        opened.finish()
    assert opened.problem("newcomer") == "general.unexpected"
    opened.handler.take(_request("after", None, adapter, tokens=12))
    opened.finish()
    assert opened.answers("after") == opened.answers("speaking")


def test_an_exception_in_the_middle_of_a_stream_ends_it_and_the_next_question_works(
    opened: Opened, adapter: Path
) -> None:
    opened.handler.take(_request("first", None, adapter, tokens=12))
    opened.handler.step()
    opened.handler.step()
    with opened.failing(lambda shape: shape[1] == 1):
        opened.handler.take(_request("waiting", adapter))
        opened.handler.step()
    assert opened.problem("first") == "general.unexpected"
    opened.finish()
    opened.handler.take(_request("after", adapter))
    opened.finish()
    assert opened.answers("after") == opened.answers("waiting")


def test_a_failed_choice_of_adapters_is_forgotten(opened: Opened, adapter: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(adapter, other)
    opened.handler.take(_request("before", None, adapter, other))
    opened.finish()
    (decoder,) = opened.engine.decoders
    _, row = opened.engine.row([1], 1, other, Sampling())
    assert row.adapter is not None
    name, update = next(iter(row.adapter.updates.items()))
    row.adapter.updates[name] = type(update)(update.down[:, :-1], update.up)  # as no file can make it any more
    opened.handler.take(_request("broken", other, None, adapter))
    opened.finish()
    assert opened.problem("broken") == "general.unexpected"
    row.adapter.updates[name] = update
    assert not decoder.rows
    opened.handler.take(_request("after", None, adapter, other))
    opened.finish()
    assert opened.answers("after") == opened.answers("before")


def test_a_failing_first_pass_leaves_nothing_behind(opened: Opened, adapter: Path) -> None:
    with opened.failing(lambda _: True):
        opened.handler.take(Warm(id="warm", tuned=str(adapter)))
    assert opened.problem("warm") == "general.unexpected"
    assert not opened.engine.rows
    opened.handler.take(_request("after", adapter))
    opened.finish()
    assert opened.answers("after")


def test_text_that_cannot_be_decoded_ends_one_answer_only(
    opened: Opened, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, seen = Tokenizer.decode, list[int]()

    def decode_once(self: Tokenizer, ids: Any) -> str:
        seen.append(len(seen))
        if len(seen) == 1:
            raise ValueError("broken on purpose")
        return decode(self, ids)

    monkeypatch.setattr(Tokenizer, "decode", decode_once)
    opened.handler.take(_request("broken", None))
    opened.handler.take(_request("beside", adapter))
    opened.finish()
    assert opened.problem("broken") == "general.unexpected"
    opened.handler.take(_request("after", adapter))
    opened.finish()
    assert opened.answers("after") == opened.answers("beside")


def test_an_answer_ends_before_a_text_that_the_client_named(opened: Opened, adapter: Path, tiny_model: Path) -> None:
    opened.handler.take(_request("whole", adapter, tokens=12))
    opened.finish()
    whole = opened.answers("whole")["0"]
    stop = next(whole[at : at + 2] for at in range(1, len(whole) - 1) if whole.index(whole[at : at + 2]) == at)
    request = _request("stopped", adapter, tokens=12).model_copy(update={"stop": (stop,)})
    opened.handler.take(request)
    opened.finish()
    assert opened.answers("stopped")["0"] == whole[: whole.index(stop)]
    last = opened.replies[-1]
    assert last.ended == {"0": "stop"}
    assert last.tokens["0"] < 12
    prompt = ChatTemplate.load(tiny_model).prompt(request.asks[0].turns)
    assert last.prompt_tokens == {"0": len(opened.engine.tokenizer.encode(prompt))}
