"""The table of verdicts, by kind of run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from benchmarks.verdicts.kinds import KINDS
from studio.domain.proof import Proof, Verdict
from studio.evaluation.statistics import wilson


def print_table(results: Mapping[tuple[str, int], Proof]) -> None:
    """Prints one line a kind, what was wrong, and both rates with their 95 % intervals.

    Args:
        results: by kind and seed.
    """
    print(
        "| kind | runs | verdicts | right before, after (mean) | of its lesson after | wrong |\n|---|---|---|---|---|---|"
    )
    for name, kind in KINDS.items():
        found = [proof for (each, _), proof in results.items() if each == name]
        if not found:
            continue
        counts = Counter(proof.verdict for proof in found)
        before, after, lesson = (
            sum(values) / len(found)
            for values in (
                [proof.before for proof in found],
                [proof.after for proof in found],
                [proof.bars.knows.share_after for proof in found],
            )
        )
        said = ", ".join(f"{verdict.value} {count}" for verdict, count in counts.most_common())
        wrong = sum(proof.verdict not in kind.right for proof in found)
        print(f"| {name} | {len(found)} | {said} | {before:.0%}, {after:.0%} | {lesson:.0%} | {wrong} |")
    wrong_ones = [(name, seed, p) for (name, seed), p in results.items() if p.verdict not in KINDS[name].right]
    for name, seed, proof in wrong_ones:
        print(f"\nWrong: {name}, seed {seed}: {proof.verdict.value}, {proof.won} won, {proof.lost} lost of {proof.n}.")
    equals = [proof for (name, _), proof in results.items() if KINDS[name].is_between_equals]
    false = sum(proof.verdict is Verdict.BETTER for proof in equals)
    print(
        f"\nWrong verdicts: {_rate(len(wrong_ones), len(results))}. Better between equals: {_rate(false, len(equals))}."
    )


def _rate(count: int, of: int) -> str:
    share = wilson(count, of)
    return f"{count} of {of} ({share.value:.1%}; {share.low:.1%} to {share.high:.1%})"
