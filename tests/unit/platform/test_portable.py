"""The package can be imported without POSIX modules, and running it there raises a clear error."""

import os
import subprocess
import sys

import pytest
from tests.unit.planning.world import RUNNER, environment

from xstilts.errors import UserError
from xstilts.execution.local import LocalExecutor
from xstilts.platform import hardware, locks, memory

IMPORT_ALL = """
import importlib, os, pkgutil, signal, sys
BLOCKED = ("fcntl", "resource", "grp", "pwd", "posix")
import psutil, torch, transformers, peft  # libraries may import them where they exist
from transformers import AutoImageProcessor, BloomPreTrainedModel, PreTrainedModel
for name in BLOCKED:
    sys.modules[name] = None
for module, name in ((os, "fork"), (os, "posix_fallocate"), (os, "sched_getaffinity"), (signal, "setitimer"),
                     (signal, "ITIMER_PROF"), (signal, "SIGKILL"), (signal, "SIGPROF")):
    delattr(module, name)
sys.platform = "win32"
import xstilts
names = [module.name for module in pkgutil.walk_packages(xstilts.__path__, "xstilts.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def test_every_module_can_be_imported_without_posix_modules():
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200


def test_running_on_windows_raises(tmp_path, monkeypatch):
    there = environment(tmp_path)
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(UserError, match="Windows") as caught:
        LocalExecutor(there, 1, RUNNER)
    assert "WSL" in caught.value.hint


def test_memory_measures_without_procfs(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "resource", None)
        measured = memory._lifetime_peak()
        locks.raise_file_limit(10)
    # in this order, because the peak only grows; Linux counts pages per thread and adds them up now and then
    assert 0 < measured <= memory._lifetime_peak() + 2**20


def test_cores_without_affinity(monkeypatch):
    assert 1 <= hardware.usable_cores() <= (os.cpu_count() or 1)
    monkeypatch.delattr("psutil.Process.cpu_affinity")
    assert hardware.usable_cores() == (os.cpu_count() or 1)
