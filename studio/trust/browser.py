"""Selectors for a page without a server: ``python -m studio.trust.browser JOB LETTERS VECTORS``.

``JOB`` is a :class:`studio.trust.decision.TrustJob` as JSON. Writes what ``studio/web/demo/site_static/known.js`` reads: to
``VECTORS`` the studio's own selector, the one whose encoder is not tuned, and to ``LETTERS`` one of letters alone, for as long
as the page has not loaded what reads meanings. Each has thresholds of its own: what decides keeps the promise by itself.
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
        letters = job.model_copy(
            update={
                "letters_only": True,
                "encoder_dir": None,
                "encoder": "",
                "folder": job.folder.with_name(f"{job.folder.name}-letters"),
            }
        )
        for way, out in zip((letters, job), arguments[1:], strict=True):
            with nullcontext() if job.home is None else ComputeLock(job.home).answering():
                selector, _ = fitted_selector(way)
            untuned = selector.untuned or selector  # a tuned encoder would be a second one, as large as the first
            write_atomic(Path(out), json.dumps(browser_selector(untuned, job.careful), ensure_ascii=False))

    return work_as_child(work)


def browser_selector(selector: AnswerSelector, careful: float) -> dict[str, Any]:
    """A selector as values of JSON.

    Args:
        selector: fitted.
        careful: at most this share of all questions may get a wrong known answer.

    Returns:
        Arrays of numbers are base64 of little-endian floats. ``ways`` has the vectors of the known questions and answers, of
        the encoder if there is one, then of the sentence encoder; none for letters alone.
    """
    index, known = selector.index, selector.index.known
    return {
        "questions": known.questions,
        "labels": known.labels,
        "answers": known.answers,
        "pieces": index.letter_pieces,
        "ways": [{"questions": _base64(one), "answers": _base64(other)} for one, other in index.ways],
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
