"""Training examples of a task in another language: made by a model once, or read from a file that holds them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from xstilts.data.load import write_examples
from xstilts.data.translation.files import read_translations
from xstilts.data.translation.translate import Translated, Unit, translate
from xstilts.errors import SourceError, StageError
from xstilts.execution.environment import Emit, Environment
from xstilts.models import translator as models
from xstilts.planning.specs import TranslateStage
from xstilts.recipe.translation import FETCH_HINT, find_translation_file
from xstilts.stages.artifacts import fetch_encoder
from xstilts.stages.job_context import TRANSLATIONS_FILE, JobContext
from xstilts.stages.progress import step_reporter
from xstilts.store.facts import TranslateFacts
from xstilts.store.store import Draft


def run(spec: TranslateStage, draft: Draft, context: JobContext, emit: Emit) -> None:
    examples = context.examples(spec.data, "train")
    started = time.perf_counter()
    found = _from_file(spec, context) if spec.file else _by_model(spec, context, emit)
    seconds = time.perf_counter() - started
    reasons = ", ".join(f"{count} {reason}" for reason, count in found.dropped.items())
    if not found.examples:
        raise StageError(
            f"none of the {len(examples)} examples of {spec.data.task!r} could be translated to {spec.to!r}: {reasons}",
            "check the languages' names in `codes`, and `max_length`; or that the file is of this task",
        )
    write_examples(draft.path / TRANSLATIONS_FILE, found.examples)
    draft.facts = TranslateFacts(
        task=spec.data.task,
        language=spec.to,
        kept=len(found.examples),
        dropped=len(examples) - len(found.examples),
        dropped_by_reason=dict(found.dropped),
        projected_by=dict(found.projected),
        examples_per_second=round(len(examples) / seconds, 3),
    )


def _by_model(spec: TranslateStage, context: JobContext, emit: Emit) -> Translated:
    environment = context.environment
    search = models.SearchSettings(
        beams=cast(int, spec.beams),
        batch_size=cast(int, spec.batch_size),
        max_length=cast(int, spec.max_length),
        precision=cast(str, spec.precision),
    )
    model = models.load_translator(
        _folder(spec, environment),
        spec.data.language,
        spec.to,
        (spec.source_code, spec.target_code),
        environment.device,
    )
    ahead = _counting(step_reporter(spec, emit))

    def translator(texts: Sequence[str]) -> list[str | None]:
        return models.translate(texts, model, search, ahead(len(texts)))

    return translate(context.examples(spec.data, "train"), translator, spec.to, cast(Unit, spec.unit))


def _folder(spec: TranslateStage, environment: Environment) -> Path:
    try:
        return fetch_encoder(cast(str, spec.model), spec.pin, environment)
    except SourceError as error:
        raise SourceError(error.message, error.hint if environment.offline else FETCH_HINT) from None


def _counting(report: Callable[[int, int], None]) -> Callable[[int], Callable[[int], None]]:
    """Progress over several rounds of texts, of which each is known only when it begins."""
    total = 0

    def ahead(count: int) -> Callable[[int], None]:
        nonlocal total
        before, total = total, total + count
        return lambda done: report(before + done, total)

    return ahead


def _from_file(spec: TranslateStage, context: JobContext) -> Translated:
    environment = context.environment
    path = find_translation_file(cast(str, spec.file), environment.base, environment.data_root)
    own = environment.tasks.get(spec.data.task)
    whole = context.examples(replace(spec.data, max_examples=None), "train")
    wanted = context.examples(spec.data, "train")
    columns = dict(own.columns) if own else None
    return read_translations(path, context.task(spec.data.task), columns, whole, wanted, spec.to)
