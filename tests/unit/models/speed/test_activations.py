import pytest
import torch

from xstilts.errors import StageError
from xstilts.models.speed import activations
from xstilts.models.speed.activation_cache import ActivationCache
from xstilts.models.speed.activations import fits, room

SHAPES = [(1, 3), (2, 2), (1, 1)]


@pytest.fixture(params=[True, False], ids=["memory", "file"])
def filled(request, monkeypatch):
    monkeypatch.setattr(activations, "IN_MEMORY", 1 << 30 if request.param else 0)
    made = room(SHAPES, 4, torch.bfloat16)
    assert made.block.on_disk is not request.param
    for number, view in enumerate(made):
        made.put(number, torch.full_like(view, number))
    return made


def test_every_feature_has_a_place_of_its_own_shape(filled):
    assert [tuple(view.shape) for view in filled] == [(1, 3, 4), (2, 2, 4), (1, 1, 4)]
    assert [view.unique().tolist() for view in filled] == [[0.0], [1.0], [2.0]]
    assert filled.block.nbytes == 8 * 4 * 2


def test_a_subset_shares_what_it_shows(filled):
    some = filled.subset([2, 0])
    assert [view.unique().tolist() for view in some] == [[2.0], [0.0]]
    some.put(0, torch.full((1, 1, 4), 7.0))
    assert filled[2].unique().tolist() == [7.0] and [view.shape for view in filled[1:]] == [(2, 2, 4), (1, 1, 4)]


def test_a_file_leaves_no_name_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    monkeypatch.setattr(activations.tempfile, "tempdir", str(tmp_path))
    made = room(SHAPES, 4, torch.float32)
    made.put(0, torch.ones(1, 3, 4))
    assert made[0].sum() == 12 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("claim", ["posix_fallocate", "pwrite"])
def test_a_full_disk_is_told_before_anything_is_run(monkeypatch, claim):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    monkeypatch.delattr(activations.os, "posix_fallocate", raising=False)
    monkeypatch.setattr(activations.os, claim, full, raising=False)
    with pytest.raises(StageError, match=r"no room for .* No space left on device") as refused:
        room(SHAPES, 4, torch.float32)
    assert "TMPDIR" in refused.value.hint and "activation_cache_gb" in refused.value.hint


def test_where_the_system_claims_no_space_zeros_are_written(monkeypatch):
    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    monkeypatch.delattr(activations.os, "posix_fallocate", raising=False)
    made = room([(1, 1 << 19)], 4, torch.float32)
    assert made[0].shape == (1, 1 << 19, 4) and made[0].count_nonzero() == 0


def test_what_may_be_kept(monkeypatch):
    monkeypatch.setattr(activations, "IN_MEMORY", 10)
    assert fits(10, 0) and not fits(11, 0) and fits(11, 11) and not fits(12, 11)


def test_files_and_memory_have_budgets_of_their_own(monkeypatch):
    activation_cache = ActivationCache(budget=100)

    def kept(key, size, disk=0):
        monkeypatch.setattr(activations, "IN_MEMORY", 60)
        activation_cache.evict_for(key, size, disk)
        return activation_cache.get(key, lambda: room([(1, size // 4)], 1, torch.float32))

    kept("a", 60), kept("b", 400, 800), kept("c", 400, 800)
    assert list(activation_cache.entries) == ["a", "b", "c"]
    kept("b", 400, 800), kept("d", 400, 800)
    assert list(activation_cache.entries) == ["a", "b", "d"]
    kept("e", 60)
    assert list(activation_cache.entries) == ["b", "d", "e"]
    assert kept("f", 4000, 400).block.on_disk and list(activation_cache.entries) == ["e", "f"]


def test_files_make_way_before_another_claims_the_disk(monkeypatch):
    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    activation_cache, seen = ActivationCache(), []
    for key in "ab":
        activation_cache.evict_for(key, 400, 700)
        activation_cache.get(
            key, lambda: seen.append(list(activation_cache.entries)) or room([(1, 100)], 1, torch.float32)
        )
    assert seen == [[], []]
