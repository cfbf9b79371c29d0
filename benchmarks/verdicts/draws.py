"""Verdicts on drawn answers of two models, in topics that go well or badly for one of them."""

from __future__ import annotations

from collections import Counter

from studio.domain.proof import Bar, Verdict
from studio.evaluation.statistics import paired_bootstrap, paired_permutation
from studio.evaluation.verdict import decide


def print_draws(count: int) -> None:
    """Prints how often two models whose chance to be right differs by ``gain`` get each verdict.

    Args:
        count: exams a line.
    """
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
