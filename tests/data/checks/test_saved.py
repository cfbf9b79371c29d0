"""Reports of large sets on disk."""

from __future__ import annotations

import os
from pathlib import Path

from studio.data.checks import saved
from studio.data.checks.base import Dataset
from studio.data.checks.report import Report
from tests.data.checks.test_facts import examples


def test_a_report_is_found_again_and_old_ones_go_away(tmp_path: Path) -> None:
    rows = examples()
    lines = tmp_path / "data-1.jsonl"
    lines.write_text("".join(row.model_dump_json(exclude_defaults=True) + "\n" for row in rows), encoding="utf-8")
    dataset = Dataset.of(rows)
    report = Report.of(dataset)
    for age in range(9):
        path = tmp_path / f"data-{age}.a.npz"
        path.touch()
        os.utime(path, (1_000_000 - age,) * 2)
    saved.save(tmp_path / "data-1.b.npz", dataset, report)
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == [*(f"data-{n}.a.npz" for n in (0, 1)), "data-1.b.npz",
                                                              *(f"data-{n}.a.npz" for n in (2, 3, 4))]  # fmt: skip
    again, read = saved.load(tmp_path / "data-1.b.npz", lines, None)
    assert (read.score, read.findings, len(again)) == (report.score, report.findings, len(rows))
    assert lines.exists()
