"""Expand a recipe into the graph of its stages. Pure: nothing is fetched, read or run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xstilts.config.recipe import Recipe
from xstilts.config.splits import translated
from xstilts.data.corpora import Corpus
from xstilts.planning.builder import GraphBuilder
from xstilts.planning.expand_closed_form import add_closed_form_stages
from xstilts.planning.expand_fewshot import add_fewshot_stages
from xstilts.planning.expand_intermediate import add_intermediate_stages
from xstilts.planning.expand_majority import add_majority_stages
from xstilts.planning.expand_retrieval import add_vector_stages
from xstilts.planning.graph import Chain, Graph
from xstilts.planning.specs import EvaluateStage, TargetStage
from xstilts.recipe.resolve import intermediate_arms, languages_with_translated_test, scored_languages
from xstilts.tasks.task import Task

__all__ = ["Graph", "expand"]


def expand(
    recipe: Recipe,
    tasks: Mapping[str, Task],
    pin: str,
    texts: Mapping[tuple[str, ...], Sequence[Corpus]] | None = None,
    translators: Mapping[str, str] | None = None,
) -> Graph:
    """The graph of a valid recipe: one that was loaded, or one in which `recipe.validate` finds no issues.

    `tasks` are those that the recipe names. `pin` identifies the encoder's weights. `texts` are the corpora of the
    recipe, by the path of their block (`recipe.resolve.text_settings`). `translators` are the pins of translation
    models and files (see `recipe.translation.translator_pins`).
    """
    builder = GraphBuilder(recipe=recipe, tasks=tasks, pin=pin, texts=texts or {}, translators=translators or {})
    for name, target in recipe.targets.items():
        for intermediate in intermediate_arms(recipe, target, tasks[name]):
            for seed in dict.fromkeys(recipe.seeds):
                chain = Chain(target=target, task=tasks[name], intermediate=intermediate, seed=seed)
                if chain.task.spec.is_trained:
                    _add_target_stages(builder, chain)
                else:
                    add_vector_stages(builder, chain)
        add_majority_stages(builder, target, tasks[name])
    return builder.build()


def _add_target_stages(builder: GraphBuilder, chain: Chain) -> None:
    target, arm = chain.target, builder.recipe.intermediate[chain.intermediate]
    encoder = add_intermediate_stages(builder, chain.intermediate, chain.seed)
    target_stage = TargetStage(
        parent=encoder,
        match_steps_of=add_intermediate_stages(builder, arm.match_steps_of, chain.seed) if arm.match_steps_of else None,
        data=builder.data(chain.task.name, target.source_language, target.max_examples),
        train=target.train,
        seed=chain.seed,
        head=builder.recipe.head,
        modality=arm.modality,
    )
    parent = target_stage.parent if target.skip_training else builder.add(target_stage)
    for language in scored_languages(target, chain.task):
        builder.add_cell(chain, _evaluate_stage(builder, chain, parent, language))
    add_closed_form_stages(builder, chain, target_stage)
    if target.translate_test:
        _add_translate_test(builder, chain, parent)
    add_fewshot_stages(builder, chain, target_stage)


def _add_translate_test(builder: GraphBuilder, chain: Chain, parent: str) -> None:
    """Scores on test sets translated into English, in the languages that have one."""
    target, task = chain.target, chain.task
    split, languages = translated(target.split), languages_with_translated_test(builder.recipe, target, task)
    for language in languages:
        stage = replace(_evaluate_stage(builder, chain, parent, language), split=split)
        builder.add_cell(chain, stage, method="translate-test")
    if missing := [x for x in scored_languages(target, task) if x not in (target.source_language, *languages)]:
        builder.skipped[f"{task.name}: no split {split} in {', '.join(missing)}"] = None


def _evaluate_stage(builder: GraphBuilder, chain: Chain, parent: str, language: str) -> EvaluateStage:
    target = chain.target
    return EvaluateStage(
        parent=parent,
        data=builder.data(chain.task.name, language, target.max_items),
        split=target.split,
        max_length=target.train.max_length,
        precision=target.train.precision,
        modality=builder.recipe.intermediate[chain.intermediate].modality,
        skip_training=target.skip_training or None,
    )
