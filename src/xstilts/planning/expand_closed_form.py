"""Closed-form heads: without shots on the trained encoder, and on the encoder before target training (`frozen`)."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from xstilts.config.recipe import FROZEN, Fewshot
from xstilts.methods import closed_form_head
from xstilts.methods.method import FewshotMethod
from xstilts.planning.builder import GraphBuilder
from xstilts.planning.graph import Chain
from xstilts.planning.specs import FewshotStage, TargetStage
from xstilts.recipe.resolve import (
    applicable_methods,
    fewshot_languages,
    has_fewshot,
    has_frozen_arm,
    languages_with_pool,
    new_labels,
    sampled_ks,
    scored_languages,
)


def add_closed_form_stages(builder: GraphBuilder, chain: Chain, target_stage: TargetStage) -> None:
    """Add the zero-shot scores of every closed-form method of the recipe, and all scores of the frozen encoder.

    Every contrast of shots can then keep the method fixed.
    """
    if chain.target.skip_training or target_stage.modality or target_stage.match_steps_of:
        return
    fewshot = builder.recipe.fewshot if has_fewshot(builder.recipe, chain.task.name, chain.intermediate) else None
    for method in applicable_methods(fewshot, chain.task) if fewshot else ():
        if method.fits_english:
            for stage in _zero_shot(builder, chain, target_stage, method):
                builder.add_cell(chain, stage, method=method.name)
    if has_frozen_arm(builder.recipe, chain.task):
        for stage in _frozen(builder, chain, target_stage, fewshot):
            builder.add_cell(chain, stage, method=FROZEN, shots=stage.shots, draw=stage.draw if stage.shots else None)


def _zero_shot(
    builder: GraphBuilder, chain: Chain, target_stage: TargetStage, method: FewshotMethod
) -> Iterator[FewshotStage]:
    """The closed-form head of English examples on the trained encoder, in every scored language."""
    train = builder.recipe.fewshot.train if builder.recipe.fewshot else chain.target.train
    train = train.model_copy(update={"refit": False})
    for language in scored_languages(chain.target, chain.task):
        yield builder.episode(chain, target_stage, language, method, train)


def _frozen(
    builder: GraphBuilder, chain: Chain, target_stage: TargetStage, fewshot: Fewshot | None
) -> Iterator[FewshotStage]:
    """The closed-form head on the encoder before target training, without shots and with every k and draw.

    Nothing depends on the seed but the encoder, so all seeds share the stages of an encoder without training.
    """
    for stage in _zero_shot(builder, chain, target_stage, closed_form_head(chain.task.spec)):
        yield (zero_shot := replace(stage, parent=target_stage.parent, fresh_head=True, fits_source=True, seed=0))
        language = stage.evaluation.language
        if fewshot is None or language not in fewshot_languages(fewshot, chain.target, chain.task):
            continue
        if language in languages_with_pool(fewshot, chain.target, chain.task):
            labels = new_labels(chain.task, target_stage.data.language, (language,)) or None
            for k, draw in product(sampled_ks(fewshot), range(fewshot.draws)):
                yield replace(zero_shot, shots=k, draw=draw, new_labels=labels)
