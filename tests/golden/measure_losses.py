"""Losses and scores of tiny random encoders: `python -m tests.golden.measure_losses` writes losses.json anew.

Numbers that agree with those of the file stay as they are there: the last digits differ between machines.

Three recipes go from their YAML through the graph to a store, in this process and in fp32: texts (every problem of
texts, every few-shot method, masked texts, alignment, translation), images read by a text encoder, and a dual encoder.
"""

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests import tiny, tiny_dual, world
from tests.pictures import write_recipe
from tests.unit.stages import test_mine

from xstilts.execution.environment import Event
from xstilts.experiment import Experiment, open_experiment
from xstilts.planning.specs import AlignStage, FewshotStage, IntermediateStage, Spec, TargetStage
from xstilts.stages.job import run_job
from xstilts.store.facts import Facts, ScoredFacts, TrainedFacts

FROZEN_FILE = Path(__file__).with_name("losses.json")
Numbers = dict[str, dict[str, float]]

LOSS = {"texts": 1e-3, "multi-label": 1e-3, "images": 2e-3, "dual": 5e-3}
"""Relative, by recipe: about three times what other processors, vector instructions (SSE4, AVX2, AVX-512) and threads
were seen to change."""
SCORE = 1e-6
"""Absolute: no item may be predicted otherwise."""

RATES = {"learning_rate": 2e-3, "head_learning_rate": 2e-2}
TRAIN = {"steps": 8, "batch_size": 8, "max_length": 32, "precision": "fp32", "evaluations": 2} | RATES
SHORT = TRAIN | {"steps": 4}
PROBLEM_OF = {
    "topic": "classification",
    "topics": "multi-label",
    "pick": "choice",
    "mark": "tagging",
    "find": "span",
    "same": "retrieval",
    "dig": "mining",
    "colour-match": "image-text",
    "colour-find": "image-retrieval",
}


def texts(folder: Path) -> Path:
    """Every problem of texts after every kind of intermediate training; every few-shot method, alone and batched."""
    world.write_files(folder)
    for language in ("de", "sw"):
        for split in test_mine.SPLITS:
            rows = [_blurred(row) for row in test_mine.rows(split, language)]
            test_mine.write(folder / f"dig-{language}-{split}.csv", rows)
    (folder / "en.txt").write_text("".join(f"turn the light on {number}\n" for number in range(40)), encoding="utf-8")
    translator = tiny.build_translator(folder / "nllb")
    tasks = world.tasks()
    for language in world.LANGUAGES:
        rows = [json.dumps(_choice(number, language)) for number in range(60)]
        (folder / f"pick-{language}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    tasks["pick"] = {
        "problem": "choice",
        "files": {language: f"pick-{language}.jsonl" for language in world.LANGUAGES},
        "fractions": tasks["topic"]["fractions"],
        "columns": {"id": "id", "group": "group", "prompt": "prompt", "choices": "choices", "answer": "answer"},
    }
    tasks["dig"] = {
        "problem": "mining",
        "files": {lang: {split: f"dig-{lang}-{split}.csv" for split in test_mine.SPLITS} for lang in ("de", "sw")},
        "columns": {name: name for name in ("id", "text", "english", "partners")},
    }
    translate = {"to": ["en", "sw"], "model": str(translator), "max_length": 80, "precision": "fp32", "batch_size": 8}
    frozen = {"train": TRAIN | {"frozen_layers": 1}, "languages": ["en", "sw"]}
    return _write(
        folder,
        {
            "name": "texts",
            "encoder": str(tiny.build("xlm-roberta", folder / "encoder")),
            "tasks": tasks,
            "intermediate": {
                "none": {},
                "all": {"tasks": ["topic", "pick", "mark", "find"], "train": TRAIN},
                "masked": {"tasks": ["topic"], "mlm": {"texts": {"en": "en.txt"}}, "train": TRAIN},
                "aligned": {"align": {"task": "same", "layer": 1, "train": TRAIN | {"learning_rate": 2e-2}}},
                "translated": {"tasks": ["topic"], "translate": translate, "train": TRAIN},
                "longer": {"match_steps_of": "all"},
            },
            "targets": {
                "topic": {"train": TRAIN},
                "pick": frozen | {"intermediates": ["none", "all"]},
                "mark": frozen | {"intermediates": ["none", "all", "masked", "aligned"]},
                "find": {
                    "train": TRAIN | {"learning_rate": 2e-4, "head_learning_rate": 2e-3},
                    "languages": ["en", "sw"],
                    "intermediates": ["none", "all"],
                },
                "same": {"train": TRAIN, "languages": ["de", "sw"], "intermediates": ["none", "all", "aligned"]},
                "dig": {"train": TRAIN, "intermediates": ["none", "all"]},
            },
            "fewshot": {
                "shots": [1, 3],
                "draws": 1,
                "languages": ["sw", "de"],
                "intermediates": ["none"],
                "methods": ["full", "head", "lora", "joint", "average", "lda", "knn", "logreg", "auto"],
                "more_english": True,
                "without_target": True,
                "multilingual": True,
                "also_select": "english_dev",
                "train": SHORT,
            },
        },
    )


def _blurred(row: dict[str, str]) -> dict[str, str]:
    """A row of mining whose English text may say less than its partner's, so that not every pair is found."""
    words = row["text"].split()
    short = row["english"] == "true" and int(row["id"][-1]) % 4 < 2
    return row | {"text": " ".join(words[:1] if short else words)}


def _choice(number: int, language: str) -> dict[str, Any]:
    """Which of three words the sentence holds."""
    words = [world.WORDS[(number + step) % 13] for step in (0, 4, 6)]
    place = {"id": f"{language}{number}", "group": f"meaning{number}"}
    prompt = f"turn on {words[number % 3]} {language} {number}"
    return place | {"prompt": prompt, "choices": words, "answer": number % 3}


def images(folder: Path) -> Path:
    """Images read by a text encoder: image-text and image-retrieval, after an arm that trains on images."""
    path = write_recipe(folder)
    methods = "  methods: [full, head, lora, joint, average]\n  selection: target_dev\n"
    text = path.read_text(encoding="utf-8").replace("fewshot:\n", f"fewshot:\n{methods}")
    path.write_text(text, encoding="utf-8")
    return path


def dual(folder: Path) -> Path:
    """A tiny CLIP on the same pictures, with shots by the methods that train side by side and the one that does not."""
    shared = write_recipe(folder).read_text(encoding="utf-8")
    tasks = shared.partition("tasks:\n")[2].partition("  topic:\n")[0]
    path = folder / "dual.yaml"
    encoder = tiny_dual.build("clip", folder / "clip")
    path.write_text(f"name: dual\nencoder: {encoder}\nseeds: [0]\ntasks:\n{tasks}{DUAL}", encoding="utf-8")
    return path


DUAL = """\
intermediate:
  none:
  pictures: {tasks: [colour-find, colour-match], train: &train {steps: 4, batch_size: 8, precision: fp32}}
targets:
  colour-match: {train: {<<: *train, evaluations: 1}}
  colour-find: {train: {<<: *train, evaluations: 1}}
fewshot:
  shots: [2]
  draws: 1
  intermediates: [pictures]
  methods: [full, lora, head]
  train: {<<: *train, steps: 2}
"""


def multi_label(folder: Path) -> Path:
    """Any number of labels: target training, thresholds from its dev split, zero-shot and few-shot scores."""
    for language in world.LANGUAGES:
        rows = [json.dumps(_topics(number, language)) for number in range(80)]
        (folder / f"topics-{language}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    task = {
        "problem": "multi-label",
        "files": {language: f"topics-{language}.jsonl" for language in world.LANGUAGES},
        "fractions": world.tasks()["topic"]["fractions"],
        "columns": {"id": "id", "group": "group", "text": "text", "labels": "labels"},
    }
    return _write(
        folder,
        {
            "name": "multi-label",
            "encoder": str(tiny.build("xlm-roberta", folder / "encoder")),
            "tasks": {"topics": task},
            "intermediate": {"none": {}, "same": {"tasks": ["topics"], "train": SHORT}},
            "targets": {"topics": {"train": TRAIN | {"steps": 24}}},
            "fewshot": {"shots": [4], "draws": 1, "languages": ["sw"], "intermediates": ["none"], "train": SHORT},
        },
    )


def _topics(number: int, language: str) -> dict[str, Any]:
    """The labels are the topics that the sentence names; it may name none."""
    topics = [topic for place, topic in enumerate(("kitchen", "light", "weather")) if number >> place & 1]
    text = f"turn on {' '.join(topics) or 'today'} {language} {number}"
    return {"id": f"{language}{number}", "group": f"meaning{number}", "text": text, "labels": "|".join(topics)}


RECIPES: dict[str, Callable[[Path], Path]] = {
    "texts": texts,
    "multi-label": multi_label,
    "images": images,
    "dual": dual,
}


def _write(folder: Path, recipe: dict[str, Any]) -> Path:
    """JSON is YAML."""
    path = folder / f"{recipe['name']}.yaml"
    path.write_text(json.dumps({"seeds": [0]} | recipe), encoding="utf-8")
    return path


def measure(name: str, folder: Path) -> Numbers:
    """Run a recipe of `RECIPES` into `folder`; losses and scores by stage, named by what they are and not by keys."""
    experiment = open_experiment(RECIPES[name](folder), store=folder / "store", offline=True)
    events: list[Event] = []
    jobs: dict[str, list[Spec]] = {}
    for spec in experiment.graph.stages.values():
        jobs.setdefault(spec.group, []).append(spec)
    for specs in jobs.values():
        run_job(specs, experiment.environment, events.append)
    if failures := [event.message for event in events if event.kind == "failed"]:
        raise RuntimeError("\n".join(failures))
    return dict(_numbers(experiment))


def _numbers(experiment: Experiment) -> Iterator[tuple[str, dict[str, float]]]:
    stages = experiment.graph.stages
    for spec in stages.values():
        if isinstance(spec, IntermediateStage | AlignStage | TargetStage):
            yield f"{spec.kind} {_path(experiment, spec)}", _losses(experiment, spec)
    for cell in experiment.graph.cells:
        spec = stages[cell.artifact]
        facts = _facts(experiment, spec)
        assert isinstance(facts, ScoredFacts)
        scores = facts.scores.by_metric
        losses = _losses(experiment, spec) if isinstance(spec, FewshotStage) and spec.method.takes_steps else {}
        yield f"score {cell.task} {cell.language} {cell.intermediate} {cell.method} {cell.shots}", losses | scores


def _path(experiment: Experiment, spec: Spec) -> str:
    """What the artifact was trained on, the last task first."""
    if not isinstance(spec, IntermediateStage | AlignStage | TargetStage):
        return "pretrained"
    data = spec.data if isinstance(spec.data, tuple) else (spec.data,)
    tasks = "+".join(f"{part.task}.{part.language}" for part in data)
    control = "".join(f" {name}" for name in ("mlm", "modality", "match_steps_of") if getattr(spec, name, None))
    return f"{tasks}{control} < {_path(experiment, experiment.graph.stages[spec.parent])}"


def _losses(experiment: Experiment, spec: Spec) -> dict[str, float]:
    facts = _facts(experiment, spec)
    assert isinstance(facts, TrainedFacts)
    first, last = facts.training.first_loss, facts.training.last_loss
    if first is None or last is None or not math.isfinite(first + last):
        raise RuntimeError(f"{spec.title}: losses {first}, {last}")
    return {"first_loss": first, "last_loss": last}


def _facts(experiment: Experiment, spec: Spec) -> Facts:
    manifest = experiment.store.manifest(spec.key)
    if manifest is None:
        raise RuntimeError(f"{spec.title} is not in the store")
    return manifest.facts


def agrees(recipe: str, number: str, measured: float | None, recorded: float) -> bool:
    """Whether a loss or score is the recorded one, apart from the rounding of another machine."""
    if measured is None:
        return False
    if number.endswith("_loss"):
        return math.isclose(measured, recorded, rel_tol=LOSS[recipe])
    return math.isclose(measured, recorded, rel_tol=0.0, abs_tol=SCORE)


def keep_recorded(recipe: str, measured: Numbers, recorded: Numbers) -> Numbers:
    """The measured numbers, each replaced by the recorded one that it agrees with."""
    return {
        stage: {
            number: recorded[stage][number]
            if number in recorded.get(stage, {}) and agrees(recipe, number, value, recorded[stage][number])
            else value
            for number, value in numbers.items()
        }
        for stage, numbers in measured.items()
    }


def main() -> None:
    recorded: dict[str, Numbers] = json.loads(FROZEN_FILE.read_text(encoding="utf-8"))
    numbers: dict[str, Numbers] = {}
    for name in RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XSTILTS_CACHE"] = f"{folder}/cache"
            numbers[name] = keep_recorded(name, measure(name, Path(folder)), recorded.get(name, {}))
    FROZEN_FILE.write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{sum(map(len, numbers.values()))} stages written to {FROZEN_FILE}", file=sys.stderr)


if __name__ == "__main__":
    main()
