"""A processor with AVX2 and nothing beyond, as most laptops have, on whatever the tests run."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

_SOURCE = Path(__file__).with_name("lesser_cpu.c")
_ASKED = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}  # what libraries promise to listen to


def environment(folder: Path) -> dict[str, str]:
    """Variables that make a process, and all that it starts, see a lesser processor.

    On Linux for x86-64 with a C compiler every CPUID instruction is answered anew, which deceives all libraries alike;
    elsewhere oneDNN and PyTorch are asked to use less.

    Args:
        folder: for the compiled library.
    """
    library = _library(folder)
    return {**os.environ, **_ASKED, **({"LD_PRELOAD": str(library)} if library else {})}


def _library(folder: Path) -> Path | None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64" or compiler is None:
        return None
    library = folder / "lesser_cpu.so"
    built = subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=False)
    works = {**os.environ, "LD_PRELOAD": str(library)}
    if built.returncode != 0 or subprocess.run(["/bin/true"], env=works, check=False).returncode != 0:
        return None
    return library
