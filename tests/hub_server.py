"""A hub of our own: a small HTTP server that speaks the few endpoints that downloads and uploads need."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """Repositories by id; each maps file names to content.

    Args:
        address: for ``AFINA_HF_ENDPOINT``.
        repositories: models that are there.
        datasets: datasets that are there.
        tokens: token that a gated repository asks for, by id.
        broken: status that every answer about a repository has, by id.
        hold: what a file's download waits for in the middle, by name.
        drop: times that a file's download is cut off in the middle, by name.
        requests: method and path of every request, in order.
        writer: token that may make repositories and write to them; nobody may without one.
        account: whose token that is.
        role: of that token: ``write`` or ``read``.
        made: what was asked for when a repository was made, by ``type/owner/name``; its ``files`` are its content.
        stored: large files that were sent, by their SHA-256.
    """

    address: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    datasets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    hold: dict[str, threading.Event] = field(default_factory=dict)
    drop: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    writer: str = ""
    account: str = "maria"
    role: str = "write"
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=lambda: {"license": "mit", "language": ["pt", "en"]})

    def dataset_info(self, repo: str) -> dict[str, Any]:
        """What the hub says about a dataset."""
        siblings = [{"rfilename": name} for name in self.datasets[repo]]
        gated = "manual" if repo in self.tokens else False
        return {"_id": "1", "id": repo, "sha": COMMIT, "tags": [], "gated": gated, "siblings": siblings}

    def tree(self, repo: str, under: str) -> list[dict[str, Any]]:
        """The files and folders below a folder of a dataset, as its API lists them."""
        prefix = f"{under}/" if under else ""
        entries: list[dict[str, Any]] = []
        for name, content in self.datasets[repo].items():
            if name.startswith(prefix):
                entries.append({"type": "file", "path": name, "size": len(content), "oid": "0" * 40})
        folders = {
            "/".join(name.split("/")[:depth]) for name in self.datasets[repo] for depth in range(1, 1 + name.count("/"))
        }
        entries += [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in sorted(folders)]
        return entries

    def info(self, repo: str) -> dict[str, Any]:
        files = self.repositories[repo]
        siblings = []
        for name, content in files.items():
            entry: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": "0" * 40}
            if name.endswith(".safetensors"):
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        return {
            "_id": "1",
            "id": repo,
            "modelId": repo,
            "sha": COMMIT,
            "tags": ["license:mit"],
            "cardData": self.card,
            "gated": "manual" if repo in self.tokens else False,
            "siblings": siblings,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub
    _posted = b""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_POST(self) -> None:
        self._posted = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = unquote(urlsplit(self.path).path)
        for ending, answer in (
            ("/api/repos/create", self._create),
            ("/api/validate-yaml", lambda _: {"errors": [], "warnings": []}),
            ("/preupload/main", self._preupload),
            ("/info/lfs/objects/batch", self._large_files),
            ("/commit/main", self._commit),
        ):
            if path.endswith(ending):
                self.hub.requests.append(f"POST {path}")
                if not self.hub.writer or self.headers.get("Authorization") != f"Bearer {self.hub.writer}":
                    return self._send(401, b'{"error":"Invalid username or password."}', True)
                answer_body = json.dumps(answer(path.removesuffix(ending))).encode()
                return self._send(200, answer_body, True, {"Content-Type": "application/json"})
        return self._answer(body=True)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path.endswith("/settings"):
            self._made(self.path.removesuffix("/settings")).update(json.loads(content))
            return self._send(200, b"{}", True)
        digest = self.path.rpartition("/")[2]
        is_whole = hashlib.sha256(content).hexdigest() == digest
        self.hub.stored[digest] = content
        return self._send(200 if is_whole else 400, b"", True)

    def _create(self, _: str) -> dict[str, Any]:
        asked = json.loads(self._posted)
        repo = f"{asked['organization']}/{asked['name']}"
        self.hub.made.setdefault(f"{asked.get('type', 'model')}/{repo}", {**asked, "files": {}})
        place = "spaces/" if asked.get("type") == "space" else ""
        return {"url": f"{self.hub.address}/{place}{repo}"}

    def _preupload(self, _: str) -> dict[str, Any]:
        modes = [
            {"path": f["path"], "uploadMode": "lfs" if f["size"] > 50_000 else "regular", "shouldIgnore": False}
            for f in json.loads(self._posted)["files"]
        ]
        return {"files": modes}

    def _large_files(self, _: str) -> dict[str, Any]:
        objects = [
            {**found, "actions": {"upload": {"href": f"{self.hub.address}/upload/{found['oid']}"}}}
            for found in json.loads(self._posted)["objects"]
        ]
        return {"transfer": "basic", "objects": objects}

    def _commit(self, path: str) -> dict[str, Any]:
        repo, files = path.removeprefix("/api/").partition("s/")[2], self._made(path)["files"]
        for line in self._posted.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
        return {"success": True, "commitOid": COMMIT, "commitUrl": f"{self.hub.address}/{repo}/commit/{COMMIT}"}

    def _made(self, path: str) -> dict[str, Any]:
        return self.hub.made[path.removeprefix("/api/").replace("s/", "/", 1)]

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        if path == "/api/whoami-v2":
            known = self.hub.writer and self.headers.get("Authorization") == f"Bearer {self.hub.writer}"
            said = {"name": self.hub.account, "type": "user", "auth": {"accessToken": {"role": self.hub.role}}}
            return self._send(200, json.dumps(said).encode(), body) if known else self._send(401, b"{}", body)
        if f"{path.removeprefix('/api/').replace('s/', '/', 1)}" in self.hub.made:
            is_private = self._made(path).get("visibility") == "private"
            said = {"id": path.split("/", 3)[-1], "sha": COMMIT, "private": is_private}
            return self._send(200, json.dumps(said).encode(), body)
        if path.startswith(("/api/datasets/", "/datasets/")):
            return self._dataset(path, body)
        api = path.startswith("/api/models/")
        repo = "/".join(path.removeprefix("/api/models/").strip("/").split("/")[:2])
        if repo in self.hub.broken:
            return self._send(self.hub.broken[repo], b"{}", body)
        if repo not in self.hub.repositories:
            return self._send(404, b'{"error":"Repository not found"}', body, {"X-Error-Code": "RepoNotFound"})
        wanted = self.hub.tokens.get(repo)
        if wanted and not api and self.headers.get("Authorization") != f"Bearer {wanted}":
            return self._send(403, b'{"error":"gated"}', body, {"X-Error-Code": "GatedRepo"})
        if api:
            return self._send(200, json.dumps(self.hub.info(repo)).encode(), body, {"Content-Type": "application/json"})
        name = path.split(f"/resolve/{COMMIT}/", 1)[-1]
        content = self.hub.repositories[repo].get(name)
        if content is None:
            return self._send(404, b"{}", body, {"X-Error-Code": "EntryNotFound"})
        return self._file(name, content, body)

    def _dataset(self, path: str, body: bool) -> None:
        parts = path.partition("datasets/")[2].split("/")
        repo, verb, rest = "/".join(parts[:2]), "/".join(parts[2:3]), "/".join(parts[4:])
        if repo in self.hub.broken:
            return self._send(self.hub.broken[repo], b"{}", body)
        if repo not in self.hub.datasets:
            return self._send(404, b'{"error":"Repository not found"}', body, {"X-Error-Code": "RepoNotFound"})
        wanted = self.hub.tokens.get(repo)
        if wanted and verb and self.headers.get("Authorization") != f"Bearer {wanted}":
            said = f"Access to dataset {repo} is restricted. This is a gated dataset."
            headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": said}
            return self._send(403, json.dumps({"error": said}).encode(), body, headers)
        if verb == "resolve":
            content = self.hub.datasets[repo].get(rest)
            if content is None:
                return self._send(404, b"{}", body, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return self._file(rest, content, body)
        answers: dict[str, Any] = {"": self.hub.dataset_info(repo), "revision": self.hub.dataset_info(repo)}
        if verb == "tree":
            answers["tree"] = self.hub.tree(repo, rest)
        elif verb == "paths-info":
            asked = parse_qs(self._posted.decode()).get("paths") or json.loads(self._posted or b"{}").get("paths", [])
            answers["paths-info"] = [entry for entry in self.hub.tree(repo, "") if entry["path"] in asked]
        return self._send(200, json.dumps(answers[verb]).encode(), body, {"Content-Type": "application/json"})

    def _file(self, name: str, content: bytes, body: bool) -> None:
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": COMMIT,
            "Accept-Ranges": "bytes",
        }
        start = 0
        if body and (asked := self.headers.get("Range", "")).startswith("bytes="):
            start = int(asked.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if body and self.hub.drop.get(name, 0) > 0:
            self.hub.drop[name] -= 1
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content[start : start + max(1, (len(content) - start) // 2)])
            self.wfile.flush()
            self.close_connection = True
            return None
        held = self.hub.hold.get(name) if body else None
        return self._send(206 if start else 200, content[start:], body, headers, held)

    def _send(
        self,
        status: int,
        content: bytes,
        body: bool,
        headers: dict[str, str] | None = None,
        held: threading.Event | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        if body and held:
            half = len(content) // 2
            self.wfile.write(content[:half])
            self.wfile.flush()
            held.wait(60)
            content = content[half:]
        if body:
            self.wfile.write(content)


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """A :class:`FakeHub` that answers."""
    fake = FakeHub()
    handler = type("Handler", (_Handler,), {"hub": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
