from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from studio.storage.compute_lock import ComputeLock

HOLDER = """
import sys, pathlib
from studio.storage.compute_lock import ComputeLock
with ComputeLock(pathlib.Path(sys.argv[1])).answering():
    print("holding", flush=True)
    sys.stdin.readline()
"""


def hold(home: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    return process


def test_training_waits_until_the_answer_is_given(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    passed = threading.Event()
    thread = threading.Thread(target=lambda: (ComputeLock(tmp_path).wait(), passed.set()))
    thread.start()
    assert not passed.wait(0.3)
    holder.communicate("done\n")
    assert passed.wait(60)
    thread.join()


def test_a_killed_answerer_holds_nobody_up(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    holder.kill()
    holder.communicate()
    assert ComputeLock(tmp_path).wait(timeout=10) < 10


def test_a_busy_demo_cannot_starve_a_run(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    assert ComputeLock(tmp_path).wait(timeout=0.2) >= 0.2
    holder.communicate("done\n")


def test_a_busy_demo_cannot_keep_another_chatbot_from_its_answers(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    with ComputeLock(tmp_path).answering(timeout=0.2):
        pass
    assert not ComputeLock(tmp_path).hold(), "whoever held it holds it still"
    holder.communicate("done\n")
    with ComputeLock(tmp_path).answering():
        assert not ComputeLock(tmp_path).hold()
    assert ComputeLock(tmp_path).hold()
