"""Reports of large sets on disk."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from studio.data.checks import registry, report_file
from studio.data.checks.check import Check
from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.report import Report
from studio.data.checks.scanner import Scanner
from studio.domain.conversation import Conversation
from studio.errors import AfinaError
from tests.data.checks.test_facts import examples


def test_a_report_is_found_again_and_old_ones_go_away(tmp_path: Path) -> None:
    rows = examples()
    lines = tmp_path / "data-1.jsonl"
    lines.write_text("".join(row.model_dump_json(exclude_defaults=True) + "\n" for row in rows), encoding="utf-8")
    dataset = ScannedDataset.of(rows)
    report = Report.of(dataset)
    for age in range(9):
        path = tmp_path / f"data-{age}.a.npz"
        path.touch()
        os.utime(path, (1_000_000 - age,) * 2)
    report_file.save(tmp_path / "data-1.b.npz", dataset, report)
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == [*(f"data-{n}.a.npz" for n in (0, 1)), "data-1.b.npz",
                                                              *(f"data-{n}.a.npz" for n in (2, 3, 4))]  # fmt: skip
    again, read = report_file.load(tmp_path / "data-1.b.npz", lines, None)
    assert (read.score, read.findings, len(again)) == (report.score, report.findings, len(rows))
    assert lines.exists()


def _many() -> tuple[Check, ...]:
    """The checks, 20 that find nothing, and one that finds a word: beyond the 32nd place, and in the last one."""
    quiet = replace(registry.CHECKS[0], text=None, answer=lambda text, key: False, asked=None, pair=None)
    more = [replace(quiet, code=f"quiet_{n}") for n in range(63 - len(registry.CHECKS))]
    return (*registry.CHECKS, *more, replace(quiet, code="word", answer=lambda text, key: "xyz" in text))


def test_flags_hold_more_than_32_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    many = _many()
    monkeypatch.setattr(registry, "CHECKS", many)
    rows = [Conversation.pair(f"q {n}?", "xyz" if n % 3 == 0 else "abc", id=f"e{n}") for n in range(1, 10)]
    facts = Scanner().scan(rows)
    dataset = ScannedDataset(tuple(rows), known=facts)
    assert dataset.flagged("word").tolist() == [2, 5, 8]
    assert dataset.flagged("quiet_0").tolist() == []


def test_a_report_of_other_checks_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = examples()
    lines = tmp_path / "data-1.jsonl"
    lines.write_text("".join(row.model_dump_json(exclude_defaults=True) + "\n" for row in rows), encoding="utf-8")
    dataset = ScannedDataset.of(rows)
    report_file.save(tmp_path / "data-1.npz", dataset, Report.of(dataset))
    report_file.load(tmp_path / "data-1.npz", lines, None)
    for other in (registry.CHECKS[1:], registry.CHECKS[::-1], _many()):
        with monkeypatch.context() as patch:
            patch.setattr(registry, "CHECKS", other)
            with pytest.raises(AfinaError, match=r"disk\.missing"):
                report_file.load(tmp_path / "data-1.npz", lines, None)
