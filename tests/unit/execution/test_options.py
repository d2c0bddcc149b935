import dataclasses
import typing

import pytest

from xstilts.errors import UserError
from xstilts.execution.options import RunKeywords, RunOptions, run_options


def test_keywords_are_the_fields_of_the_options():
    assert list(typing.get_type_hints(RunKeywords)) == [field.name for field in dataclasses.fields(RunOptions)]


def test_keywords_update_options(tmp_path):
    options = RunOptions(offline=True, workers=3)
    changed = run_options(options, store=str(tmp_path), overrides=["a=1"], workers=2)
    assert changed == RunOptions(store=tmp_path, overrides=("a=1",), offline=True, workers=2)
    assert changed.job_count == 2
    assert run_options(None).job_count >= 1


@pytest.mark.parametrize(
    ("field", "value"), [("workers", 0), ("executor", "slrum"), ("stage_timeout", 0), ("device", "gpu")]
)
def test_invalid_options_are_rejected(field, value):
    with pytest.raises(UserError):
        RunOptions(**{field: value})
