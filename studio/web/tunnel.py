"""A shared address on the internet for the demo pages. Never for the studio.

    python -m studio.web.tunnel PORT

Cloudflare's ``cloudflared`` where it is installed, else Gradio's tunnel, in a process of its own: it says its address in
a line of JSON, and ends when its standard input is closed, so that no tunnel outlives the studio.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import secrets
import shutil
import subprocess
import sys
import threading
from typing import Final

from studio.errors import AfinaError

_HOST: Final = "127.0.0.1"
_PATIENCE: Final = 90.0  # seconds; the first time, Gradio's program has to be fetched
_LOOK: Final = 0.2
_GRACE: Final = 5.0
_ADDRESS: Final = re.compile(r"https://[a-z0-9-]+\.trycloudflare\.com")
CLOUDFLARED: Final = "cloudflared"


class Tunnel:
    """Makes what listens on a port of this computer reachable from the internet until it is closed.

    Attributes:
        address: the public one; demo links are ``{address}/d/{token}``.

    Raises:
        AfinaError: ``share.tunnel_failed``: no network, a blocked port, a system without a tunnel program.
    """

    def __init__(self, port: int, ended: threading.Event) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "studio.web.tunnel", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="tunnel", daemon=True).start()
        self.address = self._wait(ended)
        if not self.address:
            self.close()
            raise AfinaError("share.tunnel_failed")

    @property
    def is_open(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """Ends the tunnel; returns when it is gone."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._said.put(line)
        self._said.put("")

    def _wait(self, ended: threading.Event) -> str:
        for _ in range(round(_PATIENCE / _LOOK)):
            if ended.is_set():
                return ""
            with contextlib.suppress(queue.Empty, ValueError):
                line = self._said.get(timeout=_LOOK)
                if not line:
                    return ""
                return str(json.loads(line)["address"])
        return ""


class TunnelProgram:
    """What runs in the process of its own: the program that makes the tunnel."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Opens the tunnel and holds it until standard input is closed or the program ends."""
        threading.Thread(target=self._hold, daemon=True).start()
        sys.stdin.read()
        self._end()

    def _hold(self) -> None:
        try:
            (self._hold_cloudflared if shutil.which(CLOUDFLARED) else self._hold_gradio)()
        except Exception as error:  # every failure of the network, the disk and the program has the same way out
            print(error, file=sys.stderr)  # noqa: T201
        self._end()

    def _hold_cloudflared(self) -> None:
        command = [str(shutil.which(CLOUDFLARED)), "tunnel", "--no-autoupdate", "--url", f"http://{_HOST}:{self._port}"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        for line in self._process.stderr:  # to its end: a full pipe would stop it
            if found := _ADDRESS.search(line.decode("utf-8", "replace")):
                _say(found.group())
        self._process.wait()

    def _hold_gradio(self) -> None:
        from gradio import networking, tunneling

        with contextlib.redirect_stdout(sys.stderr):
            address = networking.setup_tunnel(_HOST, self._port, secrets.token_urlsafe(32), None, None)
        self._process = tunneling.CURRENT_TUNNELS[-1].proc
        _say(str(address).rstrip("/"))
        assert self._process is not None
        self._process.communicate()

    def _end(self) -> None:
        """Ends this process and the tunnel's program with it, also one that is still connecting."""
        tunneling = sys.modules.get("gradio.tunneling")
        connecting = [tunnel.proc for tunnel in tunneling.CURRENT_TUNNELS] if tunneling else []
        for process in filter(None, {self._process, *connecting}):
            process.kill()
        os._exit(0)


def _say(address: str) -> None:
    print(json.dumps({"address": address}), flush=True)  # noqa: T201


if __name__ == "__main__":
    TunnelProgram(int(sys.argv[1])).run()
