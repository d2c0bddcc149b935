"""Data sets on the Hub, read from a local test server."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.hub import COMMIT, CONVERTED, hub

from xstilts.data import hub_data
from xstilts.data.benchmark_files import bind, unresolved_sources
from xstilts.data.load import load
from xstilts.errors import SourceError
from xstilts.problems import Labelled
from xstilts.tasks.benchmark import Benchmark, Hub, group_by
from xstilts.tasks.task import Task

__all__ = ["hub"]

PLACE = Hub(
    repository="someone/pairs",
    config="pairs.{language}",
    splits={"train": "train", "dev": "validation"},
    names={"zh": "Chinese"},
    fields=lambda row: {"text": row["first"], "pair": row["second"], "label": row["gold"]},
)


def task(place: Hub = PLACE) -> Task:
    return Task(
        name="pairs",
        problem="classification",
        suite=("mine",),
        languages=("en", "zh"),
        benchmark=Benchmark(hub=(place,), groups=group_by("text")),
        licence="none",
        citation="",
        url="",
    )


def write(folder: Path, *names: str) -> Path:
    """Write Parquet files whose rows contain the name of their file."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {"first": [f"{name} {i}" for i in range(2)], "second": ["so", "not so"], "gold": ["yes", "no"]}
        pl.DataFrame(rows).write_parquet(path)
    return folder


def native(tmp_path: Path) -> Path:
    config = "pairs.en/train-00001-of-00002.parquet", "pairs.en/train-00000-of-00002.parquet"
    others = "pairs.en/validation-00000-of-00001.parquet", "pairs.en/validation_mismatched-00000-of-00001.parquet"
    return write(tmp_path / "repository", *config, *others, "pairs.Chinese/validation-00000-of-00001.parquet")


def bound(place: Hub, cache: Path) -> Task:
    hub_data.resolve_commit(place.repository, place.revision, cache=cache, offline=False)
    return bind(task(place), root=None, cache=cache)


def texts(task: Task, split: str, cache: Path, *, language: str = "en", offline: bool = False) -> list[str]:
    examples = load(task, language, split, cache=cache, offline=offline)
    return [example.text for example in examples if isinstance(example, Labelled)]


def test_each_split_reads_only_its_own_files(hub, tmp_path):
    hub.repositories["datasets/someone/pairs"] = native(tmp_path)
    task = bound(PLACE, tmp_path / "cache")
    assert texts(task, "train", tmp_path / "cache") == [
        f"pairs.en/train-0000{part}-of-00002.parquet {row}" for part in range(2) for row in range(2)
    ]
    assert texts(task, "dev", tmp_path / "cache")[0] == "pairs.en/validation-00000-of-00001.parquet 0"
    assert not any("mismatched" in name or "Chinese" in name for name in hub.asked)


def test_language_names_of_the_publisher_are_used(hub, tmp_path):
    hub.repositories["datasets/someone/pairs"] = native(tmp_path)
    place = replace(PLACE, splits={"dev": "validation"})
    found = texts(bound(place, tmp_path / "cache"), "dev", tmp_path / "cache", language="zh")
    assert found[0] == "pairs.Chinese/validation-00000-of-00001.parquet 0"


def test_the_parquet_branch_is_read_at_its_commit(hub, tmp_path):
    hub.repositories["datasets/someone/pairs"] = write(tmp_path / "script")
    hub.converted["datasets/someone/pairs"] = write(
        tmp_path / "converted",
        "pairs.en/train/0000.parquet",
        "pairs.en/train/0001.parquet",
        "pairs.en/dev/0000.parquet",
    )
    place = replace(PLACE, revision=hub_data.CONVERTED, splits={"train": "train"})
    task = bound(place, tmp_path / "cache")
    assert [source.uri for source in task.sources] == [f"hub:someone/pairs@{CONVERTED}"]
    assert texts(task, "train", tmp_path / "cache")[::2] == [f"pairs.en/train/000{part}.parquet 0" for part in range(2)]


def test_a_single_configuration_is_read_from_the_folder_data(hub, tmp_path):
    hub.repositories["datasets/someone/pairs"] = write(
        tmp_path / "repository", "data/train-00000-of-00001-1a2b.parquet", "data/validation-00000-of-00001-3c4d.parquet"
    )
    task = bound(replace(PLACE, config="default"), tmp_path / "cache")
    assert texts(task, "dev", tmp_path / "cache")[0].startswith("data/validation")


def test_a_glob_pattern_matches_several_published_splits():
    names = [f"plain/{split}_r{n}-00000-of-00001.parquet" for split in ("train", "dev") for n in (3, 1, 2)]
    place = replace(PLACE, config="plain", splits={"train": "train_r?"})
    assert hub_data.split_files(place, "train", "en", names) == tuple(sorted(names[:3]))


def test_cached_commits_and_files_are_not_requested_again(hub, tmp_path):
    hub.repositories["datasets/someone/pairs"] = native(tmp_path)
    cache = tmp_path / "cache"
    assert hub_data.known_commit("someone/pairs", "main", cache=cache) is None
    assert hub_data.resolve_commit("someone/pairs", "main", cache=cache, offline=False) == COMMIT
    assert hub_data.missing_files(PLACE, "train", "en", cache=cache) is None
    paths = hub_data.parquet_files(PLACE, "dev", "en", cache=cache, offline=False)
    assert list(hub_data.missing_files(PLACE, "train", "en", cache=cache) or ()) == [
        f"pairs.en/train-0000{part}-of-00002.parquet" for part in range(2)
    ]
    assert hub_data.missing_files(PLACE, "dev", "en", cache=cache) == {}
    asked = hub.requests
    for offline in (False, True):
        assert hub_data.known_commit("someone/pairs", "main", cache=cache) == COMMIT
        assert hub_data.parquet_files(PLACE, "dev", "en", cache=cache, offline=offline) == paths
    assert hub.requests == asked


def test_a_commit_resolves_to_itself(tmp_path):
    assert hub_data.resolve_commit("someone/pairs", COMMIT, cache=tmp_path, offline=True) == COMMIT


def test_a_model_repository_is_not_a_data_set(hub, tmp_path):
    hub.repositories["someone/pairs"] = tmp_path
    with pytest.raises(SourceError, match="no data set 'someone/pairs'"):
        hub_data.resolve_commit("someone/pairs", "main", cache=tmp_path, offline=False)


def test_a_task_with_unresolved_sources_cannot_be_loaded(tmp_path):
    found = bind(task(), root=None, cache=tmp_path)
    assert [source.uri for source in unresolved_sources(found, "en")] == ["hub:someone/pairs@main"]
    with pytest.raises(SourceError, match="hub:someone/pairs@main"):
        load(found, "en", "train", cache=tmp_path, offline=False)


def test_a_commit_is_part_of_the_fingerprint(hub, tmp_path):
    hub.repositories["datasets/someone/pairs"] = native(tmp_path)
    provisional = bind(task(), root=None, cache=tmp_path / "cache")
    final = bound(PLACE, tmp_path / "cache")
    assert provisional.fingerprint("en") != final.fingerprint("en")
    again = bind(provisional, root=None, cache=tmp_path / "cache")
    assert again.fingerprint("en") == final.fingerprint("en")


def test_errors_name_what_the_hub_does_not_have(hub, tmp_path):
    hub.repositories["datasets/someone/pairs"] = native(tmp_path)
    hub.repositories["datasets/someone/empty"] = write(tmp_path / "empty")
    hub.repositories["datasets/someone/secret"] = tmp_path
    hub.gated.add("datasets/someone/secret")

    def refused(**changes: object) -> str:
        with pytest.raises(SourceError) as caught:
            hub_data.parquet_files(replace(PLACE, **changes), "train", "en", cache=tmp_path / "cache", offline=False)
        return str(caught.value)

    assert "no data set 'someone/missing'" in refused(repository="someone/missing")
    assert "no data set 'someone/secret'" in refused(repository="someone/secret")
    assert "someone/pairs has no revision 'v9'" in refused(revision="v9")
    assert "refs/convert/parquet" in refused(repository="someone/empty")
    text = refused(splits={"train": "test"})
    assert "configuration 'pairs.en', split 'test'" in text
    assert text.endswith(": pairs.en/train, pairs.en/validation, pairs.en/validation_mismatched")
    assert ": pairs.Chinese/validation, pairs.en/train" in refused(config="pears")


def test_offline_errors_name_the_missing_data_set(hub, tmp_path):
    hub.repositories["datasets/someone/pairs"] = native(tmp_path)
    cache = tmp_path / "cache"
    for _ in range(3):  # without commit, without listing, without files
        with pytest.raises(SourceError, match="hub:someone/pairs@main is not in the cache"):
            hub_data.parquet_files(PLACE, "train", "en", cache=cache, offline=True)
        if hub_data.known_commit("someone/pairs", "main", cache=cache) is None:
            hub_data.resolve_commit("someone/pairs", "main", cache=cache, offline=False)
        else:
            hub_data.parquet_files(PLACE, "dev", "en", cache=cache, offline=False)


def test_errors_of_an_unreachable_hub_name_the_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits before it tries again
    with pytest.raises(SourceError, match="hub:someone/pairs@main"):
        hub_data.resolve_commit("someone/pairs", "main", cache=tmp_path, offline=False)
    with pytest.raises(SourceError, match="hub:someone/pairs@0123"):
        hub_data.parquet_files(replace(PLACE, revision=COMMIT), "train", "en", cache=tmp_path, offline=False)
