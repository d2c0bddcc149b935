"""Regret of the method `auto`: the best arm of a data set and k, on average over languages, minus `auto`.

    XSTILTS_DATA_ROOT=DATA python bench/auto_regret.py [tasks] [--write docs/accuracy.md]

Each data set is a recipe without intermediate training: one seed, two draws, three languages that no setting was chosen
on, up to 300 items of each. Stages are kept below the cache, so an interrupted run goes on where it stopped.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import xstilts
from accuracy import RESAMPLES, difference
from harness import machine
from xstilts.analysis import stats
from xstilts.analysis.results import ZERO_SHOT, ArmName, arm_items
from xstilts.api.runs import Outcome
from xstilts.cache.wheels import cache_dir, data_root
from xstilts.config.recipe import FROZEN, Recipe
from xstilts.tasks import load_task

LANGUAGES = {
    "intent": ("ar", "hu", "th"),
    "sib200": ("amh_Ethi", "jpn_Jpan", "quy_Latn"),
    "nusax": ("id", "jv", "min"),
    "afrisenti": ("am", "pt-MZ", "sw"),
    "xnli": ("ar", "de", "zh"),
}
PARTITION = {"xnli": {"pool": ["dev"], "fractions": {"train": 0.6, "dev": 0.1, "test": 0.3}}}
KS = (0, 1, 4, 16)
METHODS = ("full", "lda", "logreg", "auto")
ARMS = (*METHODS, FROZEN)
START, END = "<!-- auto -->", "<!-- /auto -->"
NOTE = """\
`full`, `lda` and `logreg` adapt the encoder that was fine-tuned on English; without shots `full` is its trained head. \
`frozen` is the encoder before that. The best arm is the one with the highest mean of a row, in hindsight. The \
difference has a paired 95% interval."""


def recipe(task: str) -> Recipe:
    train = {"epochs": 10, "max_length": 128, "frozen_layers": 8}
    if task == "xnli":
        train |= {"epochs": 3, "learning_rate": 1e-4}
    settings = {
        "name": f"auto-{task}",
        "seeds": [0],
        "partition": {name: PARTITION[name] for name in PARTITION if name == task},
        "targets": {task: {"languages": LANGUAGES[task], "max_items": 300, "max_examples": 1500, "train": train}},
        "fewshot": {
            "shots": [k for k in KS if k],
            "draws": 2,
            "methods": METHODS,
            "train": {"epochs": 5, "batch_size": 32, "max_length": 128, "frozen_layers": 10, "learning_rate": 1e-4},
        },
        "majority": False,
    }
    return Recipe.model_validate(settings)


def rows(task: str) -> Iterator[str]:
    outcome = xstilts.run(recipe(task), store=cache_dir() / "bench-auto", workers=1, show=True)
    metric = load_task(task).metric
    for k in KS:
        items = {method: _arm(outcome, task, method, k) for method in ARMS}
        means = {method: stats.arm_interval(arm, metric, resamples=RESAMPLES).value for method, arm in items.items()}
        yield _row(task, k, means, items, metric)


def _row(task: str, k: int, means: Mapping[str, float], items: Mapping[str, stats.ArmItems], metric: str) -> str:
    best = max((name for name in ARMS if name != "auto"), key=means.__getitem__)
    estimate = stats.contrast([(1.0, items["auto"]), (-1.0, items[best])], metric, resamples=RESAMPLES)
    scores = (f"{100 * means[name]:.1f}" for name in ARMS)
    return f"| `{task}` | {k} | {' | '.join(scores)} | `{best}` | {difference(estimate)} |"


def _arm(outcome: Outcome, task: str, method: str, k: int) -> stats.ArmItems:
    """The items of an arm, without English."""
    name = ArmName(intermediate="none", method=ZERO_SHOT if (method, k) == ("full", 0) else method, shots=k)
    items = arm_items(outcome.experiment.graph.cells, outcome.experiment.store, task, name)
    return {language: runs for language, runs in items.items() if language in LANGUAGES[task]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(LANGUAGES))
    parser.add_argument("--write", type=Path, help="a page with markers for the table")
    options = parser.parse_args()
    lines = [
        "| task | k | " + " | ".join(f"`{name}`" for name in ARMS) + " | best | `auto` minus best |",
        "|---|--:|" + "--:|" * len(ARMS) + "---|--:|",
    ]
    print("\n".join(lines))
    for task in filter(_is_available, options.tasks):
        for row in rows(task):
            lines.append(row)
            print(row, flush=True)
    lines += ["", NOTE, "", f"{machine()}."]
    if options.write:
        before, _, rest = options.write.read_text().partition(START)
        options.write.write_text(f"{before}{START}\n\n" + "\n".join(lines) + f"\n\n{END}{rest.partition(END)[2]}")


def _is_available(task: str) -> bool:
    available = not load_task(task).benchmark or data_root() is not None
    if not available:
        print(f"{task}: skipped, because XSTILTS_DATA_ROOT is not set")
    return available


if __name__ == "__main__":
    main()
