"""The episodes that the method `auto` selects from."""

from collections.abc import Mapping
from dataclasses import replace

from xstilts.config.recipe import FROZEN
from xstilts.methods import METHODS, closed_form_head
from xstilts.methods.auto import Auto
from xstilts.planning.fewshot_spec import FewshotStage
from xstilts.tasks.task import Task


def candidate_episodes(spec: FewshotStage, task: Task) -> Mapping[str, FewshotStage]:
    """The episode of each candidate that suits the task, by name, in the method's order.

    Raises ValueError if the episode's method is not `auto`.
    """
    if not isinstance(spec.method, Auto):
        raise ValueError(f"{spec.method} has no candidates")
    episodes: dict[str, FewshotStage] = {}
    for name in spec.method.candidates:
        if name != FROZEN and (method := METHODS[name]()).applies_to(task.spec):
            unlabelled = spec.unlabelled if method.reads_unlabelled else None
            episodes[name] = replace(spec, method=method, before_target=None, unlabelled=unlabelled)
        elif name == FROZEN and spec.before_target is not None:
            episodes[name] = replace(
                spec,
                parent=spec.before_target,
                before_target=None,
                fresh_head=True,
                fits_source=True,
                method=closed_form_head(task.spec),
            )
    return episodes
