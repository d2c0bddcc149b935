"""From a recipe to the graph of its stages. Pure: nothing is fetched, read or run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xstilts.config.recipe import Recipe, Target
from xstilts.config.splits import translated
from xstilts.data.corpora import Corpus
from xstilts.errors import RecipeError
from xstilts.planning.builder import Assembly
from xstilts.planning.expand_fewshot import adapt
from xstilts.planning.expand_intermediate import handed_over
from xstilts.planning.expand_retrieval import embed
from xstilts.planning.graph import Chain, Graph
from xstilts.planning.specs import EvaluateStage, TargetStage
from xstilts.recipe.resolve import arms, scored, translated_in
from xstilts.recipe.validate import flaws
from xstilts.tasks.task import Task

__all__ = ["Graph", "build"]


def build(
    recipe: Recipe,
    tasks: Mapping[str, Task],
    pin: str,
    texts: Mapping[str, Sequence[Corpus]] | None = None,
    translators: Mapping[str, str] | None = None,
) -> Graph:
    """The graph of `recipe`. `tasks` are those that it names; `pin` names the encoder's weights; `texts` are those of
    the arms with masked-language modelling, by arm; `translators` are the pins of models and files of translations
    (`engine.translation.translator_pins`).

    Raises RecipeError with every mistake at once, where recipe and tasks do not fit.
    """
    if found := flaws(recipe, tasks):
        listed = "".join(f"\n  - {flaw}" for flaw in found)
        raise RecipeError(f"recipe {recipe.name!r} does not make sense:{listed}", "correct these fields")
    assembly = Assembly(recipe=recipe, tasks=tasks, pin=pin, texts=texts or {}, translators=translators or {})
    for name, target in recipe.targets.items():
        _add_target(assembly, target, tasks[name])
    return assembly.graph()


def _add_target(to: Assembly, target: Target, task: Task) -> None:
    for intermediate in arms(to.recipe, target, task):
        for seed in dict.fromkeys(to.recipe.seeds):
            chain = Chain(target=target, task=task, intermediate=intermediate, seed=seed)
            if task.spec.trained:
                _train(to, chain)
            else:
                embed(to, chain)


def _train(to: Assembly, chain: Chain) -> None:
    target, arm = chain.target, to.recipe.intermediate[chain.intermediate]
    encoder = handed_over(to, chain.intermediate, chain.seed)
    trained = TargetStage(
        parent=encoder,
        steps_of=handed_over(to, arm.steps_of, chain.seed) if arm.steps_of else None,
        data=to.data(chain.task.name, target.source_language, target.max_examples),
        train=target.train,
        seed=chain.seed,
        see=arm.see,
    )
    parent = trained.parent if target.untrained else to.add(trained)
    for language in scored(target, chain.task):
        to.cell(chain, _evaluation(to, chain, parent, language))
    if target.translate_test:
        _translate_test(to, chain, parent)
    adapt(to, chain, trained)


def _translate_test(to: Assembly, chain: Chain, parent: str) -> None:
    """Scores on translations into English, where the test set is there in both."""
    target, task = chain.target, chain.task
    split, languages = translated(target.split), translated_in(to.recipe, target, task)
    for language in languages:
        stage = replace(_evaluation(to, chain, parent, language), split=split)
        to.cell(chain, stage, method="translate-test")
    if others := [x for x in scored(target, task) if x not in (target.source_language, *languages)]:
        to.left_out[f"{task.name}: no split {split} in {', '.join(others)}"] = None


def _evaluation(to: Assembly, chain: Chain, parent: str, language: str) -> EvaluateStage:
    target = chain.target
    return EvaluateStage(
        parent=parent,
        data=to.data(chain.task.name, language, target.max_items),
        split=target.split,
        max_length=target.train.max_length,
        precision=target.train.precision,
        see=to.recipe.intermediate[chain.intermediate].see,
        untrained=target.untrained or None,
    )
