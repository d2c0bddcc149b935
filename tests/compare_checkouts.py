"""Whether two checkouts predict the same: `python tests/compare_checkouts.py OLD NEW` runs recipes in both.

Each checkout runs each recipe in processes of its own, with its own `src`, a fresh store and a fresh cache (wheels that
were fetched before are shared). Scores and predictions are read by the public API alone and compared cell by cell, so
that keys of stages, layouts of stores and names of modules may differ. Exits 1 with the first differences, and 2 where
a run fails.

The small recipe on images is the one that a checkout has in its `tests`, or else the one beside this script. Where keys
of recipes were renamed between the two, give a recipe of each: --old-recipe OLD.yaml --new-recipe NEW.yaml.
Where columns of results, methods or metrics were renamed: --renamed OLD=NEW.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

MULTIMODAL = Path(__file__).with_name("compare_multimodal.yaml")
RECIPES = ("smoke", str(MULTIMODAL))
CELL = ("task", "language", "split", "intermediate", "method", "shots", "draw", "seed")
"""Columns that say which cell of the design a row is of."""
COMPARED = ("value", "items", "groups", "weights_changed", "step_kept", "steps")
SHOWN = 10
"""Differences of a table that are printed."""

RUN = """
import sys
from pathlib import Path
import xstilts
source, recipe, store, workers, out = sys.argv[1:]
assert Path(xstilts.__file__).is_relative_to(source), f"{xstilts.__file__} is not in {source}"
xstilts.run(recipe, store=store, workers=int(workers))
xstilts.load_results(recipe, store=store).write_parquet(f"{out}/scores.parquet")
rows = xstilts.load_results(recipe, store=store, sql="SELECT * FROM predictions")
rows.write_parquet(f"{out}/predictions.parquet")
"""


class RunError(Exception):
    """A checkout could not run a recipe."""


def main() -> int:
    options = _options()
    pairs = list(zip(options.old_recipe or options.recipe, options.new_recipe or options.recipe, strict=True))
    renamed = dict(pair.split("=", 1) for pair in options.renamed)
    same = True
    for old_recipe, new_recipe in pairs:
        try:
            old = run(options.old, old_recipe, options.workers)
            new = run(options.new, new_recipe, options.workers)
        except RunError as error:
            print(error, file=sys.stderr)
            return 2
        same &= compare(Path(new_recipe).stem, old, new, renamed)
    return 0 if same else 1


def run(checkout: Path, recipe: str, workers: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and predictions of a recipe as a checkout gives them. Raises RunError."""
    source = checkout.resolve() / "src"
    if not (source / "xstilts" / "__init__.py").is_file():
        raise RunError(f"{checkout} is not a checkout: there is no {source}/xstilts")
    if recipe == str(MULTIMODAL) and (own := source.with_name("tests") / MULTIMODAL.name).is_file():
        recipe = str(own)
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        cache = Path(folder) / "cache"
        cache.mkdir()
        if (wheels := _users_cache() / "wheels").is_dir():
            (cache / "wheels").symlink_to(wheels)
        command = [sys.executable, "-c", RUN, str(source), recipe, f"{folder}/store", str(workers), folder]
        environment = os.environ | {"PYTHONPATH": str(source), "XSTILTS_CACHE": str(cache)}
        # In the temporary folder, so that no module of the directory that the script is called from is imported.
        told = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        if told.returncode:
            raise RunError(f"{checkout} cannot run {recipe}:\n{told.stderr[-4000:]}")
        return pl.read_parquet(f"{folder}/scores.parquet"), pl.read_parquet(f"{folder}/predictions.parquet")


def _users_cache() -> Path:
    named = os.environ.get("XSTILTS_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "xstilts"


Tables = tuple[pl.DataFrame, pl.DataFrame]


def compare(recipe: str, old: Tables, new: Tables, renamed: Mapping[str, str]) -> bool:
    """Print how much was compared and what differs first; whether nothing does."""
    old_scores, old_items = (_renamed(frame, renamed) for frame in old)
    new_scores, new_items = new
    scores = _differences("score", old_scores, new_scores, (*CELL, "metric"), COMPARED)
    old_rows, new_rows = _of_cells(old_scores, old_items), _of_cells(new_scores, new_items)
    predictions = _differences("prediction", old_rows, new_rows, (*CELL, "item"), ("group", "gold", "predicted"))
    print(
        f"{recipe}: {len(new_rows)} predictions and {len(new_scores)} scores of {_cells(new_scores)} cells compared, "
        f"{len(predictions)} predictions and {len(scores)} scores differ"
    )
    for line in (*scores[:SHOWN], *predictions[:SHOWN]):
        print(f"  {line}")
    if not len(new_rows):
        print("  there are no predictions to compare")
    return bool(len(new_rows)) and not scores and not predictions


def _renamed(frame: pl.DataFrame, renamed: Mapping[str, str]) -> pl.DataFrame:
    """Columns, methods and metrics under their new names."""
    frame = frame.rename({old: new for old, new in renamed.items() if old in frame.columns})
    names = [name for name in ("method", "metric") if name in frame.columns]
    return frame.with_columns(pl.col(name).replace(dict(renamed)) for name in names)


def _of_cells(scores: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """Predictions with the cells that they are of: an artifact may be that of several."""
    cells = scores.select("artifact", *CELL).unique()
    return cells.join(predictions.drop("task", "language"), on="artifact")


def _cells(scores: pl.DataFrame) -> int:
    return len(scores.select(CELL).unique())


def _differences(
    what: str, old: pl.DataFrame, new: pl.DataFrame, place: Sequence[str], compared: Sequence[str]
) -> list[str]:
    """A line for each place that is in one table alone, or where the compared columns differ."""
    before, after = (_by_place(frame, place, compared) for frame in (old, new))
    lines = [
        f"{what} {' '.join(map(str, where))}: {before.get(where)} -> {after.get(where)}"
        for where in sorted(before.keys() | after.keys(), key=str)
        if before.get(where) != after.get(where)
    ]
    doubled = len(old) - len(before), len(new) - len(after)
    return lines + [f"{what}: {doubled[0]} old and {doubled[1]} new rows share a place"] * any(doubled)


def _by_place(frame: pl.DataFrame, place: Sequence[str], compared: Sequence[str]) -> dict[tuple, tuple]:
    return dict(zip(frame.select(place).rows(), frame.select(compared).rows(), strict=True))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("old", type=Path, help="checkout whose predictions are right")
    parser.add_argument("new", type=Path, help="checkout that is compared with it")
    parser.add_argument("--recipe", action="append", help="shipped name or file, as often as wanted")
    parser.add_argument("--old-recipe", action="append", help="instead, for the old checkout alone")
    parser.add_argument("--new-recipe", action="append", help="instead, for the new checkout alone")
    parser.add_argument("--renamed", action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    for names in (options.recipe, options.old_recipe, options.new_recipe):
        if names:
            names[:] = [str(Path(name).resolve()) if Path(name).is_file() else name for name in names]
    options.recipe = options.recipe or list(RECIPES)
    sides = [len(names or options.recipe) for names in (options.old_recipe, options.new_recipe)]
    if sides[0] != sides[1]:
        parser.error(f"{sides[0]} recipes of the old checkout, {sides[1]} of the new one: give as many of each")
    if any("=" not in pair for pair in options.renamed):
        parser.error("--renamed is written OLD=NEW")
    return options


if __name__ == "__main__":
    sys.exit(main())
