"""Counts the examples of every shipped task anew: `python tests/golden/measure_sizes.py`, after a reader changed."""

import json
from collections.abc import Sequence
from pathlib import Path

from xstilts import tasks
from xstilts.cache.wheels import cache_dir
from xstilts.data.load import load
from xstilts.tasks.task import Task

Sizes = dict[str, dict[str, int]]


def measure(task: Task, cache: Path, languages: Sequence[str]) -> Sizes:
    return {
        language: {
            split: len(load(task, language, split, cache=cache, offline=False)) for split in task.fractions or ()
        }
        for language in languages
    }


def main() -> None:
    shipped = [task for task in map(tasks.load_task, tasks.task_names()) if task.sources]
    sizes = {task.name: measure(task, cache_dir(), task.languages) for task in shipped}
    lines = (
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"    {json.dumps(lang)}: {json.dumps(splits)}" for lang, splits in languages.items())
        + "\n  }"
        for name, languages in sizes.items()
    )
    path = Path(tasks.__file__).with_name("sizes.json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
