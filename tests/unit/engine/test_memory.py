import psutil
import pytest

from xstilts.engine import memory


@pytest.mark.parametrize("limit, mib", [("1048576\n", 1.0), ("max\n", None), (None, None), (str(1 << 62), None)])
def test_room_is_what_the_machine_has_or_a_control_group_allows(tmp_path, monkeypatch, limit, mib):
    path = tmp_path / "memory.max"
    if limit is not None:
        path.write_text(limit)
    monkeypatch.setattr(memory, "_LIMIT", path)
    assert memory.room_mb() == (mib or psutil.virtual_memory().total / 2**20)
