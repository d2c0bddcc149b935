"""Translation of a task's training examples, by a model or from a file."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from xstilts.data.load import write_examples
from xstilts.data.translation.files import read_translations
from xstilts.data.translation.translate import Translated, Unit, translate
from xstilts.errors import SourceError, StageError
from xstilts.execution.environment import Environment
from xstilts.models import translator
from xstilts.planning.specs import TranslateStage
from xstilts.planning.stage import uncapped
from xstilts.recipe.translation import FETCH_HINT, find_translation_file
from xstilts.stages.artifacts import fetch_encoder
from xstilts.stages.job_context import TRANSLATIONS_FILE, JobContext
from xstilts.store.facts import TranslateFacts
from xstilts.store.store import Draft


def run(spec: TranslateStage, draft: Draft, context: JobContext) -> None:
    examples = context.examples(spec.data, "train")
    started = time.perf_counter()
    translated = _from_file(spec, context) if spec.file else _by_model(spec, context)
    seconds = time.perf_counter() - started
    reasons = ", ".join(f"{count} {reason}" for reason, count in translated.dropped.items())
    if not translated.examples:
        raise StageError(
            f"none of the {len(examples)} examples of {spec.data.task!r} could be translated to {spec.to!r}: {reasons}",
            "check the language names in `codes` and `max_length`, or whether the file belongs to this task",
        )
    write_examples(draft.path / TRANSLATIONS_FILE, translated.examples)
    draft.facts = TranslateFacts(
        task=spec.data.task,
        language=spec.to,
        kept=len(translated.examples),
        dropped=len(examples) - len(translated.examples),
        dropped_by_reason=dict(translated.dropped),
        projected_by=dict(translated.projected),
        examples_per_second=round(len(examples) / seconds, 3),
    )


def _by_model(spec: TranslateStage, context: JobContext) -> Translated:
    environment = context.environment
    search = translator.SearchSettings(
        beams=cast(int, spec.beams),
        batch_size=cast(int, spec.batch_size),
        max_length=cast(int, spec.max_length),
        precision=cast(str, spec.precision),
    )
    model = translator.load_translator(
        _folder(spec, environment),
        spec.data.language,
        spec.to,
        (spec.source_code, spec.target_code),
        environment.device,
    )

    def translate_texts(texts: Sequence[str]) -> list[str | None]:
        return translator.translate(texts, model, search)

    return translate(context.examples(spec.data, "train"), translate_texts, spec.to, cast(Unit, spec.unit))


def _folder(spec: TranslateStage, environment: Environment) -> Path:
    try:
        return fetch_encoder(cast(str, spec.model), spec.pin, environment)
    except SourceError as error:
        raise SourceError(error.message, error.hint if environment.offline else FETCH_HINT) from None


def _from_file(spec: TranslateStage, context: JobContext) -> Translated:
    environment = context.environment
    path = find_translation_file(cast(str, spec.file), environment.base, environment.data_root)
    columns = context.file_columns(spec.data.task)
    all_examples = context.examples(uncapped(spec.data), "train")
    examples = context.examples(spec.data, "train")
    return read_translations(path, context.task(spec.data.task), columns, all_examples, examples, spec.to)
