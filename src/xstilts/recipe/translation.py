"""What a recipe's `translate` blocks name: models with their pins, and files of translations."""

from collections.abc import Iterator
from pathlib import Path

from xstilts.cache.checksums import sha256_of
from xstilts.config.recipe import Intermediate, Recipe
from xstilts.encoders.pins import UNRESOLVED, known_pin, pin, unpinned
from xstilts.errors import SourceError

UNFETCHED = "check the id and the connection, name a local folder, or give translations as `files`"


def translator_pins(recipe: Recipe, base: Path, root: Path | None, *, cache: Path) -> dict[str, str]:
    """What names the weights of each model that translates, and the sha256 of each file of translations.

    The Hub is not asked: a model at no known commit is UNRESOLVED. Raises SourceError for a file that is not there.
    """
    pins = {
        translator_name(model, revision): known_pin(model, revision, cache=cache) or UNRESOLVED
        for model, revision in translators(recipe)
    }
    for arm in recipe.intermediate.values():
        for _, file in files_of(arm):
            pins[file] = sha256_of(find_file(file, base, root), cache)
    return pins


def unresolved_translators(recipe: Recipe, *, cache: Path) -> tuple[str, ...]:
    """The models of the Hub that translate and whose commits are not known, as repository@revision."""
    return tuple(name for model, rev in translators(recipe) for name in unpinned(model, rev, cache=cache))


def resolve_translators(recipe: Recipe, *, cache: Path) -> None:
    """Ask the Hub for these commits, and note them in the cache. Raises SourceError where it cannot be asked."""
    for model, revision in translators(recipe):
        try:
            pin(model, revision, cache=cache, offline=False)
        except SourceError as error:
            raise SourceError(error.message, UNFETCHED) from None


def translators(recipe: Recipe) -> tuple[tuple[str, str | None], ...]:
    """The models that translate in a recipe, with their revisions, each once."""
    found = [
        (arm.translate.model, arm.translate.revision)
        for arm in recipe.intermediate.values()
        if arm.translate and arm.translate.model and set(arm.translate.to) - {arm.language}
    ]
    return tuple(dict.fromkeys(found))


def files_of(arm: Intermediate) -> Iterator[tuple[str, str]]:
    """Task and file of every translation that an arm reads; none where it names no file for a task."""
    translate = arm.translate
    files = (translate and translate.files) or {}
    for task in files.keys() & set(arm.tasks):
        for language in translate.to if translate else ():
            if language != arm.language:
                yield task, fill_language(files[task], language)


def find_file(file: str, base: Path, root: Path | None) -> Path:
    """The file, relative to the recipe or else below the data root. Raises SourceError if it is in neither place."""
    places = [base / Path(file).expanduser(), *([root / file, root / "text" / file] if root else [])]
    for path in places:
        if path.is_file():
            return path
    raise SourceError(f"no file {places[0]}", "paths are relative to the recipe, or below XSTILTS_DATA_ROOT")


def translator_name(model: str, revision: str | None) -> str:
    return f"{model}@{revision}" if revision else model


def fill_language(pattern: str, language: str) -> str:
    return pattern.replace("{language}", language)
