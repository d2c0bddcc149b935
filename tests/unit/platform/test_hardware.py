import sys
from pathlib import Path

import numpy as np
import pytest

from xstilts.platform import hardware

CASES = {
    "vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512_bf16\n": "bf16",
    "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16\n": "fp32",
    "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16 amx_bf16\n": "bf16",
    "vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2\n": "fp32",
    "": "fp32",
}


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_matrix_precision_of_cpus(text, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "CPUINFO", tmp_path / "cpuinfo")
    assert hardware.matrix_precision() == "fp32", "unknown where there is no such file"
    (tmp_path / "cpuinfo").write_text(text)
    assert hardware.matrix_precision() == expected


def test_accelerators_use_bf16():
    assert hardware.matrix_precision("cuda:0") == "bf16"


def resident(path):
    """Kilobytes of a mapped file that are in memory, as Linux tells."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if line.endswith(str(path)))
    return int(next(line for line in lines[place:] if line.startswith("Rss:")).split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked what is in memory")
def test_paged_out_memory_keeps_its_content(tmp_path):
    numbers = np.arange(1 << 20, dtype=np.int64)
    numbers.tofile(tmp_path / "numbers")
    mapped = np.memmap(tmp_path / "numbers", dtype=np.int64, mode="c")
    assert mapped.sum() == numbers.sum() and resident(tmp_path / "numbers") > 8000
    hardware.advise_pageout(mapped.ctypes.data + 8, mapped.nbytes - 8)
    assert resident(tmp_path / "numbers") < 5000, "pages at the edge, which may be large, stay"
    changed = numbers.copy()
    hardware.advise_pageout(changed.ctypes.data, changed.nbytes)
    assert (mapped == numbers).all() and (changed == numbers).all()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is advised on Linux alone")
def test_populate_of_a_private_mapping_does_not_change_the_file(tmp_path):
    numbers = np.arange(1 << 20, dtype=np.int32)
    numbers.tofile(tmp_path / "numbers")
    mapped = np.memmap(tmp_path / "numbers", dtype=np.int32, mode="c")
    hardware.advise_populate(mapped.ctypes.data, mapped.nbytes)
    assert (mapped == numbers).all()
    mapped += 1
    assert (np.fromfile(tmp_path / "numbers", dtype=np.int32) == numbers).all()


def test_gpus_respect_cuda_visible_devices(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware, "GPUS", tmp_path / "gpus")
    assert hardware.gpus() == ()
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
    assert hardware.gpus() == ("0", "1")
    for named, precision in {"": (), "3": ("3",), "GPU-8932, 1": ("GPU-8932", "1")}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
        assert hardware.gpus() == precision
