"""In what setting something was measured: encoder, data, languages; and what it lacks of a paper's."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from xstilts.analysis.claims.statements import Statements
from xstilts.analysis.names import count
from xstilts.analysis.transfer import Transfer
from xstilts.cache.sources import Files, HubData
from xstilts.config.recipe import Recipe
from xstilts.encoders import find_card
from xstilts.tasks.task import Task

OFFICIAL = ("native files", "Hub")
_ENOUGH_SEEDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One target as it was scored."""

    task: str
    data: str
    """`native files`, `Hub`, `partition` (splits made anew), `own files` or `package`."""
    split: str
    languages: int
    of: int
    """Languages that the task has."""


def in_words(places: Sequence[Place]) -> str:
    """Such as "native files, test: xnli 15 of 15, pawsx 7 of 7; partition, test: tydiqa 3 of 9 languages"."""
    kinds = dict.fromkeys((place.data, place.split) for place in places)
    return (
        "; ".join(
            f"{data}, {split}: "
            + ", ".join(f"{p.task} {p.languages} of {p.of}" for p in places if (p.data, p.split) == (data, split))
            for data, split in kinds
        )
        + " languages"
    )


def data_of(recipe: Recipe, task: Task) -> str:
    """Where the examples of a task come from."""
    if task.name in recipe.partition:
        return "partition"
    if task.name in recipe.tasks:
        return "own files"
    if any(isinstance(source, Files) for source in task.sources):
        return "native files"
    return "Hub" if any(isinstance(source, HubData) for source in task.sources) else "package"


def place_of(transfer: Transfer, task: str) -> Place:
    design = transfer.designs[task]
    apart = {design.source} if design.retrieval else set()
    return Place(
        task=task,
        data=data_of(transfer.recipe, design.task),
        split=transfer.recipe.targets[task].split,
        languages=len(transfer.languages(task)),
        of=len(set(design.task.languages) - apart),
    )


def shortfalls(
    transfer: Transfer, statements: Statements, tasks: Sequence[str], arms: Collection[str]
) -> tuple[str, ...]:
    """What keeps these scores from being a test of the paper itself; empty where nothing does."""
    return tuple(
        dict.fromkeys(
            (
                *_encoder(transfer.recipe, statements),
                *(reason for task in tasks for reason in _target(transfer, task)),
                *(reason for arm in sorted(arms) for reason in _arm(transfer, arm)),
            )
        )
    )


def is_encoder(recipe: Recipe, name: str) -> bool:
    """Whether the recipe starts from that encoder, by name or Hub id."""
    return find_card(recipe.encoder).uri == find_card(name).uri


def _encoder(recipe: Recipe, statements: Statements) -> Iterator[str]:
    if not is_encoder(recipe, statements.encoder):
        yield f"the encoder is {recipe.encoder}, not {statements.encoder}"
    if len(set(recipe.seeds)) < _ENOUGH_SEEDS:
        yield f"{count(len(set(recipe.seeds)), 'seed')} cannot say how far another would differ"


def _target(transfer: Transfer, task: str) -> Iterator[str]:
    place, target = place_of(transfer, task), transfer.recipe.targets[task]
    if place.data not in OFFICIAL:
        yield f"{task} has not its official splits ({place.data})"
    if place.split not in ("dev", "test"):
        yield f"{task} is scored on {place.split}"
    if place.languages < place.of:
        yield f"{task} has {place.languages} of {count(place.of, 'language')}"
    if target.max_items is not None or target.max_examples is not None:
        yield f"{task} is cut to fewer examples"
    if target.source_language != "en":
        yield f"{task} is trained in {target.source_language}"


def _arm(transfer: Transfer, name: str) -> Iterator[str]:
    recipe = transfer.recipe
    arm = recipe.intermediate[name]
    if arm.max_examples is not None:
        yield f"{name} is cut to fewer examples"
    if anew := [task for task in arm.tasks if task in recipe.partition or task in recipe.tasks]:
        yield f"{name} has not the official splits of {', '.join(anew)}"
