"""The setting of a measurement (encoder, data, languages), and how it differs from the paper's."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from xstilts.analysis.claims.statements import Statements
from xstilts.analysis.transfer import Transfer
from xstilts.cache.sources import Files, HubData
from xstilts.config.recipe import Recipe
from xstilts.encoders import find_card
from xstilts.plurals import plural
from xstilts.tasks.task import Task

_OFFICIAL = ("native files", "Hub")
_MIN_SEEDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSetting:
    """The data that one target was scored on."""

    task: str
    data: str
    """`native files`, `Hub`, `partition` (custom splits), `own files` or `package`."""
    split: str
    languages: int
    all_languages: int
    """Languages that the task has."""


def describe_settings(settings: Sequence[TargetSetting]) -> str:
    """Such as "native files, test: xnli 15 of 15, pawsx 7 of 7; partition, test: tydiqa 3 of 9 languages"."""
    tasks_by_kind: dict[str, list[str]] = {}
    for setting in settings:
        languages = f"{setting.task} {setting.languages} of {setting.all_languages}"
        tasks_by_kind.setdefault(f"{setting.data}, {setting.split}", []).append(languages)
    return "; ".join(f"{kind}: {', '.join(tasks)}" for kind, tasks in tasks_by_kind.items()) + " languages"


def data_origin(recipe: Recipe, task: Task) -> str:
    """Where the examples of a task come from."""
    if task.name in recipe.partition:
        return "partition"
    if task.name in recipe.tasks:
        return "own files"
    if any(isinstance(source, Files) for source in task.sources):
        return "native files"
    return "Hub" if any(isinstance(source, HubData) for source in task.sources) else "package"


def target_setting(transfer: Transfer, task: str) -> TargetSetting:
    design = transfer.designs[task]
    excluded = {design.source} if design.retrieval else set()
    return TargetSetting(
        task=task,
        data=data_origin(transfer.recipe, design.task),
        split=transfer.recipe.targets[task].split,
        languages=len(transfer.languages(task)),
        all_languages=len(set(design.task.languages) - excluded),
    )


def setting_deviations(
    transfer: Transfer, statements: Statements, tasks: Sequence[str], arms: Collection[str]
) -> tuple[str, ...]:
    """How the setting of these scores differs from the paper's; empty if it does not."""
    deviations = [*_encoder_deviations(transfer.recipe, statements)]
    for task in tasks:
        deviations += _target_deviations(transfer, task)
    for arm in sorted(arms):
        deviations += _arm_deviations(transfer, arm)
    return tuple(dict.fromkeys(deviations))


def starts_from_encoder(recipe: Recipe, name: str) -> bool:
    """Whether the recipe starts from the encoder with this name or Hub id."""
    return find_card(recipe.encoder).uri == find_card(name).uri


def _encoder_deviations(recipe: Recipe, statements: Statements) -> Iterator[str]:
    if not starts_from_encoder(recipe, statements.encoder):
        yield f"the encoder is {recipe.encoder}, not {statements.encoder}"
    if len(set(recipe.seeds)) < _MIN_SEEDS:
        yield f"only {plural(len(set(recipe.seeds)), 'seed')}: too few to estimate the variance between seeds"


def _target_deviations(transfer: Transfer, task: str) -> Iterator[str]:
    setting, target = target_setting(transfer, task), transfer.recipe.targets[task]
    if setting.data not in _OFFICIAL:
        yield f"{task} does not use its official splits ({setting.data})"
    if setting.split not in ("dev", "test"):
        yield f"{task} is scored on {setting.split}"
    if setting.languages < setting.all_languages:
        yield f"{task} has {setting.languages} of {plural(setting.all_languages, 'language')}"
    if target.max_items is not None or target.max_examples is not None:
        yield f"{task} uses a subset of its examples"
    if target.source_language != "en":
        yield f"{task} is trained in {target.source_language}"


def _arm_deviations(transfer: Transfer, name: str) -> Iterator[str]:
    recipe = transfer.recipe
    arm = recipe.intermediate[name]
    if arm.max_examples is not None:
        yield f"{name} trains on a subset of the examples"
    if own_splits := [task for task in arm.tasks if task in recipe.partition or task in recipe.tasks]:
        yield f"{name} does not use the official splits of {', '.join(own_splits)}"
