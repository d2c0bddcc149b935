"""What a recipe would have to fetch."""

from collections.abc import Mapping
from pathlib import Path

from xstilts.config import Recipe
from xstilts.data import sources
from xstilts.tasks.task import Task


def missing(recipe: Recipe, tasks: Mapping[str, Task], cache: Path) -> tuple[str, ...]:
    """The wheels and the encoder that `cache` does not hold, all of them at once. Nothing is fetched."""
    from xstilts.models import encoder

    used = {*recipe.targets, *(name for arm in recipe.intermediate.values() for name in arm.reads)}
    wheels = [wheel for name in sorted(used & tasks.keys()) for wheel in tasks[name].wheels]
    absent = [f"{wheel.uri} ({wheel.size_mb:g} MB)" for wheel in sources.missing(wheels, cache)]
    weights = encoder.missing(recipe.encoder, cache, recipe.revision)
    return (*absent, weights) if weights else tuple(absent)
