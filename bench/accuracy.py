"""Scores of closed-form heads on the frozen encoder, next to scikit-learn on the same states.

    XSTILTS_DATA_ROOT=DATA python bench/accuracy.py [--draws N]

All methods get the same states of the untouched encoder (mean of the last layer), the same English examples and the
same shots. Data: `intent` (three languages), SIB-200 and NusaX (files below `DATA/../lowres`). Settings were
chosen on other languages: see docs/guides/defaults.md.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._testing import ignore_warnings

from harness import machine
from xstilts.analysis import stats
from xstilts.cache.wheels import cache_dir, data_root
from xstilts.data.features import featurise
from xstilts.data.load import load
from xstilts.encoders.fetch import prepare
from xstilts.methods.lda import Lda, moments
from xstilts.models.heads import load_backbone, load_tokenizer
from xstilts.problems import Labelled
from xstilts.problems.scores import score_frame
from xstilts.tasks import load_task
from xstilts.train.predict import embed

SHOTS = (0, 1, 4, 16)
INTENT = ("ar", "hu", "zh-CN")
SIB = ("amh_Ethi", "eus_Latn", "jpn_Jpan", "tam_Taml")
NUSAX = ("javanese", "sundanese")
CS = (1e-4, 1e-3, 1e-2, 0.1, 1.0)

Predict = Callable[[np.ndarray], np.ndarray]
States = tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]
"""States [rows, hidden], class numbers [rows], and (id, group) of each row."""


def lda(settings: Lda) -> Callable[..., Predict]:
    def fit(english: States, shots: States | None, classes: int) -> Predict:
        summaries = [
            None if rows is None else moments(torch.from_numpy(rows[0]), torch.from_numpy(rows[1]), classes)
            for rows in (shots, english)
        ]
        head = settings.fit(summaries[0], summaries[1], classes)
        return lambda queries: settings.scores(torch.from_numpy(queries), head).argmax(-1).numpy()

    return fit


@ignore_warnings(category=ConvergenceWarning)
def logistic(english: States, shots: States | None, classes: int) -> Predict:
    """scikit-learn's logistic regression on standardised states, with C from five-fold cross-validation."""
    parts = [english] if shots is None else [english, shots]
    states, labels = (np.concatenate([part[n] for part in parts]) for n in range(2))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    search = GridSearchCV(model, {"logisticregression__C": CS}, cv=5)
    return search.fit(states, labels).predict


METHODS: dict[str, Callable[..., Predict]] = {
    "lda": lda(Lda()),
    "lda, shrinkage 0.1, no offset": lda(Lda(shrinkage=0.1, shots_weight=1, language_offset=False)),
    "LogisticRegression, C by cross-validation": logistic,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """The untouched encoder."""

    folder: Path

    def states(self, examples: Sequence[Labelled], labels: Sequence[str]) -> States:
        model, tokenizer = load_backbone(self.folder), load_tokenizer(self.folder)
        features = featurise("classification", examples, tokenizer, None, 128)
        pad = int(tokenizer.pad_token_id)  # type: ignore[arg-type]
        layer = model.config.num_hidden_layers
        vectors = embed(model, features, pad, layers=[layer], poolings=["mean"], precision="fp32")[0, 0]
        numbers = np.array([labels.index(example.label or "") for example in examples])
        return vectors.numpy(), numbers, [(example.id, example.group) for example in examples]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    name: str
    languages: tuple[str, ...]
    read: Callable[[str, str], Sequence[Labelled]]
    """The examples of a language ("en" for English) and a split (train or test)."""


def data_sets() -> tuple[DataSet, ...]:
    root = (data_root() or Path()).parent
    low = next(path for path in (root / "lowres", root / "data" / "lowres", root.parent / "lowres") if path.is_dir())
    task, cache = load_task("intent"), cache_dir()

    def intent(language: str, split: str) -> Sequence[Labelled]:
        return [e for e in load(task, language, split, cache=cache, offline=False) if isinstance(e, Labelled)]

    def sib(language: str, split: str) -> Sequence[Labelled]:
        name = "eng_Latn" if language == "en" else language
        path = low / "sib200" / name / f"{split}.tsv"
        return list(_rows(path, language, "index_id", "text", "category", delimiter="\t", quoting=csv.QUOTE_NONE))

    def nusax(language: str, split: str) -> Sequence[Labelled]:
        name = "english" if language == "en" else language
        return list(_rows(low / "nusax" / name / f"{split}.csv", language, "id", "text", "label"))

    return (
        DataSet(name="intent", languages=INTENT, read=intent),
        DataSet(name="SIB-200", languages=SIB, read=sib),
        DataSet(name="NusaX", languages=NUSAX, read=nusax),
    )


def _rows(path: Path, language: str, key: str, text: str, label: str, **form: object) -> Iterator[Labelled]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, **form):  # type: ignore[arg-type]
            yield Labelled(id=row[key], group=row[key], language=language, text=row[text], label=row[label])


def sample(rows: States, k: int, draw: int) -> States:
    """k rows of each class, as far as there are."""
    rng = np.random.default_rng(draw)
    chosen = np.concatenate([rng.permutation(np.flatnonzero(rows[1] == c))[:k] for c in np.unique(rows[1])])
    return rows[0][chosen], rows[1][chosen], [rows[2][n] for n in chosen]


Arms = dict[tuple[str, int], dict[str, dict[tuple[int, int | None], object]]]
"""Scored items by (method, k), then language, then (seed, draw)."""


def run(data: DataSet, encoder: Encoder, draws: int) -> tuple[Arms, dict[str, float]]:
    """Scored items of every method, k, language and draw, and the median seconds of a fit by method."""
    english_rows = data.read("en", "train")
    labels = sorted({example.label or "" for example in english_rows})
    english, arms, seconds = encoder.states(english_rows, labels), Arms(), {name: [] for name in METHODS}
    for language in data.languages:
        pool_rows, test_rows = (
            [example for example in data.read(language, split) if example.label in labels]
            for split in ("train", "test")
        )
        tested = {example.text for example in test_rows}
        pool = encoder.states([example for example in pool_rows if example.text not in tested], labels)
        states, _, items = encoder.states(test_rows, labels)
        for k, draw in product(SHOTS, range(draws)):
            if k == 0 and draw:
                continue
            shots = sample(pool, k, draw) if k else None
            for name, fit in METHODS.items():
                start = time.perf_counter()
                predict = fit(english, shots, len(labels))
                seconds[name].append(time.perf_counter() - start)
                predicted = [labels[n] for n in predict(states)]
                frame = score_frame("classification", items, [example.label for example in test_rows], predicted)
                arm = arms.setdefault((name, k), {}).setdefault(language, {})
                arm[0, draw if k else None] = frame
        print(f"{data.name} {language}", file=sys.stderr, flush=True)
    return arms, {name: float(np.median(times)) for name, times in seconds.items()}


def table(data: DataSet, arms: Arms, seconds: dict[str, float]) -> Iterator[str]:
    """One row per method, and the paired differences of the first method to the others."""
    names = list(METHODS)
    yield f"### {data.name}, {len(data.languages)} languages\n"
    yield "| macro F1 | " + " | ".join(f"k = {k}" for k in SHOTS) + " | seconds of a fit |"
    yield "|---|" + "--:|" * (len(SHOTS) + 1)
    for name in names:
        means = [stats.arm_interval(arms[name, k], "macro_f1", resamples=2000).value for k in SHOTS]
        yield f"| {name} | " + " | ".join(f"{100 * mean:.1f}" for mean in means) + f" | {seconds[name]:.2f} |"
    for name in names[1:]:
        estimates = [
            stats.contrast([(1.0, arms[names[0], k]), (-1.0, arms[name, k])], "macro_f1", resamples=2000) for k in SHOTS
        ]
        cells = [f"{100 * e.value:+.1f} ({100 * e.low:+.1f} to {100 * e.high:+.1f})" for e in estimates]
        yield f"| `{names[0]}` minus {name} | " + " | ".join(cells) + " | |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2)
    options = parser.parse_args()
    encoder = Encoder(folder=prepare("e5-small", cache=cache_dir(), offline=False))
    lines: list[str] = []
    for data in data_sets():
        lines += table(data, *run(data, encoder, options.draws))
    print("\n".join([*lines, f"{options.draws} draws; {machine()}."]))


if __name__ == "__main__":
    main()
