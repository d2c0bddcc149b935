"""Stage keys of shipped recipes are those of `stage_keys.json`: whoever changes one, makes every store run it anew.

Where that is meant, write them anew (see `tests.golden.measure_stage_keys`) and say in the commit why they changed.
"""

import json
from pathlib import Path
from typing import get_args

import pytest
from tests.golden import measure_stage_keys

from xstilts.planning.specs import Spec

FROZEN = json.loads(measure_stage_keys.FROZEN_FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", measure_stage_keys.RECIPES)
def test_keys_are_those_of_the_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    measured, frozen = measure_stage_keys.measure(name, tmp_path), FROZEN[name]
    assert {kind: part["count"] for kind, part in measured.items()} == {k: part["count"] for k, part in frozen.items()}
    for kind, part in frozen.items():
        assert measured[kind]["example"]["settings"] == part["example"]["settings"], kind
        assert measured[kind]["example"]["key"] == part["example"]["key"], kind
        assert measured[kind]["digest"] == part["digest"], kind


def test_the_file_has_keys_of_every_kind() -> None:
    assert {kind for recipe in FROZEN.values() for kind in recipe} == {spec.kind for spec in get_args(Spec)}
