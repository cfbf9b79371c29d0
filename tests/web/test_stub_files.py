"""Gradio starts without writing its stub files, and is otherwise whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_COMPONENT = "import gradio\n\n\nclass Mine(gradio.Textbox):\n    EVENTS = ['change']\n"
_SCRIPT = """
import studio.web.ui
import gradio, mine
with gradio.Blocks():
    mine.Mine("x").change(lambda text: text)
"""


def test_a_component_gets_no_stub_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(_COMPONENT, encoding="utf-8")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{_SCRIPT}"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert not (tmp_path / "mine.pyi").exists()
