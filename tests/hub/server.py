"""A hub on the loopback that the real `datasets` and `huggingface_hub` read from.

It serves ``<root>/<datasets|models>/<owner>/<name>/<revision>/<files>``. A revision is a folder:
``main``, ``refs%2Fconvert%2Fparquet`` (slashes are quoted) or a commit of 40 hex digits. Names
that are links to the folder of a commit answer with that commit, as branches do.

A client needs ``HF_ENDPOINT`` (the server's `url`) and a fresh ``HF_HOME``, both set before it
imports the libraries, and ``HF_HUB_OFFLINE`` not set: see `client_environment`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

COMMIT_DIGITS = 40
CUT = 0
"""Instead of a status: the body ends in its middle, and with it the connection."""


class HubServer(ThreadingHTTPServer):
    """A running server; `requests` lists what it was asked: (method, path, status)."""

    daemon_threads = True

    def __init__(self, root: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.root = root
        self.requests: list[tuple[str, str, int]] = []
        self.failures: dict[str, int] = {}
        """{part of a path: the status that requests for it get; `CUT` for half of the body}"""

    @property
    def url(self) -> str:
        """What HF_ENDPOINT must be."""
        return f"http://127.0.0.1:{self.server_port}"


def serve(root: Path | str, port: int = 0) -> HubServer:
    """Serve the repositories below `root` from a thread, until `shutdown()`."""
    server = HubServer(Path(root), port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def client_environment(server: HubServer, home: Path) -> dict[str, str]:
    """Return the variables of a process that reads from the server, with an empty cache."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return {
        **kept,
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def write_repository(
    root: Path,
    kind: str,
    name: str,
    files: Mapping[str, str | bytes],
    branch: str | None = "main",
    commit: str | None = None,
) -> str:
    """Write one commit of a repository and return its 40 hex digits.

    Args:
        root: what `serve` is given.
        kind: ``datasets`` or ``models``.
        name: ``owner/name``.
        files: {path in the repository: contents}.
        branch: name that leads to the commit afterwards, e.g. ``refs/convert/parquet``.
        commit: the digits; made from the contents if not given.
    """
    contents = {path: _bytes(text) for path, text in sorted(files.items())}
    if commit is None:
        digest = hashlib.sha1()
        for path, data in contents.items():
            digest.update(f"{path}\0{len(data)}\0".encode() + data)
        commit = digest.hexdigest()
    assert len(commit) == COMMIT_DIGITS
    home = Path(root) / kind / name
    for path, data in contents.items():
        file = home / commit / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    if branch is not None:
        link = home / quote(branch, safe="")
        link.unlink(missing_ok=True)
        link.symlink_to(commit)
    return commit


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        is_api = parts[0] == "api"
        parts = parts[1:] if is_api else parts
        kind = parts.pop(0) if parts and parts[0] in ("datasets", "models") else "models"
        if is_api and len(parts) == 2:
            parts += ["revision", "main"]
        if len(parts) < 4:
            self._missing("RepoNotFound")
            return
        owner, name, verb, revision, *path = parts
        repository = self.server.root / kind / owner / name
        folder = repository / quote(revision, safe="")
        if not repository.is_dir():
            self._missing("RepoNotFound")
        elif not folder.is_dir():
            self._missing("RevisionNotFound")
        else:
            folder = folder.resolve()
            if is_api:
                self._describe(f"{owner}/{name}", verb, folder, "/".join(path), url.query, form)
            elif verb == "resolve":
                self._file(folder, folder / "/".join(path))
            else:
                self._missing("EntryNotFound")

    def _describe(
        self, name: str, verb: str, folder: Path, path: str, query: str, form: str
    ) -> None:
        if verb == "revision":
            files = sorted(file for file in folder.rglob("*") if file.is_file())
            listed = [{"rfilename": file.relative_to(folder).as_posix()} for file in files]
            about = {"id": name, "sha": _commit(folder), "siblings": listed, "private": False}
            self._json({**about, "tags": [], "downloads": 0, "likes": 0})
        elif verb == "tree" and (folder / path).is_dir():
            deep = parse_qs(query).get("recursive", ["false"])[0].lower() == "true"
            at = folder / path
            found = at.rglob("*") if deep else at.iterdir()
            self._json([_entry(file, folder) for file in sorted(found)])
        elif verb == "paths-info":
            is_json = form.startswith("{")
            asked = json.loads(form)["paths"] if is_json else parse_qs(form).get("paths", [])
            there = [folder / name for name in asked if (folder / name).exists()]
            self._json([_entry(file, folder) for file in there])
        else:
            self._missing("EntryNotFound")

    def _file(self, folder: Path, file: Path) -> None:
        if not file.is_file():
            self._missing("EntryNotFound")
            return
        data = file.read_bytes()
        headers = {
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X-Repo-Commit": _commit(folder),
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        asked = self.headers.get("Range")
        if asked is None or self.command != "GET":
            self._send(200, data, headers)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(data)), len(data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        self._send(206, data[start : end + 1], headers)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _missing(self, code: str) -> None:
        self._send(404, b"", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        failures = (status for part, status in self.server.failures.items() if part in self.path)
        failure = next(failures, None)
        if failure:
            status, body, headers = failure, b"", {}
        self.server.requests.append((self.command, self.path, status))
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD" and failure == CUT:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif self.command != "HEAD":
            self.wfile.write(body)


def _commit(folder: Path) -> str:
    """Return a folder's commit: its name, or for a branch that is no link digits of its path."""
    is_commit = len(folder.name) == COMMIT_DIGITS
    return folder.name if is_commit else hashlib.sha1(str(folder).encode()).hexdigest()


def _entry(file: Path, folder: Path) -> dict[str, object]:
    return {
        "type": "directory" if file.is_dir() else "file",
        "path": file.relative_to(folder).as_posix(),
        "oid": hashlib.sha1(str(file).encode()).hexdigest(),
        "size": 0 if file.is_dir() else file.stat().st_size,
    }


if __name__ == "__main__":
    running = HubServer(Path(sys.argv[1]), int(sys.argv[2]))
    print(running.url, flush=True)
    running.serve_forever()
