"""On the real encoder, training with a ruined learning rate is reported as harmful, and training by default is not."""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from xstilts.analysis.comparisons import comparisons
from xstilts.analysis.contrasts import ContrastResult, compute_estimates
from xstilts.analysis.design import design_of
from xstilts.analysis.harmful_training import harmful_training
from xstilts.cache.wheels import cache_dir
from xstilts.data.load import load
from xstilts.execution.environment import Event
from xstilts.experiment import open_experiment
from xstilts.planning.specs import Spec
from xstilts.stages.job import run_job
from xstilts.tasks import load_task

pytestmark = pytest.mark.timeout(300)


SIZES = {("en", "train"): 64, ("en", "dev"): 40, ("en", "test"): 40, ("de", "test"): 120}
CLASSES = 8


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A small part of `intent` as a task of files, with its most frequent classes."""
    folder, task = tmp_path_factory.mktemp("commands"), load_task("intent")
    files: dict[str, dict[str, str]] = {"en": {}, "de": {}}
    english = load(task, "en", "train", cache=cache_dir(), offline=False)
    labels = {label for label, _ in Counter(example.target for example in english).most_common(CLASSES)}
    for (language, split), size in SIZES.items():
        examples = load(task, language, split, cache=cache_dir(), offline=False)
        ranked = sorted(examples, key=lambda example: sha256(example.id.encode()).digest())
        chosen = [example for example in ranked if example.target in labels][:size]
        assert len(chosen) == size
        path = folder / f"{language}-{split}.json"
        rows = [{"id": e.id, "group": e.group, "text": e.texts[0], "label": e.target} for e in chosen]
        path.write_text(json.dumps(rows), encoding="utf-8")
        files[language][split] = str(path)
    return {"problem": "classification", "files": files, "columns": {n: n for n in ("id", "group", "text", "label")}}


def measure(folder: Path, commands: dict[str, Any], train: dict[str, Any]) -> tuple[ContrastResult, tuple[str, ...]]:
    """The trained arm minus the frozen encoder on German commands, and the notices of the report."""
    recipe = {
        "name": folder.name,
        "encoder": "e5-small",
        "seeds": [0],
        "tasks": {"commands": commands},
        "targets": {"commands": {"train": train}},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    experiment = open_experiment(str(path), store=folder.parent / "store")
    jobs: dict[str, list[Spec]] = {}
    for stage in experiment.graph.stages.values():
        if experiment.store.manifest(stage.key) is None:
            jobs.setdefault(stage.group, []).append(stage)
    events: list[Event] = []
    for stages in jobs.values():
        run_job(stages, experiment.environment, events.append)
    assert not [event.message for event in events if event.kind == "failed"]
    cells = experiment.graph.cells
    designs = [design_of(experiment.recipe, cells, experiment.loaded.tasks["commands"])]
    contrasts = comparisons(experiment.recipe, designs)
    estimates = compute_estimates(designs, contrasts, cells, experiment.store, resamples=200)
    (result,) = estimates.contrasts_on("commands", "training")
    return result, harmful_training(estimates)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("harmful")


@pytest.mark.parametrize(
    ("name", "train", "is_harmful"),
    [
        ("ruined", {"steps": 4, "freeze_embeddings": True, "learning_rate": 0.1, "head_learning_rate": 0.1}, True),
        ("default", {}, False),
    ],
)
def test_only_training_with_a_ruined_learning_rate_is_harmful(
    folder: Path, commands: dict[str, Any], name: str, train: dict[str, Any], is_harmful: bool
) -> None:
    (folder / name).mkdir()
    result, notices = measure(folder / name, commands, train)
    assert result.estimate is not None
    assert (result.estimate.high < 0) == is_harmful
    assert len(notices) == is_harmful
