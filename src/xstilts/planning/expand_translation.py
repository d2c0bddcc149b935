"""The stages of a recipe's `translate` blocks."""

from collections.abc import Mapping

from xstilts.config.training import Translate
from xstilts.planning.specs import TranslateStage
from xstilts.planning.stage import Data
from xstilts.recipe.translation import fill_language, translator_name


def translation_stage(translate: Translate, data: Data, language: str, pins: Mapping[str, str]) -> TranslateStage:
    """The stage that translates `data`; `pins` are those of `translator_pins`."""
    if translate.files is not None:
        file = fill_language(translate.files[data.task], language)
        return TranslateStage(data=data, to=language, pin=pins[file], file=file)
    model = str(translate.model)
    return TranslateStage(
        data=data,
        to=language,
        pin=pins[translator_name(model, translate.revision)],
        model=model,
        source_code=translate.codes.get(data.language),
        target_code=translate.codes.get(language),
        unit=translate.unit,
        beams=translate.beams,
        batch_size=translate.batch_size,
        max_length=translate.max_length,
        precision=translate.precision,
        process_threads=translate.threads,
    )
