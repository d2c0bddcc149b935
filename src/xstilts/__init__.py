"""Intermediate-task training and few-shot adaptation for multilingual encoders."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xstilts.api.artifacts import (
        collect_garbage,
        export_model,
        export_model_folder,
        export_xtreme,
        predict_file,
        verify_store,
    )
    from xstilts.api.catalogue import list_encoders, list_tasks
    from xstilts.api.fit import fit, load_model
    from xstilts.api.labelling import rows_to_label
    from xstilts.api.results import build_report, check_claims, compare, load_matrix, load_results
    from xstilts.api.runs import Outcome, plan, run, status
    from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
    from xstilts.config.training import Train
    from xstilts.execution.options import RunOptions
    from xstilts.recipe.load import load_recipe
    from xstilts.tasks import load_task

__all__ = [
    "Fewshot",
    "Intermediate",
    "Outcome",
    "Recipe",
    "RunOptions",
    "Target",
    "Train",
    "build_report",
    "check_claims",
    "collect_garbage",
    "compare",
    "export_model",
    "export_model_folder",
    "export_xtreme",
    "fit",
    "list_encoders",
    "list_tasks",
    "load_matrix",
    "load_model",
    "load_recipe",
    "load_results",
    "load_task",
    "plan",
    "predict_file",
    "rows_to_label",
    "run",
    "status",
    "verify_store",
]

_MODULES = {
    "Fewshot": "xstilts.config.recipe",
    "Intermediate": "xstilts.config.recipe",
    "Outcome": "xstilts.api.runs",
    "Recipe": "xstilts.config.recipe",
    "RunOptions": "xstilts.execution.options",
    "Target": "xstilts.config.recipe",
    "Train": "xstilts.config.training",
    "build_report": "xstilts.api.results",
    "check_claims": "xstilts.api.results",
    "collect_garbage": "xstilts.api.artifacts",
    "compare": "xstilts.api.results",
    "export_model": "xstilts.api.artifacts",
    "export_model_folder": "xstilts.api.artifacts",
    "export_xtreme": "xstilts.api.artifacts",
    "fit": "xstilts.api.fit",
    "list_encoders": "xstilts.api.catalogue",
    "list_tasks": "xstilts.api.catalogue",
    "load_matrix": "xstilts.api.results",
    "load_model": "xstilts.api.fit",
    "load_recipe": "xstilts.recipe.load",
    "load_results": "xstilts.api.results",
    "load_task": "xstilts.tasks",
    "plan": "xstilts.api.runs",
    "predict_file": "xstilts.api.artifacts",
    "rows_to_label": "xstilts.api.labelling",
    "run": "xstilts.api.runs",
    "status": "xstilts.api.runs",
    "verify_store": "xstilts.api.artifacts",
}


def __getattr__(name: str) -> object:
    """Import each public name when it is first used, so that `import xstilts` costs nothing."""
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module 'xstilts' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
