"""What the checks said of a large set, kept beside its file: found again without checking it anew."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from studio import __version__
from studio.data.checks import registry
from studio.data.checks.check import Dataset, Finding, Tokens
from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.facts import LAYOUT, Facts
from studio.data.checks.report import Report
from studio.data.similarity.clusters import Hashes
from studio.data.versions.rows import Rows
from studio.domain.problem import Severity
from studio.errors import AfinaError
from studio.storage.files import atomic_path

_GROUPS: Final = 2_000  # that a finding keeps
_MAX_REPORTS: Final = 6  # of a project, 100 MB each for a million examples; an older one is made again when asked for


def save(path: Path, dataset: Dataset, report: Report) -> None:
    """Writes a report with the facts that it was made from; of texts, only their hashes. Raises ``disk.full`` …"""
    document = {
        "registry": registry_version(),
        "score": report.score,
        "findings": [_as_json(finding) for finding in report.findings],
        "top3": [finding.code for finding in report.top3],
        "files": dataset.facts.files,
        "masks": dataset.facts.masks,
    }
    arrays = {f"rows_{finding.code}": finding.rows.astype(np.int32) for finding in report.findings}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            document=np.frombuffer(json.dumps(document).encode(), np.uint8),
            rows=dataset.facts.rows,
            values=dataset.facts.values,
            question_groups=dataset.question_groups.astype(np.int32),
            answer_groups=dataset.answer_groups.astype(np.int32),
            **arrays,
        )
    _forget_old(path.parent)


def _forget_old(folder: Path) -> None:
    """Takes away all reports but the newest."""
    dated = []
    for path in folder.glob("*.npz"):
        try:
            dated.append((path.stat().st_mtime, path))
        except OSError:  # another process took it away
            continue
    for _, path in sorted(dated)[:-_MAX_REPORTS]:
        path.unlink(missing_ok=True)


def load(path: Path, examples: Path, tokens: Tokens | None, contacts: Hashes | None = None) -> tuple[Dataset, Report]:
    """What :func:`save` wrote, for the file of the same examples; arguments as of :class:`Dataset`.

    Raises ``disk.missing``.
    """
    try:
        with np.load(path, allow_pickle=False) as saved:
            document = json.loads(saved["document"].tobytes())
            if document.get("registry") != registry_version():  # its flags would be those of other checks
                raise AfinaError("disk.missing", path=str(path))
            files = tuple((file, sheet) for file, sheet in document["files"])
            facts = Facts(saved["rows"], saved["values"], {}, {}, files, document["masks"])
            dataset = ScannedDataset(Rows(examples), tokens, facts, contacts)
            dataset.know_groups(saved["question_groups"].astype(np.int64), saved["answer_groups"].astype(np.int64))
            findings = tuple(_finding(item, saved[f"rows_{item['code']}"]) for item in document["findings"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise AfinaError("disk.missing", path=str(path)) from error
    by_code = {finding.code: finding for finding in findings}
    top = tuple(by_code[code] for code in document["top3"])
    return dataset, Report(document["score"], len(dataset), findings, top)


def registry_version() -> str:
    """Names the checks, their places, and what is known of an example: a report of others is made anew."""
    names = " ".join([__version__, LAYOUT, *(check.code for check in registry.CHECKS)])
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "ids": finding.ids,
        "params": finding.params,
        "groups": finding.groups[:_GROUPS],
    }


def _finding(item: dict[str, Any], rows: Any) -> Finding:
    groups, severity = tuple(map(tuple, item["groups"])), Severity(item["severity"])
    return Finding(item["code"], severity, rows.astype(np.int64), tuple(item["ids"]), item["params"], groups)
