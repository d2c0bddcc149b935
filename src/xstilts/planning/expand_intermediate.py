"""The stages of an intermediate arm: translation, alignment, training."""

from collections.abc import Iterator
from dataclasses import replace

from xstilts.config.recipe import Intermediate
from xstilts.config.training import Align
from xstilts.planning.builder import GraphBuilder
from xstilts.planning.expand_translation import translation_stage
from xstilts.planning.specs import AlignStage, IntermediateStage
from xstilts.planning.stage import Data, Masking, Texts
from xstilts.recipe.resolve import non_english


def add_intermediate_stages(builder: GraphBuilder, intermediate: str, seed: int) -> str:
    """Add the stages of an arm. Returns the key of the encoder that they produce."""
    arm = builder.recipe.intermediate[intermediate]
    encoder = builder.pretrained()
    if arm.align:
        encoder = _add_align(builder, encoder, arm.align, seed)
    if not arm.tasks and not arm.mlm:
        return encoder
    return builder.add(
        IntermediateStage(
            parent=encoder,
            data=tuple(data for name in arm.tasks for data in _training_data(builder, arm, name)),
            sampling=arm.sampling,
            shuffle_labels=arm.shuffle_labels,
            train=arm.train,
            seed=seed,
            head=builder.recipe.head,
            mlm=_masking(builder, intermediate, arm),
        )
    )


def _training_data(builder: GraphBuilder, arm: Intermediate, task: str) -> Iterator[Data]:
    """The task in the arm's language, or in every language that it is translated into."""
    data = builder.data(task, arm.language, arm.max_examples)
    for language in arm.translate.to if arm.translate else (arm.language,):
        if arm.translate is None or language == arm.language:
            yield data
        else:
            key = builder.add(translation_stage(arm.translate, data, language, builder.translators))
            yield replace(data, language=language, translated=key)


def _add_align(builder: GraphBuilder, encoder: str, align: Align, seed: int) -> str:
    languages = align.languages or non_english(builder.tasks[align.task])
    return builder.add(
        AlignStage(
            parent=encoder,
            data=tuple(builder.data(align.task, language, align.max_pairs) for language in languages),
            split=align.split,
            layer=align.layer,
            rank=align.rank,
            alpha=align.alpha,
            dropout=align.dropout,
            margin=align.margin,
            held_out=align.held_out,
            train=align.train,
            seed=seed,
        )
    )


def _masking(builder: GraphBuilder, name: str, arm: Intermediate) -> Masking | None:
    if arm.mlm is None:
        return None
    return Masking(
        texts=tuple(
            Texts(language=c.language, fingerprint=c.fingerprint) for c in builder.texts["intermediate", name, "mlm"]
        ),
        weight=arm.mlm.weight,
        alpha=arm.mlm.alpha,
        masking=arm.mlm.masking_rate,
        held_out=arm.mlm.held_out,
        max_texts=arm.max_examples,
    )
