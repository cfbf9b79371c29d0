"""The figures of a final exam as tables (pandas), JSON and CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from studio.data.versions.export import safe_cell
from studio.domain.proof import Metric, Proof
from studio.i18n.catalog import Catalog

if TYPE_CHECKING:
    import pandas as pd


def metric_table(text: Catalog, proof: Proof) -> pd.DataFrame:
    """Every measure before and after, with the interval of the difference, and its corrected p."""
    import pandas as pd

    rows = [
        {
            "metric": text(f"proof.metric.{result.metric.value}"),
            "before": text.number(result.before, 3),
            "after": text.number(result.after, 3),
            "difference": text.number(result.difference.value, 3),
            "low": text.number(result.difference.low, 3),
            "high": text.number(result.difference.high, 3),
            "p": text.number(result.p, 3),
        }
        for result in proof.metrics
    ]
    columns = ("metric", "before", "after", "difference", "low", "high", "p")
    return pd.DataFrame(rows, columns=list(columns)).rename(
        columns={name: text(f"proof.col.{name}") for name in columns}
    )


def answers_table(proof: Proof) -> pd.DataFrame:
    """One row a question: texts, outcome, likely reason, counts of facts, and every score."""
    import pandas as pd

    rows = [
        {
            "number": answer.number,
            "question": answer.question,
            "expected": answer.expected,
            "topic": answer.topic,
            "before": answer.before,
            "after": answer.after,
            "outcome": answer.outcome.value,
            "right_before": answer.right_before,
            "right_after": answer.right_after,
            "likely_reason": answer.likely_reason.value if answer.likely_reason else "",
            "cut_off": answer.cut_off,
            "facts_invented": "; ".join(fact.text for fact in answer.facts_after.invented),
            "facts_contradicted": "; ".join(fact.text for fact in answer.facts_after.contradicted),
            "facts_missing": "; ".join(fact.text for fact in answer.facts_after.missing),
            **{f"{metric.value}_before": answer.scores_before.get(metric) for metric in Metric},
            **{f"{metric.value}_after": answer.scores_after.get(metric) for metric in Metric},
        }
        for answer in proof.answers
    ]
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def as_csv(proof: Proof) -> str:
    """The answers as CSV that spreadsheets open as it is meant: at whatever separator they split, no cell is run."""
    table = answers_table(proof)
    texts = table.select_dtypes(include=["object", "string"])
    table[texts.columns] = texts.map(lambda value: safe_cell(value) if isinstance(value, str) else value)
    written = table.to_csv(index=False, quoting=csv.QUOTE_ALL)
    return "\ufeff" + written  # without the mark, Excel takes UTF-8 for the local encoding
