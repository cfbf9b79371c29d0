"""From which closeness two answers say the same: ``python -m benchmarks.same_meaning [--models FOLDER] [--questions CSV]``.

``same_meaning.csv`` has answers without a fact (with facts, facts decide), each with one that says the same in other words and
one that says the opposite. Different are: any other answer, and a mixture of two, the first sentence of one and the last of
another, as small tuned models say it. Beside them stand the questions of both samples, and of a file of questions with an
intent (columns ``text``, ``category``), the same where topic or intent is. Printed is, of each threshold, the share of equal
pairs that is accepted and of different pairs that is refused, by the very scorer of the exam; the best threshold has the
highest mean of both.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

from studio.domain.proof import Metric
from studio.encoders.catalog import encoder_for
from studio.encoders.encoder import Encoder
from studio.evaluation.scoring import Scorer
from studio.settings import assets_dir

_MOST: Final = 3_000  # pairs of questions, and texts to calibrate by
_GRID: Final = tuple(step / 100 for step in range(20, 96, 5))


class Pair(NamedTuple):
    """Two texts."""

    one: str
    other: str


class Pairs(NamedTuple):
    """Pairs of one kind of text in one language.

    Args:
        owned: the texts that the scorer takes for the owner's.
    """

    name: str
    owned: Sequence[str]
    same: Sequence[Pair]
    different: Sequence[Pair]
    opposite: Sequence[Pair] = ()


def main() -> None:
    """Prints a table a set of pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path(".cache/models"), help="folder of the installed encoders")
    parser.add_argument("--questions", type=Path, help="questions in English, columns text and category")
    args = parser.parse_args()
    for language in ("en", "pt"):
        encoder = Encoder.load(args.models / encoder_for(language).id)
        sets = [_answers(language), _questions(language, _sample(language))]
        if language == "en" and args.questions:
            with args.questions.open(encoding="utf-8", newline="") as file:
                sets.append(_questions("intents", [(row["text"], row["category"]) for row in csv.DictReader(file)]))
        for pairs in sets:
            _print(pairs, Scorer([], pairs.owned, encoder.encode))


def _print(pairs: Pairs, scorer: Scorer) -> None:
    scorer.prepare([text for kind in (pairs.same, pairs.different, pairs.opposite) for pair in kind for text in pair])

    def closeness(kind: Sequence[Pair]) -> list[float]:
        return [scorer.score(pair.other, pair.one, "").values[Metric.MEANING] for pair in kind]

    same, different, opposite = closeness(pairs.same), closeness(pairs.different), closeness(pairs.opposite)
    print(f"\n{pairs.name}: {len(same)} the same, {len(different)} different, {len(opposite)} the opposite\n")
    print("| threshold | same accepted | different refused | mean | opposite refused |\n|---|---|---|---|---|")
    for threshold in _GRID:
        accepted, refused, contrary = (
            sum(value >= threshold for value in same) / max(1, len(same)),
            sum(value < threshold for value in different) / max(1, len(different)),
            sum(value < threshold for value in opposite) / max(1, len(opposite)),
        )
        mean = (accepted + refused) / 2
        print(f"| {threshold:.2f} | {accepted:.1%} | {refused:.1%} | {mean:.1%} | {contrary:.1%} |")


def _answers(language: str) -> Pairs:
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["language"] == language]
    answers = [row["answer"] for row in rows]
    others = [Pair(one, other) for one, other in combinations(answers, 2)]
    mixed = [
        Pair(one, f"{_parts(one)[0]} {_parts(other)[-1]}")
        for one, other in zip(answers, [*answers[1:], answers[0]], strict=True)
        if len(_parts(one)) > 1
    ]
    return Pairs(
        f"answers, {language}",
        answers,
        [Pair(row["answer"], row["same"]) for row in rows],
        [*others, *mixed],
        [Pair(row["answer"], row["opposite"]) for row in rows],
    )


def _parts(text: str) -> list[str]:
    return re.split(r"(?<=[.;,!?])\s+", text)


def _questions(name: str, rows: Sequence[tuple[str, str]]) -> Pairs:
    dice = random.Random(0)
    chosen = dice.sample(rows, min(len(rows), 2 * _MOST))
    same: list[Pair] = []
    different: list[Pair] = []
    for (one, topic), (other, its) in combinations(chosen[:400], 2):
        (same if topic == its else different).append(Pair(one, other))
    owned = list({topic: text for text, topic in chosen}.values())  # one of each, as an owner's answers are
    dice.shuffle(different)
    return Pairs(f"questions, {name}", owned, same[:_MOST], different[:_MOST])


def _sample(language: str) -> list[tuple[str, str]]:
    rows = []
    for part in ("train", "heldout"):
        with (assets_dir() / "samples" / f"{language}.{part}.csv").open(encoding="utf-8", newline="") as file:
            rows += [(row["question"], row["topic"]) for row in csv.DictReader(file)]
    return rows


if __name__ == "__main__":
    main()
