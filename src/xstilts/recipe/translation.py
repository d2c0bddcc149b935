"""The models and files of a recipe's `translate` blocks, with their pins."""

from collections.abc import Iterator
from pathlib import Path

from xstilts.cache.checksums import sha256_of
from xstilts.config.recipe import Intermediate, Recipe
from xstilts.encoders.pins import UNRESOLVED, known_pin, pin, unpinned
from xstilts.errors import SourceError
from xstilts.platform.files import expand_home, is_file

FETCH_HINT = "check the id and the connection, name a local folder, or provide translations as `files`"


def translator_pins(recipe: Recipe, base: Path, root: Path | None, *, cache: Path) -> dict[str, str]:
    """The pin of each translation model (a commit or a checksum) and the sha256 of each file of translations, by name.

    Does not contact the Hub: a model whose commit is unknown is UNRESOLVED. Raises SourceError for a missing file.
    """
    pins = {
        translator_name(model, revision): known_pin(model, revision, cache=cache) or UNRESOLVED
        for model, revision in translators(recipe)
    }
    for arm in recipe.intermediate.values():
        for _, file in translation_files(arm):
            pins[file] = sha256_of(find_translation_file(file, base, root), cache)
    return pins


def unresolved_translators(recipe: Recipe, *, cache: Path) -> tuple[str, ...]:
    """The Hub translation models whose commits are unknown, as repository@revision."""
    return tuple(name for model, rev in translators(recipe) for name in unpinned(model, rev, cache=cache))


def resolve_translators(recipe: Recipe, *, cache: Path) -> None:
    """Get the commits of the Hub translation models and cache them. Raises SourceError if the Hub is unavailable."""
    for model, revision in translators(recipe):
        try:
            pin(model, revision, cache=cache, offline=False)
        except SourceError as error:
            raise SourceError(error.message, FETCH_HINT) from None


def translators(recipe: Recipe) -> tuple[tuple[str, str | None], ...]:
    """The distinct translation models of a recipe, with their revisions."""
    models = [
        (arm.translate.model, arm.translate.revision)
        for arm in recipe.intermediate.values()
        if arm.translate and arm.translate.model and set(arm.translate.to) - {arm.language}
    ]
    return tuple(dict.fromkeys(models))


def translation_files(arm: Intermediate) -> Iterator[tuple[str, str]]:
    """Task and file of every translation that an arm reads from files."""
    translate = arm.translate
    files = (translate and translate.files) or {}
    for task in files.keys() & set(arm.tasks):
        for language in translate.to if translate else ():
            if language != arm.language:
                yield task, fill_language(files[task], language)


def find_translation_file(file: str, base: Path, root: Path | None) -> Path:
    """The file, relative to the recipe or else below the data root. Raises SourceError if it is in neither."""
    paths = [base / expand_home(file), *([root / file, root / "text" / file] if root else [])]
    for path in paths:
        if is_file(path):
            return path
    raise SourceError(f"no file {paths[0]}", "paths are relative to the recipe, or below XSTILTS_DATA_ROOT")


def translator_name(model: str, revision: str | None) -> str:
    return f"{model}@{revision}" if revision else model


def fill_language(pattern: str, language: str) -> str:
    return pattern.replace("{language}", language)
