"""What is shipped: the wheel holds all it needs, and the container installs as ``make`` does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from studio.i18n import LOCALES

REPOSITORY = Path(__file__).parent.parent
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(REPOSITORY)],
        check=True,
    )
    return next(folder.glob("afina-*.whl"))


def test_the_wheel_holds_catalogs_samples_migrations_and_brand(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for locale in LOCALES:
        assert f"studio/i18n/{locale}/common.json" in names
        assert f"studio/_assets/samples/{locale}.train.csv" in names
        assert f"studio/_assets/samples/{locale}.heldout.csv" in names
    assert "studio/storage/migrations/versions/0001_first_schema.py" in names
    assert any(name.startswith("studio/_assets/brand/") and name.endswith(".svg") for name in names)
    assert any(name.endswith(".css") for name in names)


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "studio"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(tracked) <= names


def test_the_container_installs_with_the_makefile() -> None:
    steps = re.findall(r"^RUN (.*?)(?<!\\)$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert any("make install" in step for step in steps)
    assert not re.search(r"\bpip3? install|\buv pip\b", DOCKERFILE)
    shown = subprocess.run(
        ["make", "--dry-run", "--always-make", "install", "VENV=/nowhere/venv", "TORCH_BACKEND=cu128"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "--torch-backend=cu128" in shown
    assert "--constraint constraints.txt" in shown


def test_the_container_is_slim_not_root_and_healthy() -> None:
    assert re.search(r"^FROM python:3\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("USER 1000") < DOCKERFILE.index("ENTRYPOINT")
    assert "HEALTHCHECK" in DOCKERFILE
    assert "VOLUME /data" in DOCKERFILE
    assert "ARG TORCH_BACKEND=cpu" in DOCKERFILE
    copied = (REPOSITORY / ".dockerignore").read_text().split()
    assert copied[0] == "**"
    for needed in ("studio", "assets", "Makefile", "pyproject.toml", "constraints.txt", "README.md"):
        assert f"!{needed}" in copied


def test_the_dockerfile_passes_the_linter() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    checked = subprocess.run(
        [str(linter), "--format", "json", str(REPOSITORY / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert json.loads(checked.stdout) == []


def test_every_pin_is_exact_and_every_dependency_is_pinned() -> None:
    lines = [line for line in (REPOSITORY / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^+\s]+", line) for line in lines)
    pinned = {re.split("==", line)[0].lower().replace("_", "-") for line in lines}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    names = {re.split(r"[<>=\[]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names <= pinned


def test_the_web_process_needs_no_torch() -> None:
    script = (
        "import sys, tempfile, pathlib\n"
        "from studio.settings import Settings\n"
        "from studio.app import build_services, build_app\n"
        "services = build_services(Settings(home=pathlib.Path(tempfile.mkdtemp())))\n"
        "build_app(services)\n"
        "services.close()\n"
        "print([m for m in ('torch', 'transformers', 'peft', 'datasets', 'numba') if m in sys.modules])\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert shown.stdout.strip().endswith("[]")
