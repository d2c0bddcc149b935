"""Worker processes and their GPUs. No GPU is needed."""

from contextlib import closing
from dataclasses import replace

import psutil
import pytest
from tests.unit.planning.world import RUNNER, TASKS, environment, recipe

from xstilts.execution.local import LocalExecutor
from xstilts.planning.expand import expand

SPECS = tuple(expand(recipe(), TASKS, "1234").stages.values())[:3]


@pytest.mark.parametrize(
    ("device", "expected"), [("cuda", ["GPU-b", "GPU-a", "GPU-b"]), ("cuda:1", [None] * 3), ("cpu", [None] * 3)]
)
def test_each_worker_sees_the_gpu_with_the_fewest_workers(tmp_path, monkeypatch, device, expected):
    monkeypatch.setattr("xstilts.execution.local.gpus", lambda: ("GPU-b", "GPU-a"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    environment_ = replace(environment(tmp_path, {"pretrained": "sleep60", "intermediate": "sleep60"}), device=device)
    with closing(LocalExecutor(environment_, 3, RUNNER)) as executor:
        for spec in SPECS:
            executor.submit((spec,))
        visible = [psutil.Process(pid).environ().get("CUDA_VISIBLE_DEVICES") for pid in executor.pids]
    assert visible == expected


def test_the_default_is_one_worker_per_gpu(monkeypatch):
    monkeypatch.setattr("xstilts.execution.local.gpus", lambda: ("0", "1", "2"))
    assert LocalExecutor.default_workers("cuda") == 3
    assert LocalExecutor.default_workers("cuda:2") == 1
    monkeypatch.setattr("xstilts.execution.local.gpus", lambda: ())
    assert LocalExecutor.default_workers("cuda") == 1
    assert LocalExecutor.default_workers("cpu") >= 1


@pytest.mark.parametrize(("device", "parallel"), [("cuda", True), ("cuda:1", True), ("cpu", False)])
def test_threads_count_as_workers_only_on_cpus(tmp_path, device, parallel):
    environment_ = replace(environment(tmp_path, {"pretrained": "sleep60"}), device=device)
    with closing(LocalExecutor(environment_, 3, RUNNER)) as executor:
        executor.submit(SPECS[:1])
        assert executor.can_start(2) and executor.can_start(3) is parallel
