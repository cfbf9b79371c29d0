"""Fits a selector for a page without encoder or server: ``python -m studio.trust.browser JOB OUT``.

``JOB`` is a :class:`studio.trust.decision.TrustJob` as JSON; the threshold is one for letters alone.
Writes what ``studio/web/demo/site_static/known.js`` reads to ``OUT``.
"""

from __future__ import annotations

import base64
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from studio.processes.child import work_as_child
from studio.storage.compute_lock import ComputeLock
from studio.storage.files import write_atomic
from studio.trust.decision import TrustJob
from studio.trust.index import Floats
from studio.trust.selector import AnswerSelector
from studio.trust.worker import fitted_selector


def main(arguments: list[str]) -> int:
    """Entry point of the child process."""

    def work() -> None:
        job = TrustJob.model_validate_json(Path(arguments[0]).read_bytes())
        job = job.model_copy(update={"letters_only": True, "encoder_dir": None, "encoder": ""})
        with nullcontext() if job.home is None else ComputeLock(job.home).answering():
            selector, _ = fitted_selector(job)
        write_atomic(Path(arguments[1]), json.dumps(browser_selector(selector, job.careful), ensure_ascii=False))

    return work_as_child(work)


def browser_selector(selector: AnswerSelector, careful: float) -> dict[str, Any]:
    """A selector of letters alone, as values of JSON; arrays of numbers as base64 of little-endian floats.

    Args:
        selector: fitted to letters alone.
        careful: at most this share of all questions may get a wrong known answer.
    """
    assert not selector.index.questions.vectors, "no page has an encoder"
    known = selector.index.known
    return {
        "questions": known.questions,
        "labels": known.labels,
        "answers": known.answers,
        "pieces": selector.index.letter_pieces,
        "ridge": _base64(selector.ridge),
        "weights": selector.choice.weights.tolist(),
        "outsideBias": selector.choice.outside_bias.tolist(),
        "outsideLimit": selector.outside_limit,
        "careful": careful,
        "threshold": selector.curve.level(careful).threshold,
        "curve": selector.curve.model_dump(mode="json"),
    }


def _base64(values: Floats) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode("ascii")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
