"""What the inputs were understood to hold, in a few lines, before anything is computed. Does not import torch."""

from collections.abc import Iterator, Sequence

from xstilts.fitting.dataset import Dataset, Part
from xstilts.fitting.settings import FitSettings
from xstilts.plurals import plural

SHOWN = 8


def understood_lines(dataset: Dataset, settings: FitSettings) -> tuple[str, ...]:
    """At most five lines: problem and columns, rows by class in each language, other inputs, and what will be tried."""
    return tuple(_lines(dataset, settings))


def _lines(dataset: Dataset, settings: FitSettings) -> Iterator[str]:
    columns = ", ".join(f"{field} {name!r}" for field, name in dataset.columns.items())
    guessed = f" (guessed: {', '.join(dataset.guessed)})" if dataset.guessed else ""
    yield f"{dataset.problem} with {plural(len(dataset.labels), 'class', 'classes')}; columns: {columns}{guessed}"
    if dataset.english:
        yield f"{dataset.source_language.name}: {plural(len(dataset.english), 'row')} ({_classes(dataset.english)})"
    name = f"{dataset.language.name} ({dataset.language.code})"
    if dataset.shots:
        yield f"{name}: {plural(len(dataset.shots), 'row')} ({_classes(dataset.shots)})"
    else:
        yield f"{name}: no labelled rows, so nothing will be known about the score in this language"
    others = [
        *([f"{plural(len(dataset.unlabelled), 'unlabelled text')}"] if dataset.unlabelled else []),
        *([f"{plural(len(dataset.test), 'test row')}, scored once at the end"] if dataset.test else []),
    ]
    trained = f", then fine-tuning on {dataset.source_language.name} if the time allows" if dataset.english else ""
    tried = f"heads on {settings.encoder}{trained}; at most {settings.budget:.0f} s"
    yield f"{'; '.join(others)}{'; ' if others else ''}will try {tried}"


def _classes(part: Part) -> str:
    counts = part.labels().most_common()
    shown = ", ".join(f"{label} {count:,}" for label, count in counts[:SHOWN])
    return shown if len(counts) <= SHOWN else f"{shown} and {len(counts) - SHOWN} more"


def remark_lines(dataset: Dataset) -> Sequence[str]:
    """What was left out, repaired or is worth a look."""
    return (*dataset.left_out, *(f"warning: {warning}" for warning in dataset.warnings))
