"""Trains an adapter of :mod:`studio.encoders.question_encoder`: ``python -m benchmarks.encoder_adapter --help``.

Learns from the files of ``assets/customer_questions/LANGUAGE``, each about one trade (a trade may have a second file, ``_2``): blocks
of questions that one answer settles, below a line that names it. Supervised contrastive learning (Khosla et al. 2020) draws the
questions of a block together and pushes the other blocks of the same file away; blocks of different files are never compared, as no
chatbot has to tell trades apart. Run by developers, not by the studio.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from studio.encoders.encoder import Encoder
from studio.encoders.tuning import contrastive_loss
from studio.settings import assets_dir

Topics = tuple[tuple[str, ...], ...]
"""Of a trade: questions, by the answer that settles them."""

_RANK: Final = 16
_LEARNING_RATE: Final = 5e-4
_WARMUP_STEPS: Final = 20
_TRADES, _TOPICS, _QUESTIONS = 2, 16, 3  # of a step: so many of each
_GROUP: Final = 32  # texts of like length that are read at a time: filling costs as much as words


def read_topics(path: Path) -> Topics:
    """The questions of a file, see above."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    return tuple(tuple(block.strip().splitlines()[1:]) for block in blocks)


def train_adapter(
    encoder: Encoder,
    trades: Sequence[Topics],
    steps: int,
    *,
    begun: Path | None = None,
    in_bf16: bool = False,
    seed: int = 0,
) -> PeftModel:
    """A LoRA adapter of an encoder, on all its linear layers.

    Args:
        encoder: as its makers published it.
        trades: two at least, with three questions a topic.
        steps: of the optimizer.
        begun: folder of an adapter to go on with.
        in_bf16: whether products are in bfloat16, where that is quicker.
        seed: of the weights and the batches.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    config = LoraConfig(
        r=_RANK, lora_alpha=2 * _RANK, lora_dropout=0.05, target_modules=["query", "key", "value", "dense"]
    )
    network: Any = encoder.model
    model = (
        get_peft_model(network, config)
        if begun is None
        else PeftModel.from_pretrained(network, str(begun), is_trainable=True)
    )
    model.train()
    adapted = [weights for weights in model.parameters() if weights.requires_grad]
    optimizer = torch.optim.AdamW(adapted, lr=_LEARNING_RATE, weight_decay=0.01)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * min(1.0, (step + 1) / _WARMUP_STEPS) * (1 - step / steps)
        loss = torch.zeros(())
        for trade in random.choice(len(trades), _TRADES, replace=False):
            texts, labels = _drawn(trades[trade], random)
            loss = loss + contrastive_loss(_vectors(model, encoder, texts, in_bf16), torch.tensor(labels)) / _TRADES
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(adapted, 1.0)
        optimizer.step()
        if step % 20 == 0:
            print(f"step {step} of {steps}, loss {loss.item():.2f}", flush=True)
    return model.eval()


def _drawn(topics: Topics, random: np.random.Generator) -> tuple[list[str], list[int]]:
    """Questions of a step, and the topic of each."""
    texts, labels = [], []
    for topic in random.choice(len(topics), min(_TOPICS, len(topics)), replace=False).tolist():
        for place in random.choice(len(topics[topic]), min(_QUESTIONS, len(topics[topic])), replace=False):
            texts.append(topics[topic][place])
            labels.append(topic)
    return texts, labels


def _vectors(model: PeftModel, encoder: Encoder, texts: Sequence[str], in_bf16: bool) -> torch.Tensor:
    """As :meth:`Encoder.encode`, to learn from."""
    ids = [each.ids for each in encoder.tokenizer.encode_batch([encoder.traits.prefix + text for text in texts])]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    pad = torch.nn.utils.rnn.pad_sequence
    found = []
    for start in range(0, len(order), _GROUP):
        rows = [torch.tensor(ids[place]) for place in order[start : start + _GROUP]]
        mask = pad([torch.ones_like(row) for row in rows], batch_first=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
            hidden = model(input_ids=pad(rows, batch_first=True), attention_mask=mask).last_hidden_state
        mean = (hidden.float() * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        found.append(torch.nn.functional.normalize(mean, dim=1))
    return torch.cat(found)[torch.from_numpy(np.argsort(order))]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", type=Path, help="folder of an installed encoder")
    parser.add_argument("adapter", type=Path, help="folder to write to")
    parser.add_argument("--language", action="append", required=True, choices=("en", "pt"), help="twice counts double")
    parser.add_argument("--begun", type=Path, help="folder of an adapter to go on with")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument(
        "--bf16", action="store_true", help="where the processor is quicker in it: with AMX, not with AVX2 alone"
    )
    parser.add_argument("--strength", type=float, default=1.0, help="share of it that is merged")
    parser.add_argument("--without", action="append", default=[], help="a trade to leave out, with its second file")
    given = parser.parse_args()
    folder = assets_dir() / "customer_questions"
    files = [path for language in given.language for path in sorted((folder / language).glob("*.txt"))]
    trades = [read_topics(path) for path in files if path.stem.removesuffix("_2") not in given.without]
    model = train_adapter(Encoder.load(given.encoder), trades, given.steps, begun=given.begun, in_bf16=given.bf16)
    config: Any = model.peft_config["default"]
    config.lora_alpha = round(config.lora_alpha * given.strength)
    config.base_model_name_or_path = given.encoder.name  # not a path of this computer
    model.half().save_pretrained(str(given.adapter))


if __name__ == "__main__":
    main()
