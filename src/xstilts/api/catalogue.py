"""The tasks and encoders that come with the package. No torch."""

from collections import Counter
from typing import Any

from xstilts.cache.sources import Library, Wheel
from xstilts.encoders import EncoderCard, catalogue
from xstilts.errors import UserError, did_you_mean
from xstilts.tasks import load_task, task_names
from xstilts.tasks.task import Task


def list_tasks(suite: str | None = None) -> tuple[Task, ...]:
    """The shipped tasks, or those of a suite. Raises UserError for an unknown suite."""
    tasks = tuple(map(load_task, task_names()))
    if suite is None:
        return tasks
    suites = sorted({name for task in tasks for name in task.suite})
    if suite not in suites:
        raise UserError(f"unknown suite {suite!r}", did_you_mean(suite, suites))
    return tuple(task for task in tasks if suite in task.suite)


def describe_task(task: Task) -> dict[str, Any]:
    """A task as a dictionary for JSON."""
    return {
        "name": task.name,
        "problem": task.problem,
        "suite": list(task.suite),
        "languages": list(task.languages),
        "splits": {language: dict(sizes) for language, sizes in task.sizes.items()},
        "source": [source for source, _ in _sources(task)],
        "revision": [revision for _, revision in _sources(task)],
        "files": _files(task),
        "images": list(task.images),
        "marks": dict(task.item_flags),
        "shots": {language: list(sizes) for language, sizes in task.fixed_shot_sizes.items()},
        "candidates": dict(task.retrieval_pool_size),
        "licence": task.licence,
        "metric": task.metric,
        "metrics": list(task.scores),
        "citation": task.citation,
        "url": task.url,
        "weaknesses": list(task.weaknesses),
    }


def _sources(task: Task) -> list[tuple[str, str]]:
    """The (source, revision) pairs of a task; for a benchmark, those of its Hub repositories."""
    if task.benchmark is None:
        return [(source.uri, _revision(source)) for source in task.sources]
    return list(dict.fromkeys((f"hub:{dataset.repository}", dataset.revision) for dataset in task.benchmark.hub))


def _files(task: Task) -> list[str]:
    """The native files of a benchmark, as patterns below the data root."""
    natives = [native for native in task.benchmark.native if native.has_labels] if task.benchmark else []
    patterns = [pattern for native in natives for pattern in (*native.files.values(), *native.english.values())]
    files = [file for pattern in patterns for file in ((pattern,) if isinstance(pattern, str) else pattern)]
    return list(dict.fromkeys(files))


def format_sizes(task: Task) -> str:
    """The split sizes in English, or in the first language with known sizes."""
    sizes = task.sizes.get("en") or next(iter(task.sizes.values()), {})
    return " ".join(f"{split} {count:,}" for split, count in sizes.items()) or "not known"


def format_fixed_shots(task: Task) -> str:
    """The sizes of published few-shot sets: those that all languages have, and additional ones."""
    sizes = {language: set(ks) for language, ks in task.fixed_shot_sizes.items()}
    if not sizes:
        return ""
    common = set.intersection(*sizes.values())
    all_sizes = list(dict.fromkeys(k for ks in task.fixed_shot_sizes.values() for k in ks))
    text = " ".join(k for k in all_sizes if k in common)
    if larger := [language for language, ks in sizes.items() if ks - common]:
        text += f"; {' '.join(larger)} also {' '.join(k for k in all_sizes if k not in common)}"
    missing = [language for language in task.languages if language not in sizes and language != "en"]
    return text + (f"; none in {' '.join(missing)}" if missing else "")


def format_pool_sizes(task: Task) -> str:
    """The number of candidate images in retrieval: the most frequent number, then the languages that differ."""
    common, languages = next(iter(Counter(task.retrieval_pool_size.values()).most_common(1)), (0, 0))
    exceptions = {language: count for language, count in task.retrieval_pool_size.items() if count != common}
    if languages == 1 and exceptions:
        return " ".join(f"{language} {count:,}" for language, count in task.retrieval_pool_size.items())
    text = f"{common:,}" if common else ""
    if exceptions:
        text += f" ({', '.join(f'{language} {count:,}' for language, count in exceptions.items())})"
    return text


def _revision(source: object) -> str:
    match source:
        case Wheel():
            return f"{source.version} sha256:{source.sha256}"
        case Library():
            return source.version
        case _:
            return ""


def list_encoders() -> tuple[EncoderCard, ...]:
    """The shipped encoder cards. Any Hub id or local folder is an encoder, too."""
    return catalogue()
