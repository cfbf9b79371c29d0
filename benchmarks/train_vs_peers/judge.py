"""Judges an adapter in PEFT's format with plain transformers and PEFT, the same for every contender.

``python -m benchmarks.train_vs_peers.judge MODEL_DIR ADAPTER_DIR HELD_OUT.csv`` prints JSON: the mean cross entropy of
the answers' tokens (end of turn included) in fp32, and how many greedy answers equal the expected one to the letter.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.nn import functional
from transformers import AutoModelForCausalLM

from studio.domain.conversation import Conversation
from studio.models.chat_template import ChatTemplate
from studio.models.tokenizer import Tokenizer

_BATCH = 16
_LONGEST = 1024  # tokens of an example
_ROOM = 8  # tokens that an answer may be longer than the longest expected one


@dataclass(frozen=True)
class Judgement:
    """What an adapter is worth on questions that it has not seen.

    Attributes:
        loss: mean negative log-likelihood of an answer token, in nats.
        right: greedy answers that equal the expected answer to the letter.
        asked: questions asked.
    """

    loss: float
    right: int
    asked: int


def judge(model_dir: Path, adapter: Path, held_out: Path) -> Judgement:
    """Loads base and adapter in fp32 and asks every held-out question."""
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().eval()
    template, tokenizer = ChatTemplate.load(model_dir), Tokenizer.load(model_dir)
    with held_out.open(newline="", encoding="utf-8") as file:
        pairs = [Conversation.pair(row["question"], row["answer"]) for row in csv.DictReader(file)]
    pairs.sort(key=lambda pair: len(pair.question))
    with torch.inference_mode():
        loss = _loss(model, template, tokenizer, pairs)
        right = sum(_right(model, template, tokenizer, pairs[i : i + _BATCH]) for i in range(0, len(pairs), _BATCH))
    return Judgement(loss, right, len(pairs))


def _loss(model: torch.nn.Module, template: ChatTemplate, tokenizer: Tokenizer, pairs: list[Conversation]) -> float:
    """One example at a time: no padding that a contender could be hurt by."""
    total, tokens = 0.0, 0
    for pair in pairs:
        example = tokenizer.encode_example(template.segments(pair), _LONGEST)
        logits = model(torch.tensor([example.input_ids])).logits[0, :-1]
        learned = torch.tensor(example.learned[1:])
        labels = torch.tensor(example.input_ids[1:])
        total += float(functional.cross_entropy(logits[learned], labels[learned], reduction="sum"))
        tokens += int(learned.sum())
    return total / tokens


def _right(model: Any, template: ChatTemplate, tokenizer: Tokenizer, pairs: list[Conversation]) -> int:
    prompts = [tokenizer.encode(template.prompt(pair.messages[:-1])) for pair in pairs]
    longest = max(map(len, prompts))
    padded = [[tokenizer.pad_id] * (longest - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    limit = max(len(tokenizer.encode(pair.answer)) for pair in pairs) + _ROOM
    written = model.generate(
        input_ids=torch.tensor(padded),
        attention_mask=torch.tensor(mask),
        max_new_tokens=limit,
        do_sample=False,
        eos_token_id=sorted(tokenizer.stop_ids),
        pad_token_id=tokenizer.pad_id,
    )
    answers = [tokenizer.decode(row[longest:].tolist()).strip() for row in written]
    return sum(answer == pair.answer.strip() for answer, pair in zip(answers, pairs, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("held_out", type=Path)
    arguments = parser.parse_args()
    print(json.dumps(asdict(judge(arguments.model_dir, arguments.adapter, arguments.held_out))))


if __name__ == "__main__":
    main()
