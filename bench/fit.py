"""Scores and intervals of `xstilts fit` next to scikit-learn on the same vectors.

    XSTILTS_DATA_ROOT=DATA python bench/fit.py [tasks] [--development] [--draws N] [--rows ROWS.parquet]

Every method gets the vectors of the untouched encoder, the same English rows and the same rows of the language, drawn
equally per class. `fit` selects among its heads by cross-validation, as it does on a user's files; fine-tuning is left
out. Coverage: how often the score on as many rows of other groups, drawn alike, lies in the 95% prediction interval.
English translations of these rows are left out.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils._testing import ignore_warnings

import xstilts.fitting.search as search_module
from accuracy_data import DataSet, States
from fit_data import DEVELOPMENT, HELD_OUT, Source, dataset, read, space, subwords, two_draws, without_groups
from fit_report import BALANCED, FIT, LOGISTIC, SVC, report
from xstilts.fitting.estimate import SCORES, confusion_matrix
from xstilts.fitting.fit import one_thread
from xstilts.fitting.heads import fit_head, head_arms
from xstilts.fitting.held_out import arm_estimate, class_shares, optimism_of
from xstilts.fitting.search import Search, folds_of, selected

SHOTS = (4, 8, 16)
METHODS = (FIT, LOGISTIC, BALANCED, SVC)
CS = (1e-4, 1e-3, 1e-2, 0.1, 1.0)


class Row(NamedTuple):
    """One method on one draw. Intervals are those of `fit`; `again` is the score on held-out rows of the same draw."""

    task: str
    language: str
    k: int
    draw: int
    method: str
    arm: str
    score: float
    seconds: float
    low: float = np.nan
    high: float = np.nan
    again: float = np.nan


_KNOWN: dict[tuple[object, ...], tuple[object, object]] = {}
"""What depends on English rows alone, by these rows and the arm; the rows are kept, so that their ids stay theirs."""


def remember_english() -> None:
    """Compute what depends on English rows alone once for all draws."""
    for name in ("prepare", "english_held_out_logits"):
        original = getattr(search_module, name)

        def remembered(arm, *values, name=name, original=original):
            english = values[0] if name == "prepare" else values[1]
            if not arm.uses_english:
                return original(arm, *values)
            key = (name, id(english.vectors), arm.kind, arm.balanced)
            if key not in _KNOWN:
                _KNOWN[key] = english.vectors, original(arm, *values)
            return _KNOWN[key][1]

        setattr(search_module, name, remembered)


def macro_f1(source: Source, predicted: np.ndarray, gold: torch.Tensor) -> float:
    return float(SCORES["macro_f1"](confusion_matrix(gold.numpy(), predicted, len(source.labels))))


def fit(task: str, language: str, source: Source, k: int, draw: int, shots: States, held_out: States) -> Row:
    began, data, where = time.monotonic(), dataset(source, language, shots), space(source, shots)
    classes = len(source.labels)
    folds = folds_of("classification", where.encoded)
    search = Search(problem="classification", classes=classes, folds=folds, deadline=np.inf)
    arms = head_arms("classification", english=True, shots=True, unlabelled=False)
    search.try_heads(where, arms, lambda candidate: "", lambda line: None)
    chosen = selected(search)
    shares = class_shares(data, {})
    estimate = arm_estimate(data, chosen, shares.values, optimism_of(data, search))
    head = fit_head(chosen.arm, chosen.prepared, where.encoded.english, where.encoded.shots, classes)
    score, again = (
        macro_f1(source, head.logits(part.vectors, subwords(part)).argmax(1).numpy(), part.labels)
        for part in (source.test, held_out)
    )
    seconds = time.monotonic() - began
    low, high = estimate.next_low, estimate.next_high
    return Row(task, language, k, draw, FIT, chosen.arm.name, score, seconds, low, high, again)


@ignore_warnings(category=UserWarning)
def scikit(task: str, language: str, source: Source, k: int, draw: int, shots: States, method: str) -> Row:
    """English rows and rows of the language pooled, standardised, C by five-fold cross-validation over both."""
    began = time.monotonic()
    vectors, labels = (
        torch.cat([getattr(part, name) for part in (source.english, shots)]).numpy() for name in ("vectors", "labels")
    )
    if method in (LOGISTIC, BALANCED):
        balanced = method == BALANCED
        model = LogisticRegressionCV(
            Cs=CS,
            l1_ratios=(0.0,),
            cv=5,
            scoring="f1_macro" if balanced else "accuracy",
            class_weight="balanced" if balanced else None,
            max_iter=300,
            use_legacy_attributes=False,
        )
    else:
        model = GridSearchCV(LinearSVC(max_iter=3000), {"C": list(CS)}, cv=5)
    fitted = make_pipeline(StandardScaler(), model).fit(vectors, labels)
    score = macro_f1(source, fitted.predict(source.test.vectors.numpy()), source.test.labels)
    return Row(task, language, k, draw, method, method, score, time.monotonic() - began)


def runs(data: DataSet, draws: int, methods: Sequence[str], shots: Sequence[int]) -> Iterator[Row]:
    for language in data.languages:
        whole = read(data, language)
        for k, draw in product(shots, range(draws)):
            chosen, others = two_draws(whole.pool, k, torch.Generator().manual_seed(1000 * k + draw))
            if not chosen:
                continue
            own, rest = whole.pool.of(chosen), whole.pool.of(others)
            english = without_groups(whole.english, rest)
            source = whole
            if len(english.labels) < len(whole.english.labels):
                source = whole._replace(english=english)
                _KNOWN.clear()
            for method in methods:
                if method == FIT:
                    yield fit(data.task, language, source, k, draw, own, rest)
                else:
                    yield scikit(data.task, language, source, k, draw, own, method)


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--development", action="store_true", help="the languages on which settings were chosen")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--shots", type=int, nargs="+", default=SHOTS)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--rows", type=Path, help="write all rows to this Parquet file")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    remember_english()
    rows: list[Row] = []
    with one_thread():
        for data in DEVELOPMENT if options.development else HELD_OUT:
            if not options.tasks or data.task in options.tasks:
                for row in runs(data, options.draws, options.methods, options.shots):
                    rows.append(row)
                    print(row, file=sys.stderr, flush=True)
    frame = pl.DataFrame(rows, schema=Row._fields, orient="row")
    if options.rows:
        frame.write_parquet(options.rows)
    print(report(frame))
    print(frame.filter(pl.col("method") == FIT).group_by("task", "arm").len().sort("task", "arm"))


if __name__ == "__main__":
    main(sys.argv[1:])
