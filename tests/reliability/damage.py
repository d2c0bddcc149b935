"""Damages every file of every artifact and of the cache in five ways, with its modification time kept or not."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from tests.own import write_recipe
from tests.reliability import small_run
from tests.reliability.disturb import finish
from tests.reliability.options import Options
from tests.reliability.programs import Training
from tests.reliability.table import Tally

from xstilts.cache.checksums import sha256_of
from xstilts.data.load import load
from xstilts.experiment import open_experiment
from xstilts.planning.overlaps import cached_overlaps
from xstilts.platform.folder_checksums import VERIFIED
from xstilts.store.store import Store
from xstilts.store.verify import verify


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 4
    path.write_bytes(content or b"x")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": _flip,
    "the end cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "emptied": lambda path: path.write_bytes(b""),
    "deleted": Path.unlink,
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}


def damage(options: Options) -> Iterator[Tally]:
    """Files of the small run, of the cache, and of a run with training."""
    yield _small_run(options.folder / "small", options.size.damage_step)
    yield _cache(options.folder / "cached", options.size.damage_step)
    if options.size.training_damages:
        yield from _training(options)


def _small_run(base: Path, step: int) -> Tally:
    """After each damage, the same run again makes everything as it was."""
    tally = Tally(fault="damaged file of a small run")
    small_run.run(base)
    expected = small_run.results(base)
    for name, file, change in islice(_cases(base), 0, None, step):
        root = base.with_name("damaged")
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(base, root)
        change(root / file)
        try:
            problem = small_run.problem_after(root, expected)
        except Exception as error:
            problem = repr(error)
        tally.count(f"{file} {name}: {problem}" if problem else None)
    return tally


def _cache(base: Path, step: int) -> Tally:
    """After each damage, everything that is read through the cache is as it was."""
    tally = Tally(fault="damaged file of the cache")
    base.mkdir()
    recipe = write_recipe(base)
    cache = base / "cache"
    with _cache_variable(cache):
        expected = _read_all(recipe, cache)
        for name, file, change in islice(list(_cases(cache)), 0, None, step):
            change(cache / file)
            try:
                problem = None if _read_all(recipe, cache) == expected else "other content is read"
            except Exception as error:
                problem = repr(error)
            tally.count(f"{file} {name}: {problem}" if problem else None)
            if problem:
                shutil.rmtree(cache)
                _read_all(recipe, cache)
    return tally


def _read_all(recipe: Path, cache: Path) -> object:
    experiment = open_experiment(recipe, store=recipe.parent / "store", offline=True)
    tasks = experiment.loaded.tasks
    examples = [
        load(task, language, split, cache=cache, offline=True)
        for task in tasks.values()
        for language in task.languages
        for split in ("train", "dev", "test")
    ]
    sums = [sha256_of(path, cache) for path in sorted(recipe.parent.glob("*.csv"))]
    return [list(experiment.graph.stages), examples, sums, cached_overlaps(experiment.graph, tasks, cache)]


def _training(options: Options) -> Iterator[Tally]:
    """Damage to files of a run with training is noticed when an artifact is read, and by `verify` in any case."""
    program = Training.write(options.folder / "recipe")
    root = options.folder / "trained"
    code, text = finish(program, root)
    if code:
        raise RuntimeError(text)
    expected = program.results(root)
    noticed = Tally(fault="damaged file of an artifact, training")
    rotten = Tally(fault="damage below the file system, `verify`")
    repeated = Tally(fault="damaged file, then the same run, training")
    artifacts = root / "store" / "artifacts"
    cases = [case for case in _cases(artifacts) if case[1].name != VERIFIED]
    for number, (name, file, change) in enumerate(cases):
        copy = options.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root / "store", copy / "store")
        change(copy / "store" / "artifacts" / file)
        key = file.parts[0]
        if number % (len(cases) // options.size.training_damages) == 0:
            code, text = finish(program, copy)
            same = program.results(copy) == expected and program.executed(copy, text) == 1
            repeated.count(None if same and not code else f"{file} {name}: exit code {code}\n{text[-500:]}")
        else:
            noticed.count(f"{file} {name}: believed" if Store(copy / "store").manifest(key) else None)
    for name, file, change in cases:
        copy = options.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root / "store", copy / "store")
        change(copy / "store" / "artifacts" / file)
        _trust(copy / "store" / "artifacts" / file.parts[0])
        found = {damage.path.name for damage in verify(Store(copy / "store")).damaged}
        rotten.count(None if found == {file.parts[0]} else f"{file} {name}: verify finds {found}")
    yield from (noticed, rotten, repeated)


def _trust(folder: Path) -> None:
    """Make the record of the last check match the present files, as if the damage were below the file system."""
    names = json.loads((folder / VERIFIED).read_text()) if (folder / VERIFIED).is_file() else {}
    stats = {name: (folder / name).stat() for name in names if (folder / name).is_file()}
    state = {name: [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns] for name, stat in stats.items()}
    (folder / VERIFIED).write_text(json.dumps(state))


def _cases(root: Path) -> Iterator[tuple[str, Path, Callable[[Path], None]]]:
    """Each file below `root` with each damage: a description, the relative path, and the change."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        for name, change in DAMAGES.items():
            for keeps_time in (False, True):
                shown = f"{name}, modification time {'kept' if keeps_time else 'new'}"
                yield shown, path.relative_to(root), _changed(change, keeps_time)


def _changed(change: Callable[[Path], object], keeps_time: bool) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        times = path.stat()
        change(path)
        if keeps_time and path.exists():
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    return apply


@contextmanager
def _cache_variable(cache: Path) -> Iterator[None]:
    before = os.environ.get("XSTILTS_CACHE")
    os.environ["XSTILTS_CACHE"] = str(cache)
    try:
        yield
    finally:
        del os.environ["XSTILTS_CACHE"]
        if before is not None:
            os.environ["XSTILTS_CACHE"] = before
