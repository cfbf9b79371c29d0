"""What a command writes to a terminal: what strangers wrote is shown, and never obeyed."""

from __future__ import annotations

import os
import sys

import pytest

from studio.cli.terminal import Terminal, write_to
from studio.i18n.catalog import catalog

EVIL = "ol\u00e1\x1b]52;c;cm0gLXJm\x07 \x1b[2J\x9b31m\rfalse\ttab\nline"
SHOWN = "ol\u00e1]52;c;cm0gLXJm [2J31mfalse\ttab\nline"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_is_sent_no_control_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty
    import tty

    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "w", encoding="utf-8") as stream:
        assert stream.isatty()
        monkeypatch.setattr(sys, "stdout", stream)
        Terminal(catalog("en")).result(EVIL)
        Terminal(catalog("en")).table(["name"], [[EVIL]])
        write_to(sys.stdout, EVIL)
        expected = f"{SHOWN}\nname\n{SHOWN}\n{SHOWN}"
        shown = b""
        while len(shown) < len(expected.encode()):  # a read may bring only what was there by then
            shown += screen.read(4096)
    assert shown.decode() == expected


def test_a_pipe_gets_every_byte(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(catalog("en")).result(EVIL)
    assert capsys.readouterr().out == EVIL + "\n"
