"""Rows chosen by `xstilts label` against rows chosen at random: the table of docs/guides/label.md.

    python bench/label.py [--seeds N] [--task NAME] [--development] [--results FILE]

An episode starts from English rows and two rows of each class of a language, and adds 20 rows of the pool five times:
those that `label` chooses, or random ones (two draws). Each time the first arm of `fit` is fitted and scored on the
test rows by macro F1. English rows, pool and test rows share no text and no group. Temperatures are those of held-out
English rows. At the end, 5-fold cross-validation over the labelled rows is compared with the score on the test rows.

A second start has no row of the rarer half of the classes, and is scored after one round of 20.

Episodes that FILE has are not run again. Swahili, Yoruba, Sundanese and Hausa are the development languages, on which
the method was chosen among uncertainty, farthest-first weighted by uncertainty, density or both, k-means++ (BADGE and
by uncertainty), weighted k-means (CLUE), clusters alone and equal numbers of predicted classes.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import harness
from label_data import DATA_SETS, Language, languages
from xstilts.cache.wheels import cache_dir
from xstilts.fitting.calibrate import fit_temperature, probabilities
from xstilts.fitting.estimate import confusion_matrix, macro_f1
from xstilts.fitting.fit import one_thread
from xstilts.fitting.folds import stratified_group_folds
from xstilts.fitting.heads import Head, Prepared, fit_head, head_arms, prepare
from xstilts.fitting.label_next import select
from xstilts.fitting.validate import english_held_out_logits, held_out_logits

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "label.md"
START, END = "<!-- table: start -->\n", "<!-- table: end -->\n"
ROUNDS, ROWS, PER_CLASS, RANDOM = 5, 20, 2, 2
ARM = head_arms("classification", english=True, shots=True, unlabelled=False)[0]
Pick = Callable[[Language, list[int], np.ndarray, list[int]], list[int]]
"""Language, labelled rows, probabilities of the free rows [free rows, classes], free rows -> chosen free rows."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--task", help="run this set only, and write no table")
    parser.add_argument("--results", type=Path, default=cache_dir() / "bench-label.jsonl")
    settings = parser.parse_args()
    lines = settings.results.read_text().splitlines() if settings.results.exists() else []
    known = {(one["task"], one["language"], one["seed"]): one for one in map(json.loads, lines)}
    found: list[dict[str, Any]] = []
    with one_thread(), settings.results.open("a") as file:
        for language in languages(development=True if settings.development else None, task=settings.task):
            for seed in range(settings.seeds):
                key = (language.data.task, language.code, seed)
                if key not in known:
                    started = time.monotonic()
                    known[key] = dict(zip(("task", "language", "seed"), key, strict=True)) | episode(language, seed)
                    file.write(json.dumps(known[key]) + "\n")
                    file.flush()
                    print(*key, f"{time.monotonic() - started:.0f} s", flush=True)
                found.append(known[key])
    table = build_table(found)
    print(table)
    if not settings.development and not settings.task:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.split(START)[0], text.split(END)[1]
        PAGE.write_text(f"{before}{START}{table}{END}{after}", encoding="utf-8")
    gains = [_gain(one) for one in found if not _is_development(one)]
    if gains:
        harness.print_result("label", "random choice", 1 + float(np.mean(gains)), [], gain=float(np.mean(gains)))


def episode(language: Language, seed: int) -> dict[str, Any]:
    """Scores after 0 to 5 rounds, cross-validated scores at the end, and the start without half of the classes."""
    start = _drawn(language, seed, range(len(language.labels)))
    chosen, chosen_rows = _scores(language, start, _chosen, ROUNDS)
    draws = [_scores(language, start, _random([seed, draw]), ROUNDS) for draw in range(RANDOM)]
    classes = language.pool.labels.bincount(minlength=len(language.labels))
    frequent = classes.argsort(descending=True, stable=True).tolist()[: (len(language.labels) + 1) // 2]
    few = _drawn(language, seed, frequent)
    missing = set(range(len(language.labels))) - set(frequent)
    fewer, fewer_rows = _scores(language, few, _chosen, 1)
    fewer_draws = [_scores(language, few, _random([seed, draw]), 1) for draw in range(RANDOM)]

    def found(rows: list[int]) -> float:
        return len(missing & set(language.pool.labels[rows].tolist())) / len(missing)

    return {
        "chosen": chosen,
        "random": np.mean([scores for scores, _ in draws], 0).tolist(),
        "chosen_validated": _validated(language, chosen_rows),
        "random_validated": _validated(language, draws[0][1]),
        "random_last": draws[0][0][-1],
        "missing_chosen": fewer,
        "missing_random": np.mean([scores for scores, _ in fewer_draws], 0).tolist(),
        "missing_found_chosen": found(fewer_rows),
        "missing_found_random": float(np.mean([found(rows) for _, rows in fewer_draws])),
    }


_PREPARED: dict[tuple[str, str], tuple[Prepared, float]] = {}


def _prepared(language: Language) -> tuple[Prepared, float]:
    """The penalty and the temperature, which depend on English rows alone."""
    key = (language.data.task, language.code)
    if key not in _PREPARED:
        classes = len(language.labels)
        prepared = prepare(ARM, language.english, language.pool, classes)
        logits, rows = english_held_out_logits(ARM, prepared, language.english, classes)
        gold = language.english.labels[rows].numpy()
        _PREPARED[key] = prepared, fit_temperature(np.maximum(logits.numpy(), -1e3), gold)
    return _PREPARED[key]


def _fitted(language: Language, rows: Sequence[int]) -> tuple[Head, float]:
    prepared, temperature = _prepared(language)
    classes = len(language.labels)
    return fit_head(ARM, prepared, language.english, language.pool.subset(rows), classes), temperature


def _scores(language: Language, start: list[int], pick: Pick, rounds: int) -> tuple[list[float], list[int]]:
    rows, scores = list(start), []
    for number in range(rounds + 1):
        head, temperature = _fitted(language, rows)
        predicted = head.logits(language.test.vectors).numpy().argmax(1)
        matrix = confusion_matrix(language.test.labels.numpy(), predicted, len(language.labels))
        scores.append(float(macro_f1(matrix)))
        if number < rounds:
            labelled = set(rows)
            free = [row for row in range(len(language.pool.labels)) if row not in labelled]
            logits = np.maximum(head.logits(language.pool.vectors[free]).numpy(), -1e3)
            rows += pick(language, rows, probabilities(logits, temperature), free)
    return scores, rows


def _chosen(language: Language, rows: list[int], shares: np.ndarray, free: list[int]) -> list[int]:
    vectors, counts = language.pool.vectors, language.pool.labels[rows].bincount(minlength=len(language.labels))
    selection = select(vectors[free].numpy(), shares, vectors[rows].numpy(), counts.tolist(), ROWS)
    return [free[number] for number in selection.rows]


def _random(seed: list[int]) -> Pick:
    rng = np.random.default_rng(seed)
    return lambda language, rows, shares, free: rng.choice(free, ROWS, replace=False).tolist()


def _drawn(language: Language, seed: int, classes: Sequence[int]) -> list[int]:
    rng, labels = np.random.default_rng([seed, 99]), language.pool.labels.numpy()
    return [int(row) for label in classes for row in rng.permutation(np.flatnonzero(labels == label))[:PER_CLASS]]


def _validated(language: Language, rows: list[int]) -> float:
    """The score of 5-fold cross-validation over the labelled rows."""
    shots, classes = language.pool.subset(rows), len(language.labels)
    folds = stratified_group_folds([str(label) for label in shots.labels.tolist()], shots.groups, 5)
    prepared, _ = _prepared(language)
    logits = held_out_logits(ARM, prepared, language.english, shots, folds, classes).numpy()
    return float(
        macro_f1(confusion_matrix(shots.labels.numpy(), np.nan_to_num(logits, nan=-np.inf).argmax(1), classes))
    )


def _gain(one: dict[str, Any]) -> float:
    """The mean difference over the rounds."""
    return float(np.mean(one["chosen"][1:]) - np.mean(one["random"][1:]))


def _is_development(one: dict[str, Any]) -> bool:
    return any(data.task == one["task"] and one["language"] in data.development for data in DATA_SETS)


def build_table(found: Sequence[dict[str, Any]]) -> str:
    """One row for each language, then the mean over the languages that are not for development."""
    names = {data.task: data.name for data in DATA_SETS}
    lines = [
        "| language | start | +20 chosen | +20 random | +100 chosen | +100 random | gain, all rounds | "
        "missing classes found, chosen | random | score then, chosen | random |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    keys = dict.fromkeys((one["task"], one["language"]) for one in found)
    groups = {
        f"{names[task]} {code}": [o for o in found if (o["task"], o["language"]) == (task, code)] for task, code in keys
    }
    reported = [one for one in found if not _is_development(one)]
    for name, episodes in groups.items():
        lines.append(_row(f"{name}{' (development)' if _is_development(episodes[0]) else ''}", episodes))
    if reported:
        lines.append(_row("mean of the others", reported))
    return "\n".join(lines) + "\n"


def _row(name: str, episodes: Sequence[dict[str, Any]]) -> str:
    def points(key: str, number: int) -> str:
        return f"{100 * np.mean([one[key][number] for one in episodes]):.1f}"

    def share(key: str) -> str:
        return f"{np.mean([one[key] for one in episodes]):.0%}"

    by_language: dict[tuple[str, str], list[float]] = {}
    for one in episodes:
        by_language.setdefault((one["task"], one["language"]), []).append(_gain(one))
    units = (
        list(by_language.values()) if len(by_language) > 1 else [[gain] for gain in next(iter(by_language.values()))]
    )
    gains = [100 * float(np.mean(unit)) for unit in units]
    width = _QUANTILES.get(len(gains), 2.0) * float(np.std(gains, ddof=1)) / len(gains) ** 0.5
    cells = [
        name,
        points("chosen", 0),
        points("chosen", 1),
        points("random", 1),
        points("chosen", -1),
        points("random", -1),
        f"{np.mean(gains):+.1f} ({np.mean(gains) - width:+.1f} to {np.mean(gains) + width:+.1f})",
        share("missing_found_chosen"),
        share("missing_found_random"),
        points("missing_chosen", 1),
        points("missing_random", 1),
    ]
    return f"| {' | '.join(cells)} |"


_QUANTILES = {2: 12.7, 3: 4.3, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
"""97.5% quantiles of Student's t by the number of values."""


if __name__ == "__main__":
    main()
