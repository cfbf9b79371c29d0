"""What the plots of the screen count, as values for ``afina examples --json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.data.checks.check import Dataset


def summary(dataset: Dataset) -> dict[str, Any]:
    """Lengths in tokens (null without ``--model``), languages, topics and groups of near-identical questions.

    Args:
        dataset: the examples, as the checks see them.
    """
    from studio.data.insights.statistics import Insights

    found = Insights.of(dataset)
    return {
        "lengths": asdict(found.lengths) if found.lengths else None,
        "languages": {
            "counts": {code or "unknown": count for code, count in found.languages},
            "looked_at": sum(count for _, count in found.languages),
        },
        "topics": {
            "named": found.topics.named,
            "count": len(found.topics.topics),
            "single_phrasing": [topic.first for topic in found.topics.single],
            "topics": [asdict(topic) for topic in found.topics.topics],
        },
        "repeated_questions": [{"ids": list(group.ids), "answers": group.answers} for group in found.copies],
    }
