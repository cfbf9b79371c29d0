"""All runs of a project on the same exam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations

from studio.domain.proof import Interval, Proof
from studio.domain.proof_table import ProofTable, TablePair, TableRow
from studio.evaluation.statistics import ALPHA, MIN_DISCORDANT, holm, mcnemar, paired_bootstrap, wilson

_MAX_RUNS = 12  # newest: each pair more makes every other one less sure


def make_table(proofs: Sequence[Proof], training_key: Callable[[str], str | None]) -> ProofTable:
    """The runs with their shares of right answers, and each pair on the questions that both were asked.

    Args:
        proofs: results against the base model, the newest first.
        training_key: the same for two runs, by their ids, that were trained alike: of those neither is called better.
    """
    from studio.data.text import plain

    newest = list(proofs)[:_MAX_RUNS]
    key_of = cache(training_key)  # reads the examples of a run, so only where two runs differ
    right = {
        proof.run_id: {(plain(a.question), plain(a.expected)): (a.right_after, a.topic) for a in proof.answers}
        for proof in newest
    }
    pairs = []
    for one, other in combinations(newest, 2):
        shared = right[one.run_id].keys() & right[other.run_id].keys()
        if not shared:
            continue
        order = sorted(shared)
        before, after = ([right[proof.run_id][key][0] for key in order] for proof in (one, other))
        topics = [right[one.run_id][key][1] or key[1] for key in order]
        won = sum(a and not b for b, a in zip(before, after, strict=True))
        lost = sum(b and not a for b, a in zip(before, after, strict=True))
        difference = paired_bootstrap([*map(float, before)], [*map(float, after)], topics)
        pairs.append((one.run_id, other.run_id, len(order), difference, mcnemar(won, lost), won, lost))
    corrected = holm([pair[4] for pair in pairs])
    common = set.intersection(*(set(found) for found in right.values())) if right else set()
    return ProofTable(
        rows=tuple(sorted(map(_row, newest), key=lambda row: -row.share.value)),
        pairs=tuple(
            _pair(first, second, n, difference, p, won + lost, key_of)
            for (first, second, n, difference, _, won, lost), p in zip(pairs, corrected, strict=True)
        ),
        questions=len(common),
    )


def _pair(
    first: str,
    second: str,
    n: int,
    difference: Interval,
    p: float,
    discordant: int,
    key_of: Callable[[str], str | None],
) -> TablePair:
    differs = p < ALPHA and discordant >= MIN_DISCORDANT and (difference.low > 0 or difference.high < 0)
    alike = differs and key_of(first) is not None and key_of(first) == key_of(second)
    better = second if difference.low > 0 else first
    return TablePair(
        first=first,
        second=second,
        n=n,
        difference=difference,
        p=p,
        winner=better if differs and not alike else None,
        trained_alike=alike,
    )


def _row(proof: Proof) -> TableRow:
    right = sum(answer.right_after for answer in proof.answers)
    return TableRow(
        run_id=proof.run_id,
        name=proof.run_name,
        right=right,
        asked=proof.n,
        share=wilson(right, proof.n),
        proof_verdict=proof.verdict,
    )
