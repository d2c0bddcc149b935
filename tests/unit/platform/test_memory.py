import psutil
import pytest

from xstilts.platform import memory

FREE = 8 << 20


@pytest.mark.parametrize(
    ("groups", "limits", "mib"),
    [
        ("0::/job/step\n", {"job/memory.max": str(3 << 20), "job/step/memory.max": "max"}, 3),
        ("0::/job/step\n", {"job/memory.max": str(3 << 20), "job/step/memory.max": str(2 << 20)}, 2),
        ("4:cpu,memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": str(5 << 20)}, 5),
        ("0::/\n", {"memory.max": str(1 << 62)}, 8),
        ("3:cpu:/a\n", {"memory/a/memory.limit_in_bytes": str(1 << 20)}, 8),
        (None, {}, 8),
    ],
)
def test_available_memory_respects_cgroup_limits(tmp_path, monkeypatch, groups, limits, mib):
    own = tmp_path / "own"
    if groups is not None:
        own.write_text(groups)
    for name, limit in limits.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(limit)
    monkeypatch.setattr(memory, "_OWN_GROUPS", own)
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "groups")
    free = psutil.virtual_memory()._replace(available=FREE)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    assert memory.available_mb() == mib
