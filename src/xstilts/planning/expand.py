"""From a recipe to the graph of its stages. Pure: nothing is fetched, read or run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xstilts.config.recipe import Recipe, Target
from xstilts.config.splits import translated
from xstilts.data.corpora import Corpus
from xstilts.planning.builder import GraphBuilder
from xstilts.planning.expand_fewshot import add_fewshot_stages
from xstilts.planning.expand_intermediate import add_intermediate_stages
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
    texts: Mapping[str, Sequence[Corpus]] | None = None,
    translators: Mapping[str, str] | None = None,
) -> Graph:
    """The graph of a valid recipe: one that was loaded, or that `recipe.validate` finds no issues in.

    `tasks` are those that the recipe names; `pin` identifies the encoder's weights; `texts` are the corpora of arms
    with masked-language modelling, by arm; `translators` are the pins of translation models and of files of
    translations (see `recipe.translation.translator_pins`).
    """
    builder = GraphBuilder(recipe=recipe, tasks=tasks, pin=pin, texts=texts or {}, translators=translators or {})
    for name, target in recipe.targets.items():
        _add_target(builder, target, tasks[name])
    return builder.build()


def _add_target(builder: GraphBuilder, target: Target, task: Task) -> None:
    for intermediate in intermediate_arms(builder.recipe, target, task):
        for seed in dict.fromkeys(builder.recipe.seeds):
            chain = Chain(target=target, task=task, intermediate=intermediate, seed=seed)
            if task.spec.trained:
                _train(builder, chain)
            else:
                add_vector_stages(builder, chain)


def _train(builder: GraphBuilder, chain: Chain) -> None:
    target, arm = chain.target, builder.recipe.intermediate[chain.intermediate]
    encoder = add_intermediate_stages(builder, chain.intermediate, chain.seed)
    trained = TargetStage(
        parent=encoder,
        match_steps_of=add_intermediate_stages(builder, arm.match_steps_of, chain.seed) if arm.match_steps_of else None,
        data=builder.data(chain.task.name, target.source_language, target.max_examples),
        train=target.train,
        seed=chain.seed,
        modality=arm.modality,
    )
    parent = trained.parent if target.skip_training else builder.add(trained)
    for language in scored_languages(target, chain.task):
        builder.add_cell(chain, _evaluation(builder, chain, parent, language))
    if target.translate_test:
        _translate_test(builder, chain, parent)
    add_fewshot_stages(builder, chain, trained)


def _translate_test(builder: GraphBuilder, chain: Chain, parent: str) -> None:
    """Scores on translations into English, where the test set is there in both."""
    target, task = chain.target, chain.task
    split, languages = translated(target.split), languages_with_translated_test(builder.recipe, target, task)
    for language in languages:
        stage = replace(_evaluation(builder, chain, parent, language), split=split)
        builder.add_cell(chain, stage, method="translate-test")
    if others := [x for x in scored_languages(target, task) if x not in (target.source_language, *languages)]:
        builder.skipped[f"{task.name}: no split {split} in {', '.join(others)}"] = None


def _evaluation(builder: GraphBuilder, chain: Chain, parent: str, language: str) -> EvaluateStage:
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
