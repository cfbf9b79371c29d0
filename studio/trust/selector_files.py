"""Keeps a fitted selector in a folder: JSON and arrays, with checksums, no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel

from studio.storage.files import atomic_folder
from studio.storage.manifest import verify_manifest, write_manifest
from studio.trust.decision import RiskCurve
from studio.trust.selector import AnswerSelector, Certainty, Head, Index, KnownQuestions
from studio.trust.summary import SUMMARY_FILE, SelectorSummary

VERSION: Final = 2
_JSON: Final = "selector.json"
_ARRAYS: Final = "selector.npz"


class SelectorRecord(BaseModel):
    """What is kept beside the arrays.

    Args:
        version: of this format.
        fingerprint: of what it was fitted to, see :mod:`studio.trust.worker`.
        encoder: id of the encoder; empty for letters alone.
        known: the questions and answers.
        curve: what each carefulness means.
        answer_weight: see :func:`studio.trust.selector.score`.
    """

    version: int = VERSION
    fingerprint: str
    encoder: str
    known: KnownQuestions
    curve: RiskCurve
    answer_weight: float


def save_selector(folder: Path, selector: AnswerSelector, encoder: str, fingerprint: str) -> None:
    """Writes a selector, whole or not at all.

    Raises:
        AfinaError: ``disk.*``.
    """
    record = SelectorRecord(
        fingerprint=fingerprint,
        encoder=encoder,
        known=selector.index.known,
        curve=selector.curve,
        answer_weight=selector.answer_weight,
    )
    with atomic_folder(folder) as made:
        (made / _JSON).write_text(record.model_dump_json(), encoding="utf-8")
        summary = SelectorSummary(encoder=encoder, curve=selector.curve)
        (made / SUMMARY_FILE).write_text(summary.model_dump_json(), encoding="utf-8")
        np.savez(
            made / _ARRAYS,
            vectors=selector.index.vectors.astype(np.float32),
            answer_vectors=selector.index.answer_vectors.astype(np.float32),
            head_weights=selector.head.weights,
            head_bias=selector.head.bias,
            certainty=np.stack([selector.certainty.mean, selector.certainty.deviation, selector.certainty.weights]),
            certainty_bias=selector.certainty.bias,
        )
        write_manifest(made)


def read_record(folder: Path) -> SelectorRecord | None:
    """What is kept of a selector; None where there is none, or it is damaged or of another version."""
    try:
        record = SelectorRecord.model_validate_json((folder / _JSON).read_bytes())
    except (OSError, ValueError):
        return None
    return record if record.version == VERSION else None


def load_selector(folder: Path) -> tuple[SelectorRecord, AnswerSelector] | None:
    """A kept selector with its record; None where it is not there or not as it was written."""
    record = read_record(folder)
    if record is None or not verify_manifest(folder):
        return None
    with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
        mean, deviation, weights = arrays["certainty"]
        return record, AnswerSelector(
            index=Index(record.known, arrays["vectors"], arrays["answer_vectors"]),
            head=Head(arrays["head_weights"], arrays["head_bias"]),
            certainty=Certainty(mean, deviation, weights, np.float32(arrays["certainty_bias"])),
            curve=record.curve,
            answer_weight=record.answer_weight,
        )
