"""Processes with limits: results, errors, and how they end."""

import os
import time
from pathlib import Path

import pytest

from xstilts.errors import StageError
from xstilts.platform.limited_process import LimitedProcesses, Limits, ProcessEndedError

HANDLER = """
import os, time

def handle(request):
    kind, _, number = request.decode().partition(" ")
    if kind == "sleep":
        time.sleep(float(number))
    elif kind == "loop":
        while True:
            pass
    elif kind == "allocate":
        return str(len(bytearray(int(number)))).encode()
    elif kind == "raise":
        raise LookupError("no such thing")
    elif kind == "exit":
        os.abort()
    return str(os.getpid()).encode()
"""
LIMITS = Limits(seconds=60, memory=1 << 30)


@pytest.fixture
def processes(tmp_path: Path):
    (tmp_path / "handler.py").write_text(HANDLER)
    processes = LimitedProcesses(tmp_path / "handler.py")
    yield processes
    processes.close()


def test_a_process_answers_several_requests(processes: LimitedProcesses):
    first = processes.call(b"pid", LIMITS)
    assert int(first) != os.getpid()
    assert processes.call(b"pid", LIMITS) == first


def test_errors_of_the_handler_leave_the_process_alive(processes: LimitedProcesses):
    first = processes.call(b"pid", LIMITS)
    with pytest.raises(ValueError, match="no such thing"):
        processes.call(b"raise", LIMITS)
    assert processes.call(b"pid", LIMITS) == first


@pytest.mark.parametrize(
    ("request_", "limits"),
    [
        (b"exit", LIMITS),
        (b"sleep 60", Limits(seconds=0.5, memory=1 << 30)),
        (b"loop", Limits(cpu_seconds=0.2, seconds=60, memory=1 << 30)),
    ],
)
def test_a_process_that_ends_is_replaced(processes: LimitedProcesses, request_: bytes, limits: Limits):
    first, start = processes.call(b"pid", LIMITS), time.monotonic()
    with pytest.raises(ProcessEndedError):
        processes.call(request_, limits)
    assert time.monotonic() - start < 30
    assert processes.call(b"pid", LIMITS) != first


@pytest.mark.skipif(os.name == "nt", reason="needs a limit of address space")
def test_memory_is_limited_for_each_request(processes: LimitedProcesses):
    request = f"allocate {600 << 20}".encode()
    with pytest.raises(ValueError, match="MemoryError"):
        processes.call(request, Limits(seconds=60, memory=512 << 20))
    assert processes.call(request, LIMITS) == str(600 << 20).encode()


def test_a_process_that_cannot_start_is_a_stage_error(processes: LimitedProcesses, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with pytest.raises(StageError):
        processes.call(b"pid", LIMITS)
