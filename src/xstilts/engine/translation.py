"""What a recipe's `translate` means: its stages, what pins them, and the files that they read."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from xstilts.config import Intermediate, Recipe, Translate
from xstilts.data.sums import sum_of
from xstilts.errors import SourceError
from xstilts.pins import pin
from xstilts.stages.specs import Data, TranslateStage

UNFETCHED = "check the id and the connection, name a local folder, or give translations as `files`"


def translation(translate: Translate, data: Data, to: str, pins: Mapping[str, str]) -> TranslateStage:
    """The stage that translates `data`; `pins` are those of `translator_pins`."""
    if translate.files is not None:
        file = _filled(translate.files[data.task], to)
        return TranslateStage(data=data, to=to, pin=pins[file], file=file)
    model = str(translate.model)
    return TranslateStage(
        data=data,
        to=to,
        pin=pins[_named(model, translate.revision)],
        model=model,
        source_code=translate.codes.get(data.language),
        target_code=translate.codes.get(to),
        unit=translate.unit,
        beams=translate.beams,
        batch_size=translate.batch_size,
        max_length=translate.max_length,
        precision=translate.precision,
        at_once=translate.threads,
    )


def translator_pins(recipe: Recipe, base: Path, root: Path | None, *, cache: Path, offline: bool) -> dict[str, str]:
    """What names the weights of each model that translates, and the sha256 of each file of translations.

    Raises SourceError for a file that is not there, or a model whose commit cannot be had.
    """
    pins: dict[str, str] = {}
    for translate in translates(recipe):
        if translate.model is not None:
            name = _named(translate.model, translate.revision)
            try:
                pins[name] = pin(translate.model, translate.revision, cache=cache, offline=offline)
            except SourceError as error:
                raise SourceError(error.message, error.hint if offline else UNFETCHED) from None
    for arm in recipe.intermediate.values():
        for _, file in files_of(arm):
            pins[file] = sum_of(find_file(file, base, root), cache)
    return pins


def translates(recipe: Recipe) -> Iterator[Translate]:
    """The translations of all arms."""
    return (arm.translate for arm in recipe.intermediate.values() if arm.translate)


def files_of(arm: Intermediate) -> Iterator[tuple[str, str]]:
    """Task and file of every translation that an arm reads; none where it names no file for a task."""
    translate = arm.translate
    files = (translate and translate.files) or {}
    for task in files.keys() & set(arm.tasks):
        for language in translate.to if translate else ():
            if language != arm.language:
                yield task, _filled(files[task], language)


def find_file(file: str, base: Path, root: Path | None) -> Path:
    """The file, relative to the recipe or else below the data root. Raises SourceError if it is in neither place."""
    places = [base / Path(file).expanduser(), *([root / file, root / "text" / file] if root else [])]
    for path in places:
        if path.is_file():
            return path
    raise SourceError(f"there is no file {places[0]}", "paths are relative to the recipe, or below XSTILTS_DATA_ROOT")


def _named(model: str, revision: str | None) -> str:
    return f"{model}@{revision}" if revision else model


def _filled(pattern: str, language: str) -> str:
    return pattern.replace("{language}", language)
