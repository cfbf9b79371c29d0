"""Events are whole lines, whatever happened to the writer."""

from __future__ import annotations

from pathlib import Path

from studio.domain.event import Phase, Step
from studio.training.run_files.event_log import EventLog, read_events


def _step(number: int) -> Step:
    return Step(
        time=1.0, step=number, epoch=0.1, loss=2.0, learning_rate=1e-3, grad_norm=1.0, tokens=10, seconds=0.5, memory=1
    )


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.write(Phase(time=1.0, name="training"))
        log.write(_step(1))
        first, offset = read_events(path)
        log.write(_step(2))
        second, _ = read_events(path, offset)
    assert [event.type for event in first] == ["phase", "step"]
    assert second == [_step(2)]


def test_a_line_being_written_is_left_for_the_next_reading(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    whole = _step(1).model_dump_json() + "\n"
    path.write_text(whole + whole[:20], encoding="utf-8")
    events, offset = read_events(path)
    assert events == [_step(1)]
    assert offset == len(whole.encode())


def test_a_cut_line_is_passed_over_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(_step(1).model_dump_json()[:30], encoding="utf-8")
    with EventLog(path) as log:
        log.write(_step(2))
    assert read_events(path)[0] == [_step(2)]


def test_no_file_has_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "missing.jsonl") == ([], 0)
