"""What comes with the package: tasks and encoders. No torch."""

from collections import Counter
from typing import Any

from xstilts.cache.sources import Library, Wheel
from xstilts.encoders import EncoderCard, catalogue
from xstilts.errors import UserError, did_you_mean
from xstilts.tasks import load_task, task_names
from xstilts.tasks.task import Task


def list_tasks(suite: str | None = None) -> tuple[Task, ...]:
    """The shipped tasks, or those of a suite. Raises UserError for a suite that there is not."""
    tasks = tuple(map(load_task, task_names()))
    if suite is None:
        return tasks
    if not (found := tuple(task for task in tasks if suite in task.suite)):
        suites = sorted({name for task in tasks for name in task.suite})
        raise UserError(f"unknown suite {suite!r}", did_you_mean(suite, suites))
    return found


def describe_task(task: Task) -> dict[str, Any]:
    """A task as plain data."""
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
        "shots": {language: list(ladder) for language, ladder in task.fixed_shot_sizes.items()},
        "candidates": dict(task.retrieval_pool_size),
        "licence": task.licence,
        "metric": task.metric,
        "metrics": list(task.scores),
        "citation": task.citation,
        "url": task.url,
        "weaknesses": list(task.weaknesses),
    }


def _sources(task: Task) -> list[tuple[str, str]]:
    """Each source and its revision; those of a benchmark are its places on the Hub, each once."""
    if task.benchmark is None:
        return [(source.uri, _revision(source)) for source in task.sources]
    places = [(f"hub:{place.repository}", place.revision) for place in task.benchmark.hub]
    return list(dict.fromkeys(places))


def _files(task: Task) -> list[str]:
    """The benchmark's own files, as patterns below a data root."""
    natives = task.benchmark.native if task.benchmark else ()
    patterns = [pattern for native in natives for pattern in (*native.files.values(), *native.english.values())]
    flat = [one for pattern in patterns for one in ((pattern,) if isinstance(pattern, str) else pattern)]
    return list(dict.fromkeys(flat))


def format_sizes(task: Task) -> str:
    """The sizes of the splits in English, or in the first language that has any."""
    sizes = task.sizes.get("en") or next(iter(task.sizes.values()), {})
    return " ".join(f"{split} {count:,}" for split, count in sizes.items()) or "not known"


def format_fixed_shots(task: Task) -> str:
    """The published few-shot sets, and what more of them some languages have."""
    rungs = {language: set(ladder) for language, ladder in task.fixed_shot_sizes.items()}
    if not rungs:
        return ""
    common = set.intersection(*rungs.values())
    every = list(dict.fromkeys(k for ladder in task.fixed_shot_sizes.values() for k in ladder))
    told = " ".join(k for k in every if k in common)
    more = [language for language, found in rungs.items() if found - common]
    if more:
        told += f"; {' '.join(more)} also {' '.join(k for k in every if k not in common)}"
    missing = [language for language in task.languages if language not in rungs and language != "en"]
    return told + (f"; none in {' '.join(missing)}" if missing else "")


def format_pool_sizes(task: Task) -> str:
    """How many images there are to choose from: the number that most languages have, and those of the others."""
    most, languages = next(iter(Counter(task.retrieval_pool_size.values()).most_common(1)), (0, 0))
    others = {language: count for language, count in task.retrieval_pool_size.items() if count != most}
    if languages == 1 and others:
        return " ".join(f"{language} {count:,}" for language, count in task.retrieval_pool_size.items())
    told = f"{most:,}" if most else ""
    return f"{told} ({', '.join(f'{language} {count:,}' for language, count in others.items())})" if others else told


def _revision(source: object) -> str:
    match source:
        case Wheel():
            return f"{source.version} sha256:{source.sha256}"
        case Library():
            return source.version
        case _:
            return ""


def list_encoders() -> tuple[EncoderCard, ...]:
    """The encoders that have a name; any Hub id or local folder works too."""
    return catalogue()
