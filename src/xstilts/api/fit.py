"""Fit a model to labelled rows, and load one. Only `fit` and `load_model` import torch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.errors import UserError
from xstilts.fitting.columns import find_columns
from xstilts.fitting.dataset import Dataset, build_dataset
from xstilts.fitting.inputs import Source, read_input
from xstilts.fitting.languages import find_language
from xstilts.fitting.settings import BUDGET, FitSettings, parse_budget

if TYPE_CHECKING:
    from xstilts.fitting.model import FittedModel


def fit(
    train: Source | None = None,
    shots: Source | None = None,
    *,
    language: str,
    test: Source | None = None,
    unlabelled: Source | None = None,
    text: str | None = None,
    pair: str | None = None,
    label: str | None = None,
    group: str | None = None,
    problem: str | None = None,
    source_language: str = "en",
    drop_english_only: bool = False,
    subwords: bool = True,
    prior: Mapping[str, float] | None = None,
    precision: float = 0.9,
    encoder: str = "e5-small",
    budget: str | float = BUDGET,
    seed: int = 0,
    device: str = "cpu",
    offline: bool = False,
    command: str = "",
    say: Callable[[str], None] = lambda line: None,
    report: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> "FittedModel":
    """A model for texts in `language`, from English rows (`train`) and a few rows in the language (`shots`).

    Sources are paths, `hub:owner/name`, pandas or polars frames, or lists of dictionaries. `text`, `pair`, `label` and
    `group` name columns; what is not named is found by usual names and by content. `prior` has the true shares of the
    classes. `subwords=False` leaves out arms that read the sub-words of your rows. `precision` is what the threshold
    for abstention is selected for, `budget` a duration such as "5m". `say` is called with lines about what was
    understood and tried, `report` with progress.

    Raises DataError for input that cannot be used, UserError for an unknown language or encoder.
    """
    settings = FitSettings(
        encoder=encoder,
        budget=parse_budget(budget),
        precision=precision,
        prior=dict(prior or {}),
        drop_english_only=drop_english_only,
        subwords=subwords,
        seed=seed,
        device=device,
        offline=offline,
        command=command,
    )
    given = {"text": text, "pair": pair, "label": label, "group": group}
    sources = {"train": train, "shots": shots, "test": test, "unlabelled": unlabelled}
    dataset = read_dataset(sources, given, problem, language, settings, source_language=source_language)
    if unknown := set(settings.prior) - set(dataset.labels):
        raise UserError(f"the prior names {', '.join(sorted(unknown))}", f"the classes are {', '.join(dataset.labels)}")
    from xstilts.fitting.understood import remark_lines, understood_lines

    understood = understood_lines(dataset, settings)
    for line in (*understood, *remark_lines(dataset)):
        say(line)
    from xstilts.models.device import require_device

    require_device(device)
    from xstilts.fitting.fit import fit_model

    return fit_model(dataset, settings, understood=understood, say=say, report=report)


def read_dataset(
    sources: Mapping[str, Source | None],
    columns: Mapping[str, str | None],
    problem: str | None,
    language: str,
    settings: FitSettings,
    *,
    source_language: str = "en",
) -> Dataset:
    """The rows of `train`, `shots`, `test` and `unlabelled`. Raises as `fit`."""
    if not 0 < settings.precision < 1:
        raise UserError(f"the precision {settings.precision:g} is not between 0 and 1", "write it like 0.9")
    found = find_language(language)
    inputs = {
        name: None if source is None else read_input(source, name, cache=settings.cache, offline=settings.offline)
        for name, source in sources.items()
    }
    labelled = inputs["train"] or inputs["shots"]
    if labelled is None:
        raise UserError(
            "there are no labelled rows", "give English rows with --train, or rows of the language with --shots"
        )
    return build_dataset(
        inputs["train"],
        inputs["shots"],
        inputs["test"],
        inputs["unlabelled"],
        find_columns(labelled, columns, problem),
        found,
        source_language=find_language(source_language),
        drop_english_only=settings.drop_english_only,
    )


def load_model(folder: str | Path, *, device: str = "cpu") -> "FittedModel":
    """The model that `fit` wrote into a folder. Raises DataError if it is none, or is damaged."""
    from xstilts.fitting.facts import read_facts

    read_facts(Path(folder))
    from xstilts.fitting.model import load_model as load
    from xstilts.models.device import require_device

    require_device(device)
    return load(folder, device=device)
