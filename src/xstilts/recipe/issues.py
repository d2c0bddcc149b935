"""The issues of a recipe, and checks that several validators use."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from xstilts.config.recipe import Recipe
from xstilts.data.benchmark_splits import missing_locally
from xstilts.encoders.card import EncoderCard
from xstilts.errors import did_you_mean
from xstilts.tasks import task_names
from xstilts.tasks.task import Task

Path = tuple[str | int, ...]
"""Keys and list indices from the top of the recipe."""

Code = Literal[
    # the file and its keys
    "unknown-recipe",
    "unreadable-file",
    "invalid-yaml",
    "invalid-override",
    "duplicate-key",
    "unknown-key",
    "renamed-key",
    "renamed-value",
    "missing-key",
    "conflicting-keys",
    "too-large",
    # single values
    "wrong-type",
    "invalid-value",
    "out-of-range",
    "empty-list",
    "duplicate-value",
    "redundant-value",
    # names
    "invalid-name",
    "unknown-arm",
    "unknown-encoder",
    "unknown-fixed-shots",
    "unknown-language",
    "unknown-method",
    "unknown-model",
    "unknown-shots",
    "unknown-split",
    "unknown-target",
    "unknown-task",
    # the user's own files and tasks
    "invalid-task",
    "invalid-text-source",
    "missing-file",
    "missing-split-file",
    "reserved-name",
    # settings that do not fit the task, the encoder or each other
    "fixed-shots-disabled",
    "images-not-supported",
    "no-labels",
    "no-text-encoder",
    "no-training",
    "not-applicable",
    "not-scored",
    "not-trainable",
    "same-arms",
    "split-in-use",
    "too-few-languages",
    "development-language",
]


@dataclass(frozen=True, slots=True)
class Issue:
    """An error in a recipe: the `message` says what is wrong at `path`, the `hint` what to do.

    Programs and tests use `code` and `path`; the wording of `message` and `hint` may change.
    """

    code: Code
    path: Path
    message: str
    hint: str = ""

    @property
    def text(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.text}" if self.path else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The input of a validator: a recipe and its tasks, without values that were already found invalid."""

    recipe: Recipe
    tasks: Mapping[str, Task]
    """The recipe's shipped and own tasks, by name."""
    card: EncoderCard | None
    """None if the encoder is unknown."""
    removed: frozenset[Path] = frozenset()
    """Paths of invalid values that were removed from `recipe`."""

    def is_removed(self, *path: str | int) -> bool:
        """Whether the value at `path`, a part of it, or a block around it was removed, so that it cannot be checked."""
        return any(overlap(path, removed) for removed in self.removed)

    def unknown_task(self, path: Path, name: str) -> Iterator[Issue]:
        if not self.is_removed("tasks", name):
            hint = did_you_mean(name, (*task_names(), *self.recipe.tasks))
            yield Issue("unknown-task", path, f"unknown task {name!r}", hint)

    def unknown_targets(self, path: Path, names: Iterable[str]) -> Iterator[Issue]:
        targets = self.recipe.targets
        for name in names:
            if name not in targets and not self.is_removed("targets", name):
                yield Issue(
                    "unknown-target", path, f"{name!r} is not a target of the recipe", did_you_mean(name, targets)
                )

    def unknown_arms(self, path: Path, names: Iterable[str], arms: Iterable[str] | None = None) -> Iterator[Issue]:
        """Names that are not among the intermediate `arms`, by default those of the recipe."""
        arms = tuple(self.recipe.intermediate if arms is None else arms)
        for name in names:
            if name not in arms and not self.is_removed("intermediate", name):
                yield Issue("unknown-arm", path, f"unknown intermediate arm {name!r}", did_you_mean(name, arms))

    def images(self, path: Path, task: Task) -> Iterator[Issue]:
        """A task with images and an encoder for text only."""
        if task.spec.has_images and self.card and self.card.kind == "text":
            message = f"{task.name!r} has images, but {self.recipe.encoder} reads text only"
            hint = "name an encoder that reads images, such as e5-small+efficientnet-lite0"
            yield Issue("images-not-supported", path, message, hint)


def unknown_languages(path: Path, languages: Iterable[str], task: Task) -> Iterator[Issue]:
    if unknown := [language for language in languages if language not in task.languages]:
        message = f"task {task.name!r} does not have the language {', '.join(unknown)}"
        yield Issue("unknown-language", path, message, f"it has {', '.join(task.languages)}")


def unknown_split(path: Path, languages: Iterable[str], split: str, task: Task) -> Iterator[Issue]:
    """The first language without the split. A published split whose file is missing on this machine is not an error."""
    for language in languages:
        if missing_locally(task, language, split):
            continue
        splits = task.splits.get(language) or task.sizes.get(language)
        if splits and split not in splits:
            message = f"task {task.name!r} has no split {split!r} in {language!r}, only {', '.join(splits)}"
            yield Issue(
                "unknown-split", path, message, _LOCAL_FILES if task.benchmark and task.splits.get(language) else ""
            )
            return


def overlap(a: Path, b: Path) -> bool:
    """Whether two paths are the same, or one is inside the other."""
    return all(x == y for x, y in zip(a, b, strict=False))


def dotted(path: Path) -> str:
    """A path in the form `fewshot.shots[1]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


_LOCAL_FILES = (
    "a language with files below the data root is read only from these: add the file, create splits with `partition`, "
    "or do not set a data root"
)
