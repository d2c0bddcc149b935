"""The trivial baseline of a target: the most frequent label, or the most frequent tag of each word."""

from dataclasses import replace
from itertools import product

from xstilts.config.recipe import MAJORITY, Target
from xstilts.planning.builder import GraphBuilder
from xstilts.planning.graph import Chain
from xstilts.planning.specs import MajorityStage
from xstilts.recipe.resolve import (
    baseline_arm,
    has_fewshot,
    languages_with_pool,
    new_labels,
    sampled_ks,
    scored_languages,
)
from xstilts.tasks.task import Task


def add_majority_stages(builder: GraphBuilder, target: Target, task: Task) -> None:
    """Add the scores of the trivial baseline, with every k and draw if shots can change its predictions.

    It depends on neither the encoder nor the seed, so it belongs to the baseline arm only.
    """
    if not builder.recipe.majority or task.spec.trivial_baseline is None or target.skip_training:
        return
    arm = baseline_arm(builder.recipe, target, task)
    chain = Chain(target=target, task=task, intermediate=arm, seed=0)
    fewshot = builder.recipe.fewshot if has_fewshot(builder.recipe, task.name, arm) else None
    adapted = languages_with_pool(fewshot, target, task) if fewshot and task.spec.trivial_baseline_uses_shots else ()
    for language in scored_languages(target, task):
        stage = MajorityStage(
            data=builder.data(task.name, target.source_language, target.max_examples),
            evaluation=builder.data(task.name, language, target.max_items),
            split=target.split,
            shots=0,
            draw=0,
            encoder=builder.pretrained() if task.spec.has_images else None,
        )
        builder.add_cell(chain, stage, method=MAJORITY)
        if fewshot and language in adapted:
            labels = new_labels(task, target.source_language, (language,)) or None
            for k, draw in product(sampled_ks(fewshot), range(fewshot.draws)):
                with_shots = replace(stage, shots=k, draw=draw, new_labels=labels)
                builder.add_cell(chain, with_shots, method=MAJORITY, shots=k, draw=draw)
