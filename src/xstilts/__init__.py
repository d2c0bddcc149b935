"""Intermediate-task training and few-shot adaptation for multilingual encoders."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xstilts.api import (
        Outcome,
        build_report,
        check_claims,
        compare,
        load_matrix,
        load_results,
        plan,
        run,
    )
    from xstilts.config.recipe import Recipe
    from xstilts.export.artifacts import export_model, predict_file
    from xstilts.listing import list_encoders, list_tasks
    from xstilts.recipe.load import load_recipe
    from xstilts.tasks import load_task

__all__ = [
    "Outcome",
    "Recipe",
    "build_report",
    "check_claims",
    "compare",
    "export_model",
    "list_encoders",
    "list_tasks",
    "load_matrix",
    "load_recipe",
    "load_results",
    "load_task",
    "plan",
    "predict_file",
    "run",
]

_ELSEWHERE = {
    "Recipe": "xstilts.config.recipe",
    "export_model": "xstilts.export.artifacts",
    "predict_file": "xstilts.export.artifacts",
    "list_encoders": "xstilts.listing",
    "list_tasks": "xstilts.listing",
    "load_recipe": "xstilts.recipe.load",
    "load_task": "xstilts.tasks",
}


def __getattr__(name: str) -> object:
    """Each public name is imported when it is first used, so that `import xstilts` costs nothing."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module 'xstilts' has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "xstilts.api")), name)


def __dir__() -> list[str]:
    return __all__
