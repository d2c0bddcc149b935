"""Inspects the data that stages read besides the recipe's own tasks: benchmarks, texts and translations."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xstilts.data.corpora import Corpus
from xstilts.data.load import load
from xstilts.errors import UserError
from xstilts.inspection.benchmarks import BenchmarkData, check_benchmarks
from xstilts.inspection.finding import Finding
from xstilts.inspection.texts import check_texts
from xstilts.inspection.translations import TranslationSource, check_translations
from xstilts.planning.stage import Data, Stage
from xstilts.problems import Example
from xstilts.recipe.translation import find_translation_file
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class StageInputs:
    """The stages to inspect, by key, and where their data are."""

    stages: Mapping[str, Stage]
    tasks: Mapping[str, Task]
    corpora: Mapping[str, Corpus]
    """By fingerprint."""
    columns: Mapping[str, Mapping[str, str]]
    """The columns of the recipe's own tasks."""
    base: Path
    root: Path | None
    cache: Path


def inspect_inputs(inputs: StageInputs) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """What is wrong with the data of the stages, and the data that are not checked because they are not on this
    machine. Nothing is downloaded."""
    data = BenchmarkData(inputs.tasks, inputs.root, inputs.cache)

    def train_split(read: Data) -> tuple[Example, ...] | None:
        task = inputs.tasks[read.task]
        try:
            if task.benchmark is not None and not data.is_local(read.task, read.language, "train"):
                return None
            return load(task, read.language, "train", cache=inputs.cache, offline=True)
        except UserError:  # errors of the examples themselves are findings of their own
            return None

    source = TranslationSource(
        tasks=inputs.tasks,
        columns=inputs.columns,
        find=lambda file: find_translation_file(file, inputs.base, inputs.root),
        train_split=train_split,
    )
    checks = (
        check_benchmarks(inputs.stages, inputs.tasks, data),
        check_texts(inputs.stages.values(), inputs.corpora, inputs.cache),
        check_translations(inputs.stages.values(), source),
    )
    return (
        tuple(finding for findings, _ in checks for finding in findings),
        tuple(dict.fromkeys(name for _, names in checks for name in names)),
    )
