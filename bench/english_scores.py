"""English scores of the shipped recipes' trained targets: trivial baseline, frozen encoder, fine-tuned, refitted.

    XSTILTS_DATA_ROOT=DATA python bench/english_scores.py [recipes] [--write docs/accuracy.md]

Each recipe is cut down to its targets, English and two seeds, without intermediate training and shots; up to 2,000
English test items are scored. It runs once without and once with `refit`. Stages are kept below the cache, so an
interrupted run goes on where it stopped. Rows of recipes that are not named stay on the page.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import xstilts
from accuracy import RESAMPLES, difference
from harness import machine
from xstilts.analysis import stats
from xstilts.analysis.results import ArmName, arm_items
from xstilts.api.runs import Outcome
from xstilts.cache.wheels import cache_dir, data_root
from xstilts.config.recipe import FROZEN, MAJORITY, Intermediate, Recipe, Target
from xstilts.recipe.load import LoadedRecipe

RECIPES = ("quickstart", "embedded", "xtreme-mini", "multimodal")
SEEDS = (0, 1)
MAX_ITEMS = 2000
BASELINE = "none"
START, END = "<!-- english -->", "<!-- /english -->"
HEADER = """\
| recipe | target | metric | majority | frozen | fine-tuned | refitted | fine-tuned - frozen | refitted - frozen |
|---|---|---|--:|--:|--:|--:|--:|--:|"""
NOTE = """\
Frozen: the closed-form head on the states of the untouched encoder. Refitted: the same on the states of the \
fine-tuned one. `*`: the shipped recipe has `refit: true`. A dash: image tasks have no frozen arm, because their head \
starts with a random layer, and the difference is to the majority; spans and image retrieval have neither arm, because \
their heads are not linear layers over classes."""


def english_recipe(loaded: LoadedRecipe, *, refit: bool) -> Recipe:
    """The targets of a recipe that train a head (with `refit`, a linear one) in their source language alone."""
    kept = {name: loaded.tasks[name].spec for name in loaded.recipe.targets}
    targets = {
        name: _english_target(target, refit=refit)
        for name, target in loaded.recipe.targets.items()
        if kept[name].is_trained and (kept[name].has_linear_head or not refit)
    }
    changes = {
        "name": f"english-{loaded.recipe.name}{'-refit' * refit}",
        "seeds": SEEDS,
        "intermediate": {BASELINE: Intermediate()},
        "targets": targets,
        "fewshot": None,
        "primary": None,
        "development_languages": (),
    }
    partition = {name: block for name, block in loaded.recipe.partition.items() if name in targets}
    return loaded.recipe.model_copy(update=changes | {"partition": partition})


def _english_target(target: Target, *, refit: bool) -> Target:
    train = target.train.model_copy(update={"refit": refit})
    changes = {"languages": (target.source_language,), "intermediates": None, "max_items": MAX_ITEMS, "train": train}
    return target.model_copy(update=changes)


def rows(name: str) -> Iterator[str]:
    """The rows of one recipe's targets."""
    loaded = xstilts.load_recipe(name)
    runs = {refit: _run(english_recipe(loaded, refit=refit)) for refit in (False, True)}
    for task in runs[False].experiment.recipe.targets:
        metric = loaded.tasks[task].metric
        arms = {
            "majority": _arm(runs[False], task, MAJORITY),
            "frozen": _arm(runs[False], task, FROZEN),
            "fine-tuned": _arm(runs[False], task),
            "refitted": _arm(runs[True], task),
        }
        means = [_mean(arm, metric) for arm in arms.values()]
        baseline = arms["frozen"] or arms["majority"]
        differences = [_difference(arms[arm], baseline, metric) for arm in ("fine-tuned", "refitted")]
        means[-1] += "*" * loaded.recipe.targets[task].train.refit
        yield f"| {' | '.join([name, f'`{task}`', metric.replace('_', ' '), *means, *differences])} |"


def _run(recipe: Recipe) -> Outcome:
    return xstilts.run(recipe, store=cache_dir() / "bench-english", workers=1, show=True)


def _arm(outcome: Outcome, task: str, method: str = "") -> stats.ArmItems:
    """The scored items of an arm; empty if the recipe has none."""
    if task not in outcome.experiment.recipe.targets:
        return {}
    name = ArmName(intermediate=BASELINE, method=method) if method else ArmName(intermediate=BASELINE)
    return arm_items(outcome.experiment.graph.cells, outcome.experiment.store, task, name)


def _mean(arm: stats.ArmItems, metric: str) -> str:
    return f"{100 * stats.arm_interval(arm, metric, resamples=RESAMPLES).value:.1f}" if arm else "-"


def _difference(arm: stats.ArmItems, baseline: stats.ArmItems, metric: str) -> str:
    if not arm or not baseline:
        return "-"
    return difference(stats.contrast([(1.0, arm), (-1.0, baseline)], metric, resamples=RESAMPLES))


def rows_on(page: Path) -> dict[str, list[str]]:
    """The rows of the page's table by recipe."""
    table = page.read_text().partition(START)[2].partition(END)[0].splitlines()
    return {name: [line for line in table if line.startswith(f"| {name} |")] for name in RECIPES}


def write(page: Path, measured: dict[str, list[str]]) -> None:
    """Put the rows between the markers, with the page's own rows of recipes that were not measured."""
    lines = [line for rows in (rows_on(page) | measured).values() for line in rows]
    before, _, rest = page.read_text().partition(START)
    table = "\n".join([HEADER, *lines, "", NOTE, "", f"{machine()}."])
    page.write_text(f"{before}{START}\n\n{table}\n\n{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--write", type=Path, help="a page with markers for the table")
    options = parser.parse_args()
    measured: dict[str, list[str]] = {}
    for name in options.recipes:
        if xstilts.load_recipe(name).recipe.partition and data_root() is None:
            print(f"{name}: skipped, because XSTILTS_DATA_ROOT is not set")
            continue
        measured[name] = list(rows(name))
        print("\n".join([HEADER, *measured[name]]), flush=True)
        if options.write:
            write(options.write, measured)


if __name__ == "__main__":
    main()
