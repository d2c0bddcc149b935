"""A run without workers, in this process: artifacts, a record, a cached folder and a note."""

from pathlib import Path

from tests.unit.planning.world import TASKS, leave, recipe

from xstilts.cache.build_once import build_once
from xstilts.config.recipe import Intermediate, Target
from xstilts.experiment import open_experiment, record_run, recorded_experiments
from xstilts.planning.expand import expand
from xstilts.platform.sealed import read_sealed, write_sealed
from xstilts.store.gc import collect
from xstilts.store.store import Store
from xstilts.store.verify import verify

GRAPH = expand(
    recipe(
        seeds=(0,),
        intermediate={"none": Intermediate()},
        targets={"topic": Target(languages=("de",))},
        fewshot=None,
        primary=None,
    ),
    TASKS,
    "1234",
)
ROWS = "one\ntwo\n"


def run(root: Path) -> None:
    """What a run writes; what is there is not made again."""
    store = Store(root / "store")
    record_run(open_experiment("smoke", store=store.root))
    build_once(root / "cache" / "rows", lambda folder: (folder / "rows").write_text(ROWS) and None)
    if read_sealed(root / "cache" / "note") is None:
        write_sealed(root / "cache" / "note", "a commit")
    for spec in GRAPH.stages.values():
        if store.manifest(spec.key) is None:
            with store.lock(spec.key):
                leave(store, spec)


def results(root: Path) -> dict[str, str]:
    """All that a reader believes."""
    store = Store(root / "store")
    keys = [key for key in GRAPH.stages if store.manifest(key) is not None]
    believed = {key: (store.path(key) / "result.txt").read_text() for key in keys}
    believed |= {f"recipe {one.recipe.name}": str(one.recipe) for one in recorded_experiments(root / "store")}
    if (note := read_sealed(root / "cache" / "note")) is not None:
        believed["note"] = note.decode()
    return believed


def problem_after(root: Path, expected: dict[str, str]) -> str | None:
    """What is wrong after a fault: something wrong is believed, or another run does not complete the work."""
    believed = results(root)
    if not believed.items() <= expected.items() or not all(believed.values()):
        return f"wrong content is believed: {believed}"
    inodes = {key: (root / "store" / "artifacts" / key).stat().st_ino for key in believed if key in GRAPH.stages}
    run(root)
    if results(root) != expected:
        return "another run gives other results"
    if {key: (root / "store" / "artifacts" / key).stat().st_ino for key in inodes} != inodes:
        return "finished work was done again"
    if (root / "cache" / "rows" / "rows").read_text() != ROWS:
        return "the cached folder is wrong"
    store = Store(root / "store")
    if damaged := verify(store).damaged:
        return f"damaged: {damaged}"
    collect(store, GRAPH.stages, dry_run=False)
    if left := list((store.root / "drafts").iterdir()):
        return f"gc leaves {left}"
    return None
