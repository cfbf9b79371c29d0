"""The labelled tables of ``benchmarks/reading_tables.py`` are read as well as ``benchmarks/reading.md`` says."""

from __future__ import annotations

from benchmarks.reading import measure


def test_labelled_tables() -> None:
    score = measure()
    assert score.tables >= 150
    assert score.header_right >= 0.99 * score.with_header
    right = score.right + score.refused_rightly + score.refused_wrongly
    assert right >= 0.98 * score.tables
    assert score.refused_wrongly <= 0.02 * score.tables
    assert score.silently_wrong <= 0.005 * score.tables
