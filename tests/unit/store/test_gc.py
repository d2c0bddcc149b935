import os
from pathlib import Path

import pytest
from tests.facts import facts_for
from tests.unit.planning.world import TASKS, leave, recipe

from xstilts.errors import UserError
from xstilts.planning.expand import expand
from xstilts.store.gc import collect
from xstilts.store.store import Store

GRAPH = expand(recipe(), TASKS, "1234")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for spec in GRAPH.stages.values():
        leave(store, spec)
    return store


def test_ancestors_of_kept_artifacts_are_kept(store: Store) -> None:
    cell = next(cell for cell in GRAPH.cells if cell.method == "full" and cell.intermediate == "facts")
    removed = collect(store, keep={cell.artifact}, dry_run=False)
    keys = store.keys()
    kinds = [GRAPH.stages[key].kind for key in keys]
    assert sorted(kinds) == ["fewshot", "intermediate", "pretrained", "target"]
    assert len(removed.keys) == len(GRAPH.stages) - 4
    assert set(removed.keys).isdisjoint(keys)
    assert all(store.manifest(key) for key in keys)


def test_artifacts_with_inherited_tensors_are_kept(store: Store) -> None:
    first, second, *_ = (key for key, spec in GRAPH.stages.items() if spec.kind == "target")
    spec = GRAPH.stages[first]
    collect(store, keep={second}, dry_run=False)
    with store.draft(spec) as draft:
        draft.facts = facts_for(spec, inherits=second)
    collect(store, keep={first}, dry_run=False)
    assert store.manifest(second)


def test_a_dry_run_removes_nothing(store: Store) -> None:
    before = store.keys()
    removed = collect(store, keep=(), dry_run=True)
    assert store.keys() == before == tuple(sorted(removed.keys))
    assert removed.bytes == sum(path.stat().st_size for path in (store.root / "artifacts").rglob("*") if path.is_file())
    assert collect(store, keep=(), dry_run=False) == removed
    assert store.keys() == ()


def test_damaged_artifacts_are_removed(store: Store) -> None:
    key = store.keys()[0]
    (store.path(key) / "result.txt").unlink()
    assert store.manifest(key) is None
    removed = collect(store, keep=GRAPH.stages.keys(), dry_run=False)
    assert removed.keys == () and len(removed.leftovers) == 1
    assert not list((store.root / "damaged").iterdir())


def test_nothing_is_removed_while_a_process_works(store: Store) -> None:
    with store.lock(store.keys()[0]), pytest.raises(UserError, match=str(os.getpid())):
        collect(store, keep=(), dry_run=False)
    assert len(store.keys()) == len(GRAPH.stages)


def test_a_missing_store_is_not_created(tmp_path: Path) -> None:
    assert collect(Store(tmp_path / "none"), keep=(), dry_run=True).bytes == 0
    assert not (tmp_path / "none").exists()
