import pytest

from xstilts import hardware

CASES = {
    "vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512_bf16\n": "bf16",
    "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16\n": "fp32",
    "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16 amx_bf16\n": "bf16",
    "vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2\n": "fp32",
    "": "fp32",
}


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_precision_follows_the_kind_of_processor(text, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "CPUINFO", tmp_path / "cpuinfo")
    assert hardware.matrix_precision() == "fp32", "unknown where there is no such file"
    (tmp_path / "cpuinfo").write_text(text)
    assert hardware.matrix_precision() == expected


def test_accelerators_take_bf16():
    assert hardware.matrix_precision("cuda:0") == "bf16"
