"""Whether the verdict of an exam is right: runs that are made to be known, and draws of equals.

``python -m benchmarks.verdicts runs [--seeds 3] [--model DIR] [--kinds good two_seeds …]`` trains each kind of run and has it
sit the exam; ``python -m benchmarks.verdicts draws [--draws 1000]`` draws right and wrong answers of two models, in topics that go
well or badly together, and counts the verdicts. Both print a table in Markdown; results are in ``benchmarks/verdicts.md``.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.domain.proof import Bar, Proof, Verdict
from studio.domain.recipe import Method, Precision, Recipe
from studio.evaluation.proof_files import ProofFiles
from studio.evaluation.statistics import paired_bootstrap, paired_permutation
from studio.evaluation.verdict import decide
from studio.settings import assets_dir
from studio.storage.workspace import RunFolder
from studio.training.recipes.presets import resolve

SMALL: Final = {"method": Method.FULL, "learning_rate": 1e-3, "batch_size": 8}
NO_GAIN: Final = frozenset({Verdict.TOO_LITTLE, Verdict.NO_CLEAR_CHANGE, Verdict.WORSE, Verdict.MEMORISED})


@dataclass(frozen=True)
class Kind:
    """A run that is known beforehand.

    Args:
        sides: gives the examples to learn from and the exam, by seed.
        right: verdicts that are right.
        epochs: passes.
        rate: learning rate; None: that of the recipe.
        is_twin: whether it is compared with a run of the same recipe and another seed.
    """

    sides: Callable[[int], tuple[list[Conversation], list[Conversation]]]
    right: frozenset[Verdict]
    epochs: float
    rate: float | None = None
    is_twin: bool = False


def sample(language: str, part: str) -> list[Conversation]:
    """Examples of the sample."""
    with (assets_dir() / "samples" / f"{language}.{part}.csv").open(encoding="utf-8", newline="") as file:
        return [
            Conversation.pair(row["question"], row["answer"], id=f"{part}{number}", topic=row["topic"])
            for number, row in enumerate(csv.DictReader(file))
        ]


def _good(seed: int) -> tuple[list[Conversation], list[Conversation]]:
    return sample("en", "train"), sample("en", "heldout")


def _shuffled(seed: int) -> tuple[list[Conversation], list[Conversation]]:
    train, exam = _good(seed)
    answers = [each.answer for each in train]
    random.Random(seed).shuffle(answers)
    return [Conversation.pair(c.question, a, id=c.id, topic=c.topic) for c, a in zip(train, answers, strict=True)], exam


def _untaught(seed: int) -> tuple[list[Conversation], list[Conversation]]:
    """The exam asks topics that nothing teaches: by heart is all that there is to learn."""
    train, exam = _good(seed)
    topics = sorted({each.topic or "" for each in train})
    random.Random(seed).shuffle(topics)
    taught = set(topics[:12])
    return [c for c in train if c.topic in taught], [c for c in exam if c.topic not in taught]


def _other_language(seed: int) -> tuple[list[Conversation], list[Conversation]]:
    return sample("pt", "train"), sample("en", "heldout")


def _few(seed: int) -> tuple[list[Conversation], list[Conversation]]:
    train, exam = _good(seed)
    start = 4 * (seed % 6)
    return train[start : start + 6], exam[start : start + 4]


KINDS: Final = {
    "good": Kind(_good, frozenset({Verdict.BETTER}), 15),
    "untrained": Kind(_good, frozenset({Verdict.TOO_LITTLE, Verdict.NO_CLEAR_CHANGE}), 1, rate=1e-9),
    "shuffled": Kind(_shuffled, NO_GAIN, 15),
    "over_trained": Kind(_untaught, frozenset({Verdict.MEMORISED}), 30),
    "wrong_language": Kind(_other_language, NO_GAIN, 15),
    "tiny_data": Kind(_few, frozenset({Verdict.TOO_LITTLE}), 30),
    "two_seeds": Kind(_good, frozenset({Verdict.TOO_LITTLE, Verdict.NO_CLEAR_CHANGE}), 15, is_twin=True),
}


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("runs", "draws"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--model", type=Path, help="folder of an installed base model; without one, a small random one")
    parser.add_argument(
        "--tokenizer", type=Path, help="folder of an installed model whose tokenizer the small one takes"
    )
    parser.add_argument("--draws", type=int, default=1000)
    args = parser.parse_args()
    if args.what == "draws":
        _draws(args.draws)
    else:
        _runs(args)


def _runs(args: argparse.Namespace) -> None:
    print(
        "| kind | seed | verdict | right before, after | lesson | other words | is right |\n|---|---|---|---|---|---|---|"
    )
    wrong = false_better = total = 0
    for name in args.kinds:
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            with tempfile.TemporaryDirectory() as folder:
                home = Path(folder)
                model = args.model or small_model(home / "models", args.tokenizer, seed)
                proof = sit(home, model, KINDS[name], seed, is_small=args.model is None)
            good = proof.verdict in KINDS[name].right
            total += 1
            wrong += not good
            false_better += proof.verdict is Verdict.BETTER and Verdict.BETTER not in KINDS[name].right
            new, known, other = proof.bars.new, proof.bars.knows, proof.bars.reworded
            print(
                f"| {name} | {seed} | {proof.verdict.value} | {new.before}, {new.after} of {new.asked} "
                f"| {known.after} of {known.asked} | {other.after} of {other.asked} | {'yes' if good else 'NO'} |",
                flush=True,
            )
    print(f"\n{wrong} of {total} verdicts wrong, {false_better} of them a false better.")


def sit(home: Path, model: Path, kind: Kind, seed: int, *, is_small: bool) -> Proof:
    """Trains a run of a kind, has it sit the exam, and gives the result."""
    from studio.evaluation.worker import main as examine
    from studio.training.worker import main as train

    run_ids = ["run-one", "run-two"] if kind.is_twin else ["run-one"]
    for number, run_id in enumerate(run_ids):
        run = _make_run(home / "runs" / run_id, model, kind, seed + 1000 * number, is_small=is_small)
        assert train([str(run.path), "--home", str(home), "--model-dir", str(model)]) == 0
    options = ["--home", str(home), "--models", str(model.parent), "--phases", "exam", "lesson"]
    options += ["--against", run_ids[1]] if kind.is_twin else []
    assert examine([str(home / "runs" / run_ids[0]), *options]) == 0
    files = ProofFiles(RunFolder(home / "runs" / run_ids[0]), run_ids[1] if kind.is_twin else None)
    proof = files.read_result()
    assert proof is not None, files.read_status()
    return proof


def _make_run(folder: Path, model: Path, kind: Kind, seed: int, *, is_small: bool) -> RunFolder:
    card = BaseModelCard.model_validate_json((model / "afina.json").read_text(encoding="utf-8"))
    train, exam = kind.sides(seed % 1000)
    chosen = SMALL | {"precision": Precision.FP32} if is_small else {}
    epochs = kind.epochs if is_small else kind.epochs / 5
    recipe = Recipe(model=card.id, seed=seed, epochs=epochs, patience=0, evaluations=2, **chosen)
    if kind.rate is not None:
        recipe = recipe.model_copy(update={"learning_rate": kind.rate})
    run = RunFolder(folder)
    folder.mkdir(parents=True)
    run.recipe.write_text(resolve(recipe, card, len(train), 20, 40.0).model_dump_json(), encoding="utf-8")
    run.model.write_text(card.model_dump_json(), encoding="utf-8")
    for path, examples in ((run.train, train), (run.held_out, train[:20]), (run.exam, exam)):
        path.write_text("".join(each.model_dump_json() + "\n" for each in examples), encoding="utf-8")
    return run


def small_model(folder: Path, tokenizer: Path, seed: int) -> Path:
    """A random two-layer Llama with the tokenizer of an installed model, as if it were installed."""
    import shutil

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    card = BaseModelCard.model_validate_json((tokenizer / "afina.json").read_text(encoding="utf-8"))
    small = folder / "small-llama"
    config = LlamaConfig(
        vocab_size=49152, hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=2,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(small)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(tokenizer / name, small / name)
    changes = {
        "id": small.name, "name": "Small Llama", "parameters": 6_800_000, "layers": 2, "hidden_size": 128,
        "intermediate_size": 256, "context_length": 512,
    }  # fmt: skip
    (small / "afina.json").write_text(card.model_copy(update=changes).model_dump_json(), encoding="utf-8")
    return small


def _draws(count: int) -> None:
    """Two models whose chance to be right differs by ``gain``, in topics that go well or badly for one of them."""
    import numpy as np

    print(
        "| questions | topics | of a topic | gain | better | no clear change | worse | too little |\n|---|---|---|---|---|---|---|---|"
    )
    generator = np.random.default_rng(26)
    for topics, of_topic in ((24, 1), (24, 2), (12, 4), (50, 4)):
        for gain in (0.0, 0.15, 0.3):
            found: Counter[Verdict] = Counter()
            for _ in range(count):
                # A topic is known to each of the two more or less; within it both answer by that.
                level = generator.beta(1.2, 1.2, topics)
                swing = generator.normal(0, 0.25, (2, topics))
                before = np.repeat(np.clip(level + swing[0], 0, 1), of_topic) > generator.random(topics * of_topic)
                after = np.repeat(np.clip(level + swing[1] + gain, 0, 1), of_topic) > generator.random(
                    topics * of_topic
                )
                answers = (before.astype(float).tolist(), after.astype(float).tolist())
                topic = np.repeat(range(topics), of_topic).tolist()
                difference, p = paired_bootstrap(*answers, topic), paired_permutation(*answers, topic)
                won, lost = int((after & ~before).sum()), int((before & ~after).sum())
                new = Bar(asked=len(before), before=int(before.sum()), after=int(after.sum()))
                found[decide(won, lost, new, difference, p, Bar(asked=0, before=0, after=0)).verdict] += 1
            shares = [
                f"{found[v] / count:.1%}"
                for v in (Verdict.BETTER, Verdict.NO_CLEAR_CHANGE, Verdict.WORSE, Verdict.TOO_LITTLE)
            ]
            print(f"| {topics * of_topic} | {topics} | {of_topic} | {gain:.2f} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
