"""Files with damaged bytes are read or refused with an error that names the file, never anything else."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reliability.mutations import damaged
from tests.reliability.targets import problem_with, targets

EXAMPLES = {"text": 100, "binary": 40, "task": 10}


@pytest.mark.parametrize("name", targets())
def test_damaged_files(tmp_path: Path, name: str) -> None:
    target = targets()[name]
    path = tmp_path / target.file

    def problem(content: bytes) -> str | None:
        path.write_bytes(content)
        return problem_with(target, path)

    @settings(
        max_examples=EXAMPLES[target.kind],
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64))
    def damage(number: int) -> None:
        assert problem(damaged(target.contents, number)) is None

    for content in target.contents:
        path.write_bytes(content)
        target.read(path)
    damage()
