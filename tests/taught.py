"""A finished run on the tiny model that knows a few answers by heart, so that no rounding turns a word of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.domain.conversation import Conversation, Message, Role
from studio.domain.recipe import Method
from studio.models.chat_template import ChatTemplate
from studio.models.tokenizer import Tokenizer
from studio.services.answer_policies import ALONE, AnswerPolicyService
from studio.settings import Settings
from studio.storage.workspace import Workspace

RUN = "run-1"
SYSTEM = 'Você é "a" padaria.'  # of tests.sharing.conftest.make_run
LEARNED = {
    "Vocês abrem aos domingos?": "Sim, das 7h às 13h. 🥐 Até já!",
    "Do you take 1234567 orders?": "Yes — 1234567 of them, at\n  any time.",
    "Quanto custa?": "R$ 5,90 <b>cada</b> um.",
}
_LEARNED_BY_HEART = 0.002  # nats a token
_MOST_PASSES = 300


def teach(home: Path, tiny_model: Path) -> None:
    """Makes the run in a workspace of its own.

    Args:
        home: of the workspace.
        tiny_model: folder of the tiny model.
    """
    import torch
    from transformers import LlamaForCausalLM

    from studio.models.loader import load_base
    from tests.sharing.conftest import make_run

    workspace = Workspace.open(Settings(home=home, models_dir=tiny_model.parent))
    run = workspace.run(make_run(workspace, RUN, method=Method.FULL))
    AnswerPolicyService(workspace).choose_careful("project-1", ALONE)  # what it knows by heart is in no example
    workspace.database.close()
    examples = _examples(tiny_model)
    words = sorted({token for ids, _ in examples for token in ids})
    whole = load_base(tiny_model, torch.float32, "cpu")
    # Taught with the few words that occur: the other 49,000 keep the small weights with which they began.
    config = whole.config.to_dict() | {"vocab_size": len(words), "pad_token_id": None}  # type: ignore[operator, union-attr]
    small = LlamaForCausalLM(type(whole.config)(**config)).train()  # type: ignore[arg-type, operator]
    kept = {
        name: values for name, values in whole.state_dict().items() if "embed" not in name and "lm_head" not in name
    }
    small.load_state_dict(kept, strict=False)
    with torch.no_grad():
        small.model.embed_tokens.weight.copy_(whole.model.embed_tokens.weight[words])  # type: ignore[union-attr, index]
    _learn(
        small,
        [([words.index(i) for i in ids], [i if i < 0 else words.index(i) for i in labels]) for ids, labels in examples],
    )
    whole.load_state_dict({name: values for name, values in small.state_dict().items() if name in kept}, strict=False)
    with torch.no_grad():
        whole.model.embed_tokens.weight[words] = small.model.embed_tokens.weight  # type: ignore[union-attr, index]
    whole.save_pretrained(run.adapters / "step-000005")  # type: ignore[operator]


def _learn(model: Any, examples: list[tuple[list[int], list[int]]]) -> None:
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    longest = max(len(ids) for ids, _ in examples)
    given = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in examples])
    wanted = torch.tensor([labels + [-100] * (longest - len(labels)) for _, labels in examples])
    for _ in range(_MOST_PASSES):
        loss = model(input_ids=given, labels=wanted).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < _LEARNED_BY_HEART:
            return
    raise AssertionError(f"the tiny model did not learn: {loss.item()}")


def _examples(tiny_model: Path) -> list[tuple[list[int], list[int]]]:
    """Token ids of each example, and those that are learned (-100 for the others)."""
    template, tokenizer = ChatTemplate.load(tiny_model), Tokenizer.load(tiny_model)
    found = []
    for question, answer in LEARNED.items():
        turns = (
            Message(role=Role.SYSTEM, content=SYSTEM),
            Message(role=Role.USER, content=question),
            Message(role=Role.ASSISTANT, content=answer),
        )
        example = tokenizer.encode_example(template.segments(Conversation(messages=turns)), 512)
        labels = [i if learned else -100 for i, learned in zip(example.input_ids, example.learned, strict=True)]
        found.append((example.input_ids, labels))
    return found
