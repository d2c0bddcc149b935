"""A server on loopback that speaks as much of the Hub as its client needs to list and fetch files."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONVERTED = "89abcdef0123456789abcdef0123456789abcdef"


class Hub(ThreadingHTTPServer):
    """Serves folders as repositories: `owner/name` of models, `datasets/owner/name` of data sets.

    Each has one commit on `main`. `converted` are the branches refs/convert/parquet of data sets, `gated` names what is
    not for everyone. `asked` are the paths of the files that were asked for; `requests` counts all requests.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Path] = {}
        self.converted: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.asked: set[str] = set()
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def at(self, name: str, revision: str) -> tuple[Path, str] | None:
        """The folder and the commit of a revision."""
        if revision in ("main", COMMIT):
            return self.repositories[name], COMMIT
        if revision in ("refs/convert/parquet", CONVERTED) and name in self.converted:
            return self.converted[name], CONVERTED
        return None


class Handler(BaseHTTPRequestHandler):
    server: Hub  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def answer(self, *, body: bool) -> None:
        self.server.requests += 1
        parts = self.path.partition("?")[0].strip("/").split("/")
        api = parts[0] == "api"
        if api:
            parts = parts[1:] if parts[1] == "datasets" else parts[2:]
        length = 3 if parts[0] == "datasets" else 2
        name, rest = "/".join(parts[:length]), parts[length:]
        if name in self.server.gated:
            return self.fail(403, "GatedRepo")
        if name not in self.server.repositories:
            return self.fail(404, "RepoNotFound")
        found = self.server.at(name, unquote(rest[1]) if rest else "main")
        if found is None:
            return self.fail(404, "RevisionNotFound")
        folder, commit = found
        if api and rest and rest[0] == "tree":
            files = (path for path in sorted(folder.rglob("*")) if path.is_file())
            return self.send(json.dumps([entry(folder, path) for path in files]).encode(), commit, body)
        if api:
            return self.send(json.dumps({"id": name, "sha": commit, "siblings": []}).encode(), commit, body)
        wanted = unquote("/".join(rest[2:]))
        self.server.asked.add(wanted)
        return self.send((folder / wanted).read_bytes(), commit, body)

    def send(self, content: bytes, commit: str, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", commit)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def fail(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def entry(folder: Path, path: Path) -> dict[str, object]:
    content = path.read_bytes()
    name = path.relative_to(folder).as_posix()
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
