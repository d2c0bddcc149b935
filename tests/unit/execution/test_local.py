"""Workers on GPUs, as their environment variables show; no GPU is needed."""

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
def test_every_worker_sees_the_gpu_that_fewest_have(tmp_path, monkeypatch, device, expected):
    monkeypatch.setattr("xstilts.execution.local.gpus", lambda: ("GPU-b", "GPU-a"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    there = replace(environment(tmp_path, {"pretrained": "sleep60", "intermediate": "sleep60"}), device=device)
    with closing(LocalExecutor(there, 3, RUNNER)) as executor:
        for spec in SPECS:
            executor.submit((spec,))
        seen = [psutil.Process(pid).environ().get("CUDA_VISIBLE_DEVICES") for pid in executor.pids]
    assert seen == expected


def test_one_worker_for_each_gpu(monkeypatch):
    monkeypatch.setattr("xstilts.execution.local.gpus", lambda: ("0", "1", "2"))
    assert LocalExecutor.default_workers("cuda") == 3
    assert LocalExecutor.default_workers("cuda:2") == 1
    monkeypatch.setattr("xstilts.execution.local.gpus", lambda: ())
    assert LocalExecutor.default_workers("cuda") == 1
    assert LocalExecutor.default_workers("cpu") >= 1


@pytest.mark.parametrize(("device", "side_by_side"), [("cuda", True), ("cuda:1", True), ("cpu", False)])
def test_threads_take_the_slots_of_processors_alone(tmp_path, device, side_by_side):
    there = replace(environment(tmp_path, {"pretrained": "sleep60"}), device=device)
    with closing(LocalExecutor(there, 3, RUNNER)) as executor:
        executor.submit(SPECS[:1])
        assert executor.can_start(2) and executor.can_start(3) is side_by_side
