"""Few-shot accuracy against time in six languages, ours against SetFit.

    python bench/fewshot.py [steps] [draws]

`intent`, 200 test items per language, the same shots for all methods. SetFit 1.2 uses the same e5-small with mean
pooling, its defaults (pairs, batches of 16, a logistic head) and at most `steps` contrastive steps, which end its only
epoch early from k = 4 on (-1: the full epoch, which takes hours).

Ours runs four ways: `full` (gradient training) and `lda` (closed form), each after training on English labels and on
the shots alone. `full` on the shots alone uses the settings of the English training. The English training is shared by
all languages, and its seconds are reported separately. Seconds are wall-clock seconds of training and prediction with
all threads, without loading.

Predictions before measuring:

- `full` after English is far ahead at k = 1 and 4, in a tenth of the seconds per episode.
- On the shots alone, SetFit is better than `full` at k = 1, about equal at 4 and worse at 16, where its steps do not
  cover all pairs.
- `lda` after English is best at every k, in half a second (on three other languages it gained 10 to 20 points over
  `full`). On the shots alone it is about equal to SetFit.

(A script named setfit.py would shadow the package of that name.)
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import altair as alt
import torch
import vl_convert
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from harness import (
    BENCH_DIR,
    Clock,
    JsonDict,
    Side,
    interleave,
    peer_python,
    print_measurements,
    print_result,
    side_settings,
)
from xstilts.cache.wheels import cache_dir
from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.load import load
from xstilts.data.shots import draw
from xstilts.encoders.fetch import prepare
from xstilts.methods.discriminant import Moments
from xstilts.methods.lda import Lda
from xstilts.metrics import metric
from xstilts.models.frozen_states import FrozenStatesModel, labelled_states
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.models.split import backbone
from xstilts.models.tuning import load_weights, snapshot
from xstilts.platform.hardware import matrix_precision
from xstilts.problems import Example, Labelled
from xstilts.problems.features import Feature
from xstilts.problems.scores import score_frame
from xstilts.report.plots import COLOURS, SHAPES
from xstilts.stages.training import TrainableModel, make_trainable, scorer
from xstilts.tasks import load_task
from xstilts.train.fit import Objective, fit, steps_of
from xstilts.train.predict import predict

LANGUAGES, SHOTS, ITEMS = ("de", "fi", "ru", "ar", "th", "zh-CN"), (1, 4, 16), 200
ENGLISH_FULL, ENGLISH_LDA = "English first, full", "English first, lda"
SHOTS_FULL, SHOTS_LDA, SETFIT = "shots alone, full", "shots alone, lda", "SetFit"
FIGURE = BENCH_DIR.parent / "docs" / "figures" / "setfit.svg"
_COMMON = {"max_length": 64, "threads": 2, "learning_rate": 3e-4, "precision": matrix_precision()}
ENGLISH = Train(epochs=10, frozen_layers=8, head_learning_rate=3e-3, **_COMMON)  # type: ignore[arg-type]
AFTER_ENGLISH = Train(epochs=5, frozen_layers=10, head_learning_rate=7e-4, **_COMMON)  # type: ignore[arg-type]
SHOTS_ONLY = ENGLISH.model_copy(update={"steps": 60})
ALL_LAYERS_FROZEN = ENGLISH.model_copy(update={"frozen_layers": 12})
TASK = load_task("intent")


@dataclass(frozen=True, slots=True)
class Classifier:
    """What all our episodes share: pretrained weights, tokenizer and the labels of the English data."""

    folder: Path
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]

    def features(self, examples: Sequence[Example], *, labels: bool) -> list[Feature]:
        return featurise("classification", examples, self.tokenizer, self.labels if labels else None, 64)

    def model(self) -> PreTrainedModel:
        return load_with_head("classification", self.folder, labels=self.labels, seed=0)

    def trainable(self, model: PreTrainedModel, train: Train) -> TrainableModel:
        return make_trainable(model, "classification", self.tokenizer, train, "cpu", None)

    def fit(self, trainable: TrainableModel, examples: Sequence[Example], seed: int, **strategy: Any) -> None:
        inputs = trainable.inputs(self.features(examples, labels=True))
        schedule = [0] * steps_of(inputs.lengths, trainable.train)
        fit([Objective(model=trainable.trained_part, batches=inputs)], schedule, trainable.train, seed=seed, **strategy)

    def predict(self, trainable: TrainableModel, model: nn.Module, examples: Sequence[Example]) -> list[str]:
        inputs = trainable.inputs(self.features(examples, labels=False))
        return list(map(str, predict(model, inputs, examples, self.labels)))

    def moments(self, trainable: TrainableModel, examples: Sequence[Example]) -> Moments:
        inputs = trainable.inputs(self.features(examples, labels=True))
        return Lda().summarise(labelled_states(trainable.trained_part, inputs), len(self.labels))


def run_side(settings: JsonDict, episodes: list[JsonDict]) -> None:
    """Our side: every episode after English training, then every episode on the shots alone."""
    torch.set_num_threads(settings["threads"])
    folder = Path(settings["folder"])
    examples, dev = (load(TASK, "en", split, cache=cache_dir(), offline=False) for split in ("train", "dev"))
    labels = tuple(sorted({e.label for e in examples if isinstance(e, Labelled) and e.label}))
    classifier = Classifier(folder, load_tokenizer(folder), labels)
    model = classifier.model()
    with Clock() as english:
        trainable = classifier.trainable(model, ENGLISH)
        score = scorer(
            trainable.trained_part, trainable.inputs(classifier.features(dev, labels=False)), dev, labels, TASK
        )
        classifier.fit(trainable, examples, 0, strategy="best", score=score)
    with Clock() as states:
        frozen = classifier.trainable(model, ALL_LAYERS_FROZEN)
        english_moments = classifier.moments(frozen, examples)
    runs = {ENGLISH_LDA: _run_lda(classifier, frozen, english_moments, episodes)}
    runs[ENGLISH_FULL] = _run_full(classifier, classifier.trainable(model, AFTER_ENGLISH), episodes)
    runs[SHOTS_LDA] = _run_lda(classifier, classifier.trainable(classifier.model(), ALL_LAYERS_FROZEN), None, episodes)
    runs[SHOTS_FULL] = _run_full(classifier, classifier.trainable(classifier.model(), SHOTS_ONLY), episodes)
    print_measurements(english_seconds=english.seconds, states_seconds=states.seconds, methods=runs)


def _run_full(classifier: Classifier, trainable: TrainableModel, episodes: list[JsonDict]) -> list[JsonDict]:
    """Each episode starts from the same weights and runs the frozen layers again."""
    initial = snapshot(trainable.trained_part)

    def train(episode: JsonDict) -> nn.Module:
        load_weights(trainable.trained_part, initial)
        classifier.fit(trainable, _examples(episode["shots"]), episode["draw"])
        return trainable.trained_part

    return [_run_episode(classifier, trainable, train, episode) for episode in episodes]


def _run_lda(
    classifier: Classifier, trainable: TrainableModel, english: Moments | None, episodes: list[JsonDict]
) -> list[JsonDict]:
    def train(episode: JsonDict) -> nn.Module:
        shots = classifier.moments(trainable, _examples(episode["shots"]))
        head = Lda().fit(shots, english, len(classifier.labels))
        return FrozenStatesModel(backbone(trainable.trained_part), "classification", Lda(), head)

    return [_run_episode(classifier, trainable, train, episode) for episode in episodes]


def _run_episode(
    classifier: Classifier, trainable: TrainableModel, train: Callable[[JsonDict], nn.Module], episode: JsonDict
) -> JsonDict:
    """Train and predict. Returns the predictions and the seconds of both."""
    started = time.process_time()
    with Clock() as clock:
        predicted = classifier.predict(trainable, train(episode), _examples(episode["test"]))
    return {"predicted": predicted, "seconds": clock.seconds, "cpu_seconds": time.process_time() - started}


def _examples(rows: Iterable[tuple[str, str | None]]) -> list[Labelled]:
    return [
        Labelled(id=str(row), group="", language="", text=text, label=label) for row, (text, label) in enumerate(rows)
    ]


def main(steps: int = 30, draws: int = 1) -> None:
    folder = prepare("e5-small", cache=cache_dir(), offline=False)
    test_items = {language: _test_items(language) for language in LANGUAGES}
    episodes = [
        _episode(language, k, number, test_items[language])
        for language, k, number in product(LANGUAGES, SHOTS, range(draws))
    ]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "episodes.json"
        path.write_text(json.dumps({"episodes": episodes}))
        settings = {"folder": str(folder), "threads": 2, "steps": steps, "scratch": scratch, "data": str(path)}
        peer = Side(name=SETFIT, script=BENCH_DIR / "peers" / "fewshot.py", settings=settings, python=peer_python())
        sides = interleave([Side(name="ours", script=Path(__file__), settings=settings), peer], 1)
    ours, theirs = sides["ours"][0], sides[SETFIT][0]
    methods = (ENGLISH_LDA, ENGLISH_FULL, SHOTS_LDA, SHOTS_FULL)
    runs_by_method = {method: ours["methods"][method] for method in methods} | {SETFIT: theirs["episodes"]}
    rows = [_row(method, k, episodes, runs, test_items) for method, runs in runs_by_method.items() for k in SHOTS]
    FIGURE.write_text(figure(rows))
    _report(rows, ours["english_seconds"], ours["states_seconds"], steps)


def _test_items(language: str) -> list[Labelled]:
    """The scored test items of a language, evenly spaced."""
    items = load(TASK, language, "test", cache=cache_dir(), offline=False)
    count = min(ITEMS, len(items))
    return [items[index * len(items) // count] for index in range(count)]  # type: ignore[misc]


def _episode(language: str, k: int, number: int, items: list[Labelled]) -> JsonDict:
    pool = load(TASK, language, "train", cache=cache_dir(), offline=False)
    shots = [(shot.text, shot.label) for shot in draw(pool, k, number) if isinstance(shot, Labelled)]
    test = [(item.text, None) for item in items]
    return {"language": language, "k": k, "draw": number, "shots": shots, "test": test}


def _row(
    method: str, k: int, episodes: list[JsonDict], runs: list[JsonDict], test_items: dict[str, list[Labelled]]
) -> JsonDict:
    """Means over languages and draws of one method with k shots."""
    pairs = [(episode, run) for episode, run in zip(episodes, runs, strict=True) if episode["k"] == k]
    scores = [_scores(test_items[episode["language"]], run["predicted"]) for episode, run in pairs]
    seconds = {name: fmean(run[name] for _, run in pairs) for name in ("seconds", "cpu_seconds")}
    means = {name: fmean(score[name] for score in scores) for name in scores[0]}
    by_language: dict[str, list[float]] = {episode["language"]: [] for episode, _ in pairs}
    for (episode, _), score in zip(pairs, scores, strict=True):
        by_language[episode["language"]].append(score["macro_f1"])
    return {"method": method, "k": k, **seconds, **means, "by_language": by_language}


def _scores(items: Sequence[Labelled], predicted: list[str]) -> dict[str, float]:
    frame = score_frame("classification", [(e.id, e.group) for e in items], [e.label for e in items], predicted)
    return {name: round(metric(name).score(frame), 4) for name in ("accuracy", "macro_f1")}


def _report(rows: list[JsonDict], english_seconds: float, states_seconds: float, steps: int) -> None:
    print(f"{'method':24}{'k':>4}{'seconds':>10}{'CPU s':>10}{'accuracy':>10}{'macro F1':>10}")
    for row in rows:
        numbers = "".join(f"{row[name]:10.3f}" for name in ("seconds", "cpu_seconds", "accuracy", "macro_f1"))
        print(f"{row['method']:24}{row['k']:4}{numbers}")
    share = english_seconds / len(LANGUAGES)
    print(f"English training, once for all languages: {english_seconds:.1f} s, {share:.1f} s per language")
    print(f"English states for `lda`, once for all languages: {states_seconds:.1f} s")
    seconds = {row["method"]: row["seconds"] for row in rows if row["k"] == 4}
    ratio = seconds[SETFIT] / seconds[ENGLISH_LDA]
    print_result("few-shot", f"SetFit 1.2.0, {steps} steps", ratio, rows, english_seconds=english_seconds)


def figure(rows: list[JsonDict]) -> str:
    """Macro F1 against seconds as SVG: one line per method, points labelled with k."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    values = [{name: row[name] for name in ("method", "k", "seconds", "macro_f1")} for row in rows]
    scale = alt.Scale(domain=methods, range=list(COLOURS[1 : len(methods) + 1]))
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("seconds:Q", title="seconds per episode", scale=alt.Scale(type="log")),
        y=alt.Y("macro_f1:Q", title="macro F1", scale=alt.Scale(zero=False)),
        color=alt.Color("method:N", title=None, scale=scale),
    )
    shapes = alt.Scale(domain=methods, range=list(SHAPES[: len(methods)]))
    points = base.mark_point(filled=True, opacity=1, size=60).encode(shape=alt.Shape("method:N", scale=shapes))
    names = base.mark_text(dy=-11).encode(text="k:N")
    chart = alt.layer(base.mark_line(), points, names).properties(width=420, height=260)
    return vl_convert.vegalite_to_svg(chart.to_dict())


if __name__ == "__main__":
    if settings := side_settings():
        run_side(settings, json.loads(Path(settings["data"]).read_text())["episodes"])
    else:
        main(*map(int, sys.argv[1:]))
