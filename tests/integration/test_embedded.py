"""The shipped smoke recipe on the real encoder: one worker, two workers killed in the middle, and an export."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from xstilts.api.artifacts import export_model
from xstilts.experiment import open_experiment
from xstilts.stages.artifacts import load_model
from xstilts.store.store import Manifest, Store

COMMAND = [sys.executable, "-c", "from xstilts.cli import main; main()", "run", "smoke"]


def start(store: Path, workers: int) -> subprocess.Popen[str]:
    command = [*COMMAND, "--store", str(store), "--workers", str(workers), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def finish(run: subprocess.Popen[str]) -> None:
    _, told = run.communicate(timeout=500)
    assert run.returncode == 0, told


def manifests(store: Path) -> list[Manifest]:
    keys = Store(store).keys()
    return [manifest for key in keys if (manifest := Store(store).peek(key))]


def kinds(store: Path) -> list[str]:
    return [manifest.kind for manifest in manifests(store)]


def written(store: Path) -> dict[Path, int]:
    return {path.relative_to(store): path.stat().st_mtime_ns for path in (store / "artifacts").glob("*/manifest.json")}


def predictions(store: Path) -> dict[str, str]:
    files = sorted((store / "artifacts").glob("*/items.parquet"))
    return {file.parent.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


pytestmark = pytest.mark.timeout(600)  # minutes on a busy machine; under one on an idle one


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one") / "store"
    finish(start(folder, workers=1))
    return folder


def test_all_stages_run_and_learn(store: Path):
    assert set(kinds(store)) == {"pretrained", "intermediate", "target", "evaluate", "majority", "fewshot", "retrieve"}
    english = [manifest.facts for manifest in manifests(store) if manifest.kind == "target"]
    assert {facts.training.head_start for facts in english} == {"closed-form"}
    assert all(facts.training.last_loss < 0.9 * facts.training.first_loss for facts in english)


def test_two_workers_killed_in_the_middle_give_the_same_predictions(store: Path, tmp_path: Path):
    other = tmp_path / "store"
    run = start(other, workers=2)
    deadline = time.monotonic() + 200
    while "target" not in kinds(other) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    finished = written(other)
    assert finished
    finish(start(other, workers=2))
    assert finished.items() <= written(other).items(), "finished stages are kept"
    assert predictions(other) == predictions(store)


def test_a_second_run_does_no_work(store: Path):
    before = written(store)
    finish(start(store, workers=2))
    assert written(store) == before


def test_an_export_of_the_real_encoder_gives_the_same_logits(store: Path, tmp_path: Path):
    experiment = open_experiment("smoke", store=store)
    key = next(key for key, stage in experiment.graph.stages.items() if stage.kind == "target")
    folder = export_model(key, tmp_path / "model", store=store)
    loaded = load_model(Store(store), key, experiment.environment)
    texts = ["schalte das Licht ein", "turn it off"]
    batch = loaded.tokenizer(texts, padding=True, return_tensors="pt")
    encoded = SentenceTransformer(str(folder), device="cpu").encode(texts, convert_to_tensor=True)
    with torch.inference_mode():
        torch.testing.assert_close(encoded, loaded.model(**batch).logits, atol=1e-4, rtol=0)
    assert json.loads((folder / "config.json").read_text())["id2label"]
