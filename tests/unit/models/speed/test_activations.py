import pytest
import torch

from xstilts.errors import StageError
from xstilts.models.speed import activations
from xstilts.models.speed.activation_cache import ActivationCache
from xstilts.models.speed.activations import allocate, fits

SHAPES = [(1, 3), (2, 2), (1, 1)]


@pytest.fixture(params=[True, False], ids=["memory", "file"])
def filled(request, monkeypatch):
    monkeypatch.setattr(activations, "IN_MEMORY", 1 << 30 if request.param else 0)
    stored = allocate(SHAPES, 4, torch.bfloat16)
    assert stored.block.on_disk is not request.param
    for number, view in enumerate(stored):
        stored.put(number, torch.full_like(view, number))
    return stored


def test_activations_keep_the_shape_of_each_feature(filled):
    assert [tuple(view.shape) for view in filled] == [(1, 3, 4), (2, 2, 4), (1, 1, 4)]
    assert [view.unique().tolist() for view in filled] == [[0.0], [1.0], [2.0]]
    assert filled.block.nbytes == 8 * 4 * 2


def test_subset_shares_storage(filled):
    some = filled.subset([2, 0])
    assert [view.unique().tolist() for view in some] == [[2.0], [0.0]]
    some.put(0, torch.full((1, 1, 4), 7.0))
    assert filled[2].unique().tolist() == [7.0] and [view.shape for view in filled[1:]] == [(2, 2, 4), (1, 1, 4)]


def test_file_block_is_unnamed(monkeypatch, tmp_path):
    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    monkeypatch.setattr(activations.tempfile, "tempdir", str(tmp_path))
    stored = allocate(SHAPES, 4, torch.float32)
    stored.put(0, torch.ones(1, 3, 4))
    assert stored[0].sum() == 12 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("claim", ["posix_fallocate", "pwrite"])
def test_full_disk_raises_before_any_computation(monkeypatch, claim):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    monkeypatch.delattr(activations.os, "posix_fallocate", raising=False)
    monkeypatch.setattr(activations.os, claim, full, raising=False)
    with pytest.raises(StageError, match=r"no room for .* No space left on device") as refused:
        allocate(SHAPES, 4, torch.float32)
    assert "TMPDIR" in refused.value.hint and "activation_cache_gb" in refused.value.hint


def test_zeros_are_written_without_posix_fallocate(monkeypatch):
    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    monkeypatch.delattr(activations.os, "posix_fallocate", raising=False)
    stored = allocate([(1, 1 << 19)], 4, torch.float32)
    assert stored[0].shape == (1, 1 << 19, 4) and stored[0].count_nonzero() == 0


def test_fits_in_memory_or_on_disk(monkeypatch):
    monkeypatch.setattr(activations, "IN_MEMORY", 10)
    assert fits(10, 0) and not fits(11, 0) and fits(11, 11) and not fits(12, 11)


def test_files_and_memory_have_separate_budgets(monkeypatch):
    activation_cache = ActivationCache(budget=100)

    def insert(key, size, disk=0):
        monkeypatch.setattr(activations, "IN_MEMORY", 60)
        activation_cache.evict_for(key, size, disk)
        return activation_cache.get(key, lambda: allocate([(1, size // 4)], 1, torch.float32))

    insert("a", 60), insert("b", 400, 800), insert("c", 400, 800)
    assert list(activation_cache.entries) == ["a", "b", "c"]
    insert("b", 400, 800), insert("d", 400, 800)
    assert list(activation_cache.entries) == ["a", "b", "d"]
    insert("e", 60)
    assert list(activation_cache.entries) == ["b", "d", "e"]
    assert insert("f", 4000, 400).block.on_disk and list(activation_cache.entries) == ["e", "f"]


def test_files_are_evicted_before_a_new_one_is_written(monkeypatch):
    monkeypatch.setattr(activations, "IN_MEMORY", 0)
    activation_cache, snapshots = ActivationCache(), []
    for key in "ab":
        activation_cache.evict_for(key, 400, 700)
        activation_cache.get(
            key, lambda: snapshots.append(list(activation_cache.entries)) or allocate([(1, 100)], 1, torch.float32)
        )
    assert snapshots == [[], []]
