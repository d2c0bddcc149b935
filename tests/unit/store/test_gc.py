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


def test_what_a_kept_artifact_goes_back_to_is_kept(store: Store) -> None:
    cell = next(cell for cell in GRAPH.cells if cell.method == "full" and cell.intermediate == "facts")
    swept = collect(store, keep={cell.artifact}, dry_run=False)
    there = store.keys()
    kinds = [GRAPH.stages[key].kind for key in there]
    assert sorted(kinds) == ["fewshot", "intermediate", "pretrained", "target"]
    assert len(swept.keys) == len(GRAPH.stages) - 4
    assert set(swept.keys).isdisjoint(there)
    assert all(store.manifest(key) for key in there)


def test_what_it_inherits_from_is_kept(store: Store) -> None:
    first, second, *_ = (key for key, spec in GRAPH.stages.items() if spec.kind == "target")
    spec = GRAPH.stages[first]
    collect(store, keep={second}, dry_run=False)
    with store.draft(spec) as draft:
        draft.facts = facts_for(spec, inherits=second)
    collect(store, keep={first}, dry_run=False)
    assert store.manifest(second)


def test_a_dry_run_removes_nothing(store: Store) -> None:
    before = store.keys()
    swept = collect(store, keep=(), dry_run=True)
    assert store.keys() == before == tuple(sorted(swept.keys))
    assert swept.bytes == sum(path.stat().st_size for path in (store.root / "artifacts").rglob("*") if path.is_file())
    assert collect(store, keep=(), dry_run=False) == swept
    assert store.keys() == ()


def test_damaged_artifacts_go(store: Store) -> None:
    key = store.keys()[0]
    (store.path(key) / "result.txt").unlink()
    assert store.manifest(key) is None
    swept = collect(store, keep=GRAPH.stages.keys(), dry_run=False)
    assert swept.keys == () and len(swept.leftovers) == 1
    assert not list((store.root / "damaged").iterdir())


def test_nothing_goes_while_a_process_works(store: Store) -> None:
    with store.lock(store.keys()[0]), pytest.raises(UserError, match="is working in the store"):
        collect(store, keep=(), dry_run=False)
    assert len(store.keys()) == len(GRAPH.stages)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert collect(Store(tmp_path / "none"), keep=(), dry_run=True).bytes == 0
    assert not (tmp_path / "none").exists()
