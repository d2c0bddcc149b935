"""A mistake in a recipe, and those that several of its blocks may make."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from xstilts.config.recipe import Recipe
from xstilts.data.benchmark_files import missing_locally
from xstilts.encoders import reads
from xstilts.tasks import task_names
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Flaw:
    """A mistake in a recipe; `where` is the path of fields to it, as pydantic writes it."""

    where: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(self.where)}: {self.message}"


def unknown(at: tuple[str, ...], names: Iterable[str], known: Iterable[str], what: str) -> Iterator[Flaw]:
    known = tuple(known)
    for name in names:
        if name not in known:
            yield Flaw(at, f"there is no {what} {name!r}{_near(name, known)}")


def no_task(at: tuple[str, ...], name: str, recipe: Recipe) -> Flaw:
    return Flaw(at, f"there is no task {name!r}{_near(name, (*task_names(), *recipe.tasks))}")


def lacking(at: tuple[str, ...], languages: Iterable[str], task: Task) -> Iterator[Flaw]:
    absent = [language for language in languages if language not in task.languages]
    if absent:
        yield Flaw(at, f"task {task.name!r} has no {', '.join(absent)}; it has {', '.join(task.languages)}")


def no_split(at: tuple[str, ...], languages: Iterable[str], split: str, task: Task) -> Iterator[Flaw]:
    """A split that there is not; one of files alone that are not at hand is what a run says it lacks."""
    for language in languages:
        if missing_locally(task, language, split):
            continue
        splits = task.splits.get(language) or task.sizes.get(language)
        if splits and split not in splits:
            message = f"{task.name!r} has no split {split!r} in {language!r}, only {', '.join(splits)}"
            yield Flaw(at, f"{message}; {_FILES_ALONE}" if task.benchmark and task.splits.get(language) else message)
            return


def sighted(at: tuple[str, ...], recipe: Recipe, task: Task) -> Iterator[Flaw]:
    """A task that shows images, with an encoder that is known to read texts alone."""
    if task.spec.images and reads(recipe.encoder) == "text":
        message = f"{task.name!r} shows images, and {recipe.encoder} reads none"
        yield Flaw(at, f"{message}; name an encoder that does, such as e5-small+efficientnet-lite0")


def _near(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known) or 'none'}"


_FILES_ALONE = (
    "of a language with files below the data root these alone count: add the file, make splits with `partition`, "
    "or leave the data root out"
)
