"""Scores of closed-form heads on the frozen encoder, next to scikit-learn on the same states.

    XSTILTS_DATA_ROOT=DATA python bench/accuracy.py [tasks] [--draws N] [--again] [--write docs/accuracy.md]

All methods get the same states of the untouched encoder, the same English examples and the same shots. Settings were
chosen on other languages: see docs/guides/defaults.md. Results of a data set are kept below the cache, so an
interrupted run goes on where it stopped; `--again` measures anew.
"""

import argparse
import io
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._testing import ignore_warnings

from accuracy_data import DATA_SETS, DataSet, States, bound, examples, shots, states
from harness import machine
from xstilts.analysis import stats
from xstilts.cache.wheels import cache_dir, data_root
from xstilts.data.corpora import MIN_UNLABELLED
from xstilts.methods.discriminant import james_stein, moments
from xstilts.methods.lda import Lda, has_many_shots
from xstilts.methods.leave_one_out import Rows
from xstilts.methods.logreg import Logreg
from xstilts.plurals import plural
from xstilts.problems import Example, Labelled, Tagged
from xstilts.problems.scores import score_frame
from xstilts.tasks import load_task

SHOTS = (0, 1, 4, 16)
CS = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
RESAMPLES = 2000
MANY_CLASSES = 10
START, END = "<!-- bench -->", "<!-- /bench -->"

Predict = Callable[[torch.Tensor], np.ndarray]
"""Class numbers [rows] of states [rows, width]."""
Fit = Callable[[States, States | None, torch.Tensor, int], Predict]
"""From English examples, shots, the states of unlabelled texts [texts, width], and the number of classes."""


def lda(settings: Lda) -> Fit:
    def fit(english: States, few: States | None, unlabelled: torch.Tensor, classes: int) -> Predict:
        method, source = settings, moments(english.vectors, english.labels, classes)
        target = None if few is None else moments(few.vectors, few.labels, classes)
        if few is not None:
            rows, groups = Rows(few.vectors, few.labels, few.groups), set(few.groups)

            def shared() -> Rows:
                part = english.of([n for n, example in enumerate(english.examples) if example.group in groups])
                return Rows(part.vectors, part.labels, part.groups)

            selected = settings.select(rows, source, shared)
            method = settings if selected is None else settings.with_settings(selected)
        head = method.fit(target, source, classes)
        return lambda queries: method.scores(queries, head).argmax(-1).numpy()

    return fit


def logreg(settings: Logreg, *, with_texts: bool = False) -> Fit:
    """With unlabelled texts, where the product uses them: below four shots per class."""
    summaries: dict[int, tuple[States, tuple[torch.Tensor, ...]]] = {}

    def fit(english: States, few: States | None, unlabelled: torch.Tensor, classes: int) -> Predict:
        rows = Rows(english.vectors, english.labels, english.groups)
        if id(english) not in summaries:
            summaries[id(english)] = english, settings.select_on_english(rows, classes)
        summary, offset = summaries[id(english)][1], torch.zeros(1)
        is_used = with_texts and not (few and has_many_shots(few.labels.bincount()))
        if is_used and len(unlabelled) >= MIN_UNLABELLED:
            mean, variance = settings.mean_and_variance(summary)
            offset = james_stein(unlabelled.double().mean(0) - mean, len(unlabelled), variance)
        shots = None if few is None else (few.vectors - offset, few.labels)
        head = settings.fit(shots, summary, classes)
        return lambda queries: settings.scores((queries - offset).float(), head).argmax(-1).numpy()

    return fit


@ignore_warnings(category=(ConvergenceWarning, UserWarning))
def logistic(english: States, few: States | None, unlabelled: torch.Tensor, classes: int) -> Predict:
    """scikit-learn's logistic regression on standardised states, with C from five-fold cross-validation: over English
    and the shots, or over English alone where that would take too long (many classes, or words)."""
    parts = [english] if few is None else [english, few]
    vectors, labels = (torch.cat([getattr(part, name) for part in parts]).numpy() for name in ("vectors", "labels"))
    if classes <= MANY_CLASSES and len(english.examples) == len(english.labels):
        model = cross_validated()
    else:
        key = id(english)
        if key not in PENALTIES:
            search = make_pipeline(StandardScaler(), cross_validated()).fit(english.vectors, english.labels)
            PENALTIES[key] = english, float(search[-1].C_)
        model = LogisticRegression(C=PENALTIES[key][1], max_iter=300)
    return make_pipeline(StandardScaler(), model).fit(vectors, labels).predict


def cross_validated() -> LogisticRegressionCV:
    return LogisticRegressionCV(
        Cs=CS, l1_ratios=(0.0,), cv=5, scoring="accuracy", max_iter=300, use_legacy_attributes=False
    )


PENALTIES: dict[int, tuple[States, float]] = {}
"""The selected C by the identity of the English states, which are kept so that no others get it."""
METHODS: dict[str, Fit] = {
    "logreg": logreg(Logreg()),
    "logreg, unlabelled texts": logreg(Logreg(), with_texts=True),
    "lda": lda(Lda()),
    "lda, shrinkage 0.1, no offset": lda(Lda(shrinkage=0.1, shots_weight=1, language_offset=False)),
    "LogisticRegression, C by cross-validation": logistic,
}


class Run(NamedTuple):
    """What a method did with k shots of one draw in one language."""

    method: str
    k: int
    language: str
    draw: int
    seconds: float
    frame: bytes
    """The scored items, as Parquet."""


def measure(data: DataSet, draws: int, methods: Sequence[str]) -> Iterator[Run]:
    """Every k, draw and language of a data set, by some methods."""
    source = examples(data, "en", "train")
    names = classes_of(source)
    english = states(data, source, names)
    for language in data.languages:
        scored = examples(data, language, "test")
        everything = (*names, *sorted(set(classes_of(scored)) - set(names)))
        tested = states(data, scored, everything)
        pool_examples = [e for e in examples(data, language, "train") if set(classes_of([e])) <= set(names)]
        pool = states(data, pool_examples, names)
        for k, number in product(SHOTS, range(draws)):
            if k == 0 and number:
                continue
            few = shots(pool, scored, k, number) if k else None
            unlabelled = texts_without(pool, scored, few)
            for method in methods:
                start = time.perf_counter()
                predicted = METHODS[method](english, few, unlabelled, len(names))(tested.vectors)
                seconds = time.perf_counter() - start
                yield Run(method, k, language, number, seconds, frame_of(data, tested, predicted, names))
        print(f"{data.task} {language}", file=sys.stderr, flush=True)


def texts_without(pool: States, scored: Sequence[Example], few: States | None) -> torch.Tensor:
    """The states of the examples that share no group with scored items or shots; none for words."""
    groups = {example.group for example in (*scored, *(few.examples if few else ()))}
    rows = [row for row, number in enumerate(pool.numbers.tolist()) if pool.examples[number].group not in groups]
    return pool.vectors[rows if len(pool.examples) == len(pool.labels) else []]


def classes_of(items: Sequence[Example]) -> tuple[str, ...]:
    return tuple(sorted({name for item in items for name in item.classes}))


def frame_of(data: DataSet, tested: States, predicted: np.ndarray, names: Sequence[str]) -> bytes:
    """The scored items; words that were cut off count as wrong."""
    items = [(example.id, example.group) for example in tested.examples]
    problem = bound(data.task).problem
    if problem == "tagging":
        words: list[list[str]] = [[] for _ in tested.examples]
        for number, label in zip(tested.numbers.tolist(), predicted.tolist(), strict=True):
            words[number].append(names[label])
        tags = [example.tags for example in tested.examples if isinstance(example, Tagged)]
        found = [(*row, *["_"] * (len(gold) - len(row))) for row, gold in zip(words, tags, strict=True)]
        frame = score_frame(problem, items, tags, found)
    else:
        labels = [example.label for example in tested.examples if isinstance(example, Labelled)]
        frame = score_frame(problem, items, labels, [names[label] for label in predicted])
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


Arms = dict[str, dict[tuple[int, int | None], pl.DataFrame]]
"""Scored items by language, then by (seed, draw)."""


def arm(runs: Sequence[Run], method: str, k: int) -> Arms:
    frames: Arms = {}
    for run in runs:
        if (run.method, run.k) == (method, k):
            key = (0, run.draw if k else None)
            frames.setdefault(run.language, {})[key] = pl.read_parquet(io.BytesIO(run.frame))
    return frames


def table(data: DataSet, runs: Sequence[Run], draws: int) -> Iterator[str]:
    """One row per method, and the paired differences of the first method to the others."""
    names, metric = list(METHODS), bound(data.task).metric
    arms = {(name, k): arm(runs, name, k) for name, k in product(names, SHOTS)}
    yield f"### `{data.task}`, {len(data.languages)} languages, {plural(draws, 'draw')}\n"
    yield f"| {metric.replace('_', ' ')} | " + " | ".join(f"k = {k}" for k in SHOTS) + " | seconds of a fit |"
    yield "|---|" + "--:|" * (len(SHOTS) + 1)
    for name in names:
        means = [stats.arm_interval(arms[name, k], metric, resamples=RESAMPLES).value for k in SHOTS]
        seconds = np.median([run.seconds for run in runs if run.method == name])
        yield f"| {name} | " + " | ".join(f"{100 * mean:.1f}" for mean in means) + f" | {seconds:.2f} |"
    for name in names[1:]:
        estimates = [
            stats.contrast([(1.0, arms[names[0], k]), (-1.0, arms[name, k])], metric, resamples=RESAMPLES)
            for k in SHOTS
        ]
        yield f"| `{names[0]}` minus {name} | " + " | ".join(map(difference, estimates)) + " | |"
    yield ""


def difference(estimate: stats.Estimate) -> str:
    """The difference in points with its 95% interval; bold if the interval excludes 0, in italics if it is a loss."""
    text = f"{100 * estimate.value:+.1f} ({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f})"
    if estimate.low > 0:
        return f"**{text}**"
    return f"*{text}*" if estimate.high < 0 else text


def limited(data: DataSet, count: int) -> DataSet:
    step = max(1, -(-len(data.languages) // count))
    return replace(data, languages=data.languages[::step])


def stored_runs(data: DataSet, draws: int, *, again: bool) -> list[Run]:
    path = cache_dir() / "bench-states" / f"runs-{data.task}-{len(data.languages)}-{draws}.pickle"
    runs: list[Run] = [] if again or not path.exists() else pickle.loads(path.read_bytes())
    measured = {run.method for run in runs}
    if missing := [method for method in METHODS if method not in measured]:
        runs += measure(data, draws, missing)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(runs))
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=[data.task for data in DATA_SETS])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--languages", type=int, default=1000, help="at most so many of each set, evenly spaced")
    parser.add_argument("--again", action="store_true", help="measure anew")
    parser.add_argument("--write", type=Path, help="a page with markers for the tables")
    options = parser.parse_args()
    lines: list[str] = []
    for data in (limited(data, options.languages) for data in DATA_SETS):
        if data.task in options.tasks and load_task(data.task).benchmark and data_root() is None:
            print(f"{data.task}: skipped, because XSTILTS_DATA_ROOT is not set")
        elif data.task in options.tasks:
            runs = stored_runs(data, options.draws, again=options.again)
            lines += table(data, runs, options.draws)
            print("\n".join(lines[-(2 + 2 * len(METHODS) + 1) :]), flush=True)
    lines.append(f"{machine()}.")
    if options.write:
        before, _, rest = options.write.read_text().partition(START)
        after = rest.partition(END)[2]
        options.write.write_text(f"{before}{START}\n\n" + "\n".join(lines) + f"\n\n{END}{after}")


if __name__ == "__main__":
    main()
