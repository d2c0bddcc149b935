"""Few examples a class in six languages: what a second of training buys, ours against SetFit.

    python bench/fewshot.py [steps] [draws]

`intent`, 200 test items a language, the same shots for all; SetFit 1.2 with the same e5-small and mean pooling, its
defaults (pairs, batches of 16, a logistic head), and at most `steps` contrastive steps, which end its only epoch early
from k = 4 on (-1: all of them, which takes hours). Ours as a user of ours would, on English labels first, whose
seconds stand beside and are shared by all languages; and on the shots alone. Either way twice: trained (`full`), on the
shots alone by the settings of English training, and solved for (`lda`), on English and shots or the shots alone.
Predicted before measuring: English first wins at k = 1 and 4 by far and takes a tenth of the seconds of an episode; on
the shots alone SetFit is better at k = 1, about equal at 4, and worse at 16, where its steps do not go over all pairs.
`lda` after English wins at every k, in half a second (on three other languages it gained 10 to 20 points on `full`); on
the shots alone it is about where SetFit is.
Seconds are of training and prediction, all threads; loading counts for none. (A script named setfit.py would hide the
package of that name.)
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

from harness import HERE, Clock, Measured, Side, asked, interleave, peers, say, tell
from xstilts.cache.wheels import cache_dir
from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.load import load
from xstilts.data.shots import draw
from xstilts.encoders.fetch import prepare
from xstilts.methods.lda import Lda, Moments
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
FIRST, SOLVED = "English first, full", "English first, lda"
ALONE, SOLVED_ALONE, SETFIT = "shots alone, full", "shots alone, lda", "SetFit"
FIGURE = HERE.parent / "docs" / "figures" / "setfit.svg"
_COMMON = {"max_length": 64, "threads": 2, "learning_rate": 3e-4, "precision": matrix_precision()}
ENGLISH = Train(epochs=10, frozen_layers=8, head_learning_rate=3e-3, **_COMMON)  # type: ignore[arg-type]
AFTER = Train(epochs=5, frozen_layers=10, head_learning_rate=7e-4, **_COMMON)  # type: ignore[arg-type]
ONLY = ENGLISH.model_copy(update={"steps": 60})
ABOVE = ENGLISH.model_copy(update={"frozen_layers": 12})
TASK = load_task("intent")


@dataclass(frozen=True, slots=True)
class Reader:
    """What our episodes have in common: the tokenizer and the head's labels, those of the English data."""

    folder: Path
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]

    def features(self, examples: Sequence[Example], *, labels: bool) -> list[Feature]:
        return featurise("classification", examples, self.tokenizer, self.labels if labels else None, 64)

    def model(self) -> PreTrainedModel:
        return load_with_head("classification", self.folder, labels=self.labels, seed=0)

    def trainable(self, model: PreTrainedModel, train: Train) -> TrainableModel:
        return make_trainable(model, "classification", self.tokenizer, train, "cpu", None)

    def learn(self, trainable: TrainableModel, examples: Sequence[Example], seed: int, **strategy: Any) -> None:
        feed = trainable.inputs(self.features(examples, labels=True))
        order = [0] * steps_of(feed.lengths, trainable.train)
        fit([Objective(model=trainable.trained_part, batches=feed)], order, trainable.train, seed=seed, **strategy)

    def predict(self, trainable: TrainableModel, model: nn.Module, examples: Sequence[Example]) -> list[str]:
        feed = trainable.inputs(self.features(examples, labels=False))
        return list(map(str, predict(model, feed, examples, self.labels)))

    def moments(self, trainable: TrainableModel, examples: Sequence[Example]) -> Moments:
        feed = trainable.inputs(self.features(examples, labels=True))
        return Lda().summarise(labelled_states(trainable.trained_part, feed), len(self.labels))


def ours(settings: Measured, episodes: list[Measured]) -> None:
    """Our side: every episode after English training, then every one with a fresh head."""
    torch.set_num_threads(settings["threads"])
    folder = Path(settings["folder"])
    examples, dev = (load(TASK, "en", split, cache=cache_dir(), offline=False) for split in ("train", "dev"))
    labels = tuple(sorted({e.label for e in examples if isinstance(e, Labelled) and e.label}))
    reader = Reader(folder, load_tokenizer(folder), labels)
    model = reader.model()
    with Clock() as english:
        trainable = reader.trainable(model, ENGLISH)
        score = scorer(trainable.trained_part, trainable.inputs(reader.features(dev, labels=False)), dev, labels, TASK)
        reader.learn(trainable, examples, 0, strategy="best", score=score)
    with Clock() as states:
        whole = reader.trainable(model, ABOVE)
        seen = reader.moments(whole, examples)
    found = {SOLVED: _solved(reader, whole, seen, episodes)}
    found[FIRST] = _trained(reader, reader.trainable(model, AFTER), episodes)
    found[SOLVED_ALONE] = _solved(reader, reader.trainable(reader.model(), ABOVE), None, episodes)
    found[ALONE] = _trained(reader, reader.trainable(reader.model(), ONLY), episodes)
    tell(english_seconds=english.seconds, states_seconds=states.seconds, found=found)


def _trained(reader: Reader, trainable: TrainableModel, episodes: list[Measured]) -> list[Measured]:
    """Each episode begins with the weights as they came, and runs the frozen layers itself."""
    initial = snapshot(trainable.trained_part)

    def learn(episode: Measured) -> nn.Module:
        load_weights(trainable.trained_part, initial)
        reader.learn(trainable, _examples(episode["shots"]), episode["draw"])
        return trainable.trained_part

    return [_measured(reader, trainable, learn, episode) for episode in episodes]


def _solved(
    reader: Reader, trainable: TrainableModel, english: Moments | None, episodes: list[Measured]
) -> list[Measured]:
    def learn(episode: Measured) -> nn.Module:
        shots = reader.moments(trainable, _examples(episode["shots"]))
        head = Lda().fit(shots, english, len(reader.labels))
        return FrozenStatesModel(backbone(trainable.trained_part), "classification", Lda(), head)

    return [_measured(reader, trainable, learn, episode) for episode in episodes]


def _measured(
    reader: Reader, trainable: TrainableModel, learn: Callable[[Measured], nn.Module], episode: Measured
) -> Measured:
    """Predictions and seconds."""
    processor = time.process_time()
    with Clock() as clock:
        predicted = reader.predict(trainable, learn(episode), _examples(episode["test"]))
    return {"predicted": predicted, "seconds": clock.seconds, "cpu_seconds": time.process_time() - processor}


def _examples(rows: Iterable[tuple[str, str | None]]) -> list[Labelled]:
    named = enumerate(rows)
    return [Labelled(id=str(n), group="", language="", text=text, label=label) for n, (text, label) in named]


def main(steps: int = 30, draws: int = 1) -> None:
    folder, tests = prepare("e5-small", cache=cache_dir(), offline=False), {name: _tests(name) for name in LANGUAGES}
    chosen = product(LANGUAGES, SHOTS, range(draws))
    episodes = [_episode(language, k, number, tests[language]) for language, k, number in chosen]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "episodes.json"
        path.write_text(json.dumps({"episodes": episodes}))
        settings = {"folder": str(folder), "threads": 2, "steps": steps, "scratch": scratch, "data": str(path)}
        peer = Side(name=SETFIT, script=HERE / "peers" / "fewshot.py", settings=settings, python=peers())
        sides = interleave([Side(name="ours", script=Path(__file__), settings=settings), peer], 1)
    our, their = sides["ours"][0], sides[SETFIT][0]
    found = {name: our["found"][name] for name in (SOLVED, FIRST, SOLVED_ALONE, ALONE)} | {SETFIT: their["episodes"]}
    rows = [_row(name, k, episodes, runs, tests) for name, runs in found.items() for k in SHOTS]
    FIGURE.write_text(figure(rows))
    _tell(rows, our["english_seconds"], our["states_seconds"], steps)


def _tests(language: str) -> list[Labelled]:
    """The scored items of a language, evenly from all."""
    items = load(TASK, language, "test", cache=cache_dir(), offline=False)
    count = min(ITEMS, len(items))
    return [items[number * len(items) // count] for number in range(count)]  # type: ignore[misc]


def _episode(language: str, k: int, number: int, test: list[Labelled]) -> Measured:
    pool = load(TASK, language, "train", cache=cache_dir(), offline=False)
    shots = [(shot.text, shot.label) for shot in draw(pool, k, number) if isinstance(shot, Labelled)]
    texts = [(item.text, None) for item in test]
    return {"language": language, "k": k, "draw": number, "shots": shots, "test": texts}


def _row(
    name: str, k: int, episodes: list[Measured], runs: list[Measured], tests: dict[str, list[Labelled]]
) -> Measured:
    """Means over languages and draws of one method with k shots."""
    chosen = [(episode, run) for episode, run in zip(episodes, runs, strict=True) if episode["k"] == k]
    scores = [_scores(tests[episode["language"]], run["predicted"]) for episode, run in chosen]
    seconds = {part: fmean(run[part] for _, run in chosen) for part in ("seconds", "cpu_seconds")}
    means = {part: fmean(score[part] for score in scores) for part in scores[0]}
    by_language: dict[str, list[float]] = {episode["language"]: [] for episode, _ in chosen}
    for (episode, _), score in zip(chosen, scores, strict=True):
        by_language[episode["language"]].append(score["macro_f1"])
    return {"method": name, "k": k, **seconds, **means, "by_language": by_language}


def _scores(test: Sequence[Labelled], predicted: list[str]) -> dict[str, float]:
    frame = score_frame("classification", [(e.id, e.group) for e in test], [e.label for e in test], predicted)
    return {name: round(metric(name).score(frame), 4) for name in ("accuracy", "macro_f1")}


def _tell(rows: list[Measured], english: float, states: float, steps: int) -> None:
    print(f"{'method':24}{'k':>4}{'seconds':>10}{'processor':>10}{'accuracy':>10}{'macro F1':>10}")
    for row in rows:
        numbers = "".join(f"{row[name]:10.3f}" for name in ("seconds", "cpu_seconds", "accuracy", "macro_f1"))
        print(f"{row['method']:24}{row['k']:4}{numbers}")
    print(f"English training, once for all languages: {english:.1f} s, {english / len(LANGUAGES):.1f} s for each")
    print(f"English states, once for `lda` in all languages: {states:.1f} s")
    four = {row["method"]: row["seconds"] for row in rows if row["k"] == 4}
    say("few-shot", f"SetFit 1.2.0, {steps} steps", four[SETFIT] / four[SOLVED], rows, english_seconds=english)


def figure(rows: list[Measured]) -> str:
    """Macro F1 by seconds, a line for each method, its points named by k."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    values = [{name: row[name] for name in ("method", "k", "seconds", "macro_f1")} for row in rows]
    scale = alt.Scale(domain=methods, range=list(COLOURS[1 : len(methods) + 1]))
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("seconds:Q", title="seconds of an episode", scale=alt.Scale(type="log")),
        y=alt.Y("macro_f1:Q", title="macro F1", scale=alt.Scale(zero=False)),
        color=alt.Color("method:N", title=None, scale=scale),
    )
    shapes = alt.Scale(domain=methods, range=list(SHAPES[: len(methods)]))
    points = base.mark_point(filled=True, opacity=1, size=60).encode(shape=alt.Shape("method:N", scale=shapes))
    names = base.mark_text(dy=-11).encode(text="k:N")
    chart = alt.layer(base.mark_line(), points, names).properties(width=420, height=260)
    return vl_convert.vegalite_to_svg(chart.to_dict())


if __name__ == "__main__":
    if chosen := asked():
        ours(chosen, json.loads(Path(chosen["data"]).read_text())["episodes"])
    else:
        main(*map(int, sys.argv[1:]))
