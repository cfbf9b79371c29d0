"""Background jobs: their files, their ends, and what a restart makes of one whose process was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from studio.domain.author import acting_as, author
from studio.errors import AfinaError, Stopped
from studio.i18n import LOCALES, catalog
from studio.processes.job_registry import ActiveJob, Job, JobRegistry, JobState
from tests.child_processes import is_over
from tests.training.runs import wait_for

_KILLED = """
import subprocess, sys, time
from pathlib import Path
from studio.processes.job_registry import JobRegistry

def work(job):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "studio.example"])
    job.update(stage="reading", done=7, total=9)
    job.attach(child.pid)
    print(child.pid, flush=True)
    time.sleep(600)

JobRegistry(Path(sys.argv[1]), "import").start("p-1", work, project="p-1")
time.sleep(600)
"""


def test_a_job_tells_its_progress_and_its_result(tmp_path: Path) -> None:
    jobs, go, told = JobRegistry(tmp_path, "export"), threading.Event(), threading.Event()
    signed: list[str] = []

    def work(job: ActiveJob) -> Path:
        signed.append(author())
        job.update(stage="packing", done=3, total=4, fraction=0.75)
        told.set()
        go.wait(30)
        return tmp_path / "made.zip"

    with acting_as("Ana"):
        started = jobs.start("run-1", work, project="p-1")
    assert started is not None
    assert told.wait(30)
    job = jobs.get("run-1")
    assert job is not None
    assert (job.state, job.stage, job.done, job.total, job.fraction) == (JobState.RUNNING, "packing", 3, 4, 0.75)
    assert jobs.start("run-1", work) is None, "one of a key at a time"
    beside = JobRegistry(tmp_path, "export").get("run-1")
    assert beside is not None
    assert (beside.state, beside.stage, beside.project) == (JobState.RUNNING, "packing", "p-1")
    go.set()
    ended = jobs.wait("run-1")
    assert ended is not None
    assert (ended.state, ended.result, ended.fraction) == (JobState.DONE, str(tmp_path / "made.zip"), 1.0)
    assert signed == ["Ana"]
    assert JobRegistry(tmp_path, "export").get("run-1") == ended, "found again after a restart"
    jobs.forget("run-1")
    assert jobs.get("run-1") is None
    assert not list((tmp_path / "jobs").rglob("*.json"))


def test_what_goes_wrong_and_what_is_cancelled_are_told_apart(tmp_path: Path) -> None:
    jobs = JobRegistry(tmp_path, "import")

    def fail(job: ActiveJob) -> None:
        raise AfinaError("data.empty_file", file="a.csv")

    def wait(job: ActiveJob) -> None:
        while not job.is_cancelled():
            threading.Event().wait(0.01)
        raise Stopped

    jobs.start("p-1", fail)
    failed = jobs.wait("p-1")
    assert failed is not None
    assert failed.state is JobState.FAILED
    assert failed.problem is not None
    assert (failed.problem.code, failed.problem.params) == ("data.empty_file", {"file": "a.csv"})
    jobs.start("p-2", wait)
    jobs.cancel("p-2")
    cancelled = jobs.wait("p-2")
    assert cancelled is not None
    assert (cancelled.state, cancelled.problem) == (JobState.CANCELLED, None)
    again = JobRegistry(tmp_path, "import").get("p-1")
    assert again is not None
    assert again.problem == failed.problem


def test_jobs_wait_their_turn(tmp_path: Path) -> None:
    jobs, go, ran = JobRegistry(tmp_path, "export", at_once=1), threading.Event(), threading.Event()
    jobs.start("first", lambda job: (ran.set(), go.wait(30)))
    assert ran.wait(30)
    jobs.start("second", lambda job: None)
    second = jobs.get("second")
    assert second is not None
    assert second.state is JobState.QUEUED
    go.set()
    done = jobs.wait("second")
    assert done is not None
    assert done.state is JobState.DONE


def test_a_job_whose_process_was_killed_is_interrupted_and_its_child_is_ended(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as studio:
        assert studio.stdout is not None
        child = psutil.Process(int(studio.stdout.readline()))
        jobs = JobRegistry(tmp_path, "import")
        seen = jobs.get("p-1")
        assert seen is not None
        assert (seen.state, seen.child_pid) == (JobState.RUNNING, child.pid)
        studio.kill()
    job = jobs.get("p-1")
    assert job is not None
    assert (job.state, job.stage, job.done, job.project) == (JobState.INTERRUPTED, "reading", 7, "p-1")
    assert job.problem is not None
    assert all(catalog(locale).problem(job.problem) for locale in LOCALES)
    wait_for(lambda: is_over(child))
    assert JobRegistry(tmp_path, "import").get("p-1") == job
    done = jobs.start("p-1", lambda active: None)
    assert done is not None, "it can be started again"


def test_a_process_that_got_the_number_of_a_dead_studio_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "other"]) as stranger:
        job = Job(kind="import", key="p-1", state=JobState.RUNNING, pid=2**22 + 1, child_pid=stranger.pid)
        path = tmp_path / "jobs" / "import" / "p-1.json"
        path.parent.mkdir(parents=True)
        path.write_text(job.model_dump_json())
        found = JobRegistry(tmp_path, "import").get("p-1")
        assert found is not None
        assert found.state is JobState.INTERRUPTED
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("text", ["", "{", json.dumps({"kind": 3})])
def test_a_damaged_file_is_no_job(tmp_path: Path, text: str) -> None:
    path = tmp_path / "jobs" / "import" / "p-1.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert JobRegistry(tmp_path, "import").get("p-1") is None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_job_survives_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # no file can be written
    try:
        jobs = JobRegistry(tmp_path, "import")
        jobs.start("p-1", lambda job: "made")
        job = jobs.wait("p-1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert job is not None
    assert (job.state, job.result) == (JobState.DONE, "made")
