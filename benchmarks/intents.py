"""Question-answer pairs of chosen intents, made as ``../shared/bench/support_pairs.py`` makes those of the first ones.

    python -m benchmarks.intents ../shared 20 40 OUT [--seed 0]

writes OUT/train.csv (12 questions an intent) and OUT/held_out.csv (4 others) of the intents 20 to 39 in alphabetical
order: settings are chosen on these, and reported on the first twenty.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import random
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("first", type=int)
    parser.add_argument("end", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    spec = importlib.util.spec_from_file_location("support_pairs", args.shared / "bench" / "support_pairs.py")
    assert spec is not None
    assert spec.loader is not None
    pairs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pairs)
    by_intent: dict[str, set[str]] = {}
    with (args.shared / "data" / "banking77_train.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            by_intent.setdefault(row["category"], set()).add(" ".join(row["text"].split()))
    dice = random.Random(args.seed)
    rows: dict[str, list[tuple[str, str]]] = {"train": [], "held_out": []}
    for intent in sorted(by_intent)[args.first : args.end]:
        questions = sorted(by_intent[intent])
        dice.shuffle(questions)
        rows["train"] += [(question, pairs.canned_answer(intent)) for question in questions[:12]]
        rows["held_out"] += [(question, pairs.canned_answer(intent)) for question in questions[12:16]]
    args.out.mkdir(parents=True, exist_ok=True)
    for name, found in rows.items():
        dice.shuffle(found)
        with (args.out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("question", "answer"), *found])


if __name__ == "__main__":
    main()
