"""Keeps a fitted selector in a folder: JSON and arrays, with checksums, no pickle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel

from studio.storage.files import atomic_folder
from studio.storage.manifest import verify_manifest, write_manifest
from studio.trust.decision import RiskCurve
from studio.trust.index import Index, KnownQuestions
from studio.trust.selector import AnswerSelector, ChoiceModel
from studio.trust.summary import SUMMARY_FILE, VERSION, SelectorSummary

_JSON: Final = "selector.json"
_ARRAYS: Final = "selector.npz"
_UNTUNED: Final = "untuned"  # folder of the selector that is asked as well


class SelectorRecord(BaseModel):
    """What is kept beside the arrays.

    Args:
        version: of this format.
        fingerprint: of what it was fitted to, see :mod:`studio.trust.worker`.
        encoder: id of the encoder; empty for letters alone.
        known: the questions and answers.
        curve: what each carefulness means.
        outside_limit: see :class:`studio.trust.selector.AnswerSelector`.
    """

    version: int = VERSION
    fingerprint: str
    encoder: str
    known: KnownQuestions
    curve: RiskCurve
    outside_limit: float


def save_selector(
    folder: Path,
    selector: AnswerSelector,
    encoder: str,
    fingerprint: str,
    write_more: Callable[[Path], object] = lambda folder: None,
) -> None:
    """Writes a selector, whole or not at all.

    Args:
        folder: where nothing is yet.
        selector: what is written.
        encoder: id of the encoder.
        fingerprint: see :class:`SelectorRecord`.
        write_more: writes what else belongs to it, into the folder that it is given.

    Raises:
        AfinaError: ``disk.*``.
    """
    record = SelectorRecord(
        fingerprint=fingerprint,
        encoder=encoder,
        known=selector.index.known,
        curve=selector.curve,
        outside_limit=selector.outside_limit,
    )
    with atomic_folder(folder) as made:
        (made / _JSON).write_text(record.model_dump_json(), encoding="utf-8")
        summary = SelectorSummary(version=VERSION, encoder=encoder, curve=selector.curve)
        (made / SUMMARY_FILE).write_text(summary.model_dump_json(), encoding="utf-8")
        arrays = {
            "vectors": selector.index.vectors,
            "answer_vectors": selector.index.answer_vectors,
            "ridge": selector.ridge,
            "weights": selector.choice.weights,
            "outside_bias": selector.choice.outside_bias,
        }
        if selector.index.sentences is not None:
            arrays["sentences"] = selector.index.sentences
        np.savez(made / _ARRAYS, allow_pickle=False, **arrays)
        if selector.untuned is not None:
            save_selector(made / _UNTUNED, selector.untuned, encoder, fingerprint)
        write_more(made)
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
    untuned = load_selector(folder / _UNTUNED) if (folder / _UNTUNED).is_dir() else None
    if untuned is None and (folder / _UNTUNED).is_dir():
        return None
    with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
        sentences = arrays.get("sentences")
        return record, AnswerSelector(
            index=Index(record.known, arrays["vectors"], arrays["answer_vectors"], sentences),
            ridge=arrays["ridge"],
            choice=ChoiceModel(arrays["weights"], arrays["outside_bias"]),
            curve=record.curve,
            outside_limit=record.outside_limit,
            untuned=untuned[1] if untuned is not None else None,
        )
