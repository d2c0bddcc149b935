"""The episodes of a target that is adapted to shots: every k, draw and method in every language, and controls."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from xstilts.config import Fewshot, Recipe
from xstilts.engine.assembly import Assembly
from xstilts.engine.graph import Chain
from xstilts.engine.meaning import adapted
from xstilts.stages.specs import FewshotStage, TargetStage


def adapt(to: Assembly, chain: Chain, trained: TargetStage) -> None:
    """What a chain gets where the recipe adapts it; `trained` is its target stage."""
    if (fewshot := _of(to.recipe, chain)) is None:
        return
    for language in adapted(fewshot, chain.target, chain.task):
        for method, episode in _drawn(to, chain, fewshot, trained, language):
            to.cell(chain, episode, method=method, shots=episode.shots, draw=episode.draw)


def _of(recipe: Recipe, chain: Chain) -> Fewshot | None:
    """How a chain is adapted, if it is."""
    fewshot = recipe.fewshot
    if fewshot is None or chain.task.name not in (fewshot.tasks or recipe.targets):
        return None
    return fewshot if chain.intermediate in (fewshot.intermediates or recipe.intermediate) else None


def _drawn(
    to: Assembly, chain: Chain, fewshot: Fewshot, trained: TargetStage, language: str
) -> Iterator[tuple[str, FewshotStage]]:
    """Every k, draw and method in one language, by the method's name. Controls go with the first method."""
    for shots, draw in product(fewshot.shots, range(fewshot.draws)):
        first, *_ = methods = [
            FewshotStage(
                parent=trained.key,
                fresh_head=False,
                data=trained.data,
                evaluation=to.data(chain.task.name, language, chain.target.max_items),
                split=chain.target.split,
                shots_language=language,
                shots=shots,
                draw=draw,
                method=method,
                selection=fewshot.selection,
                lora=fewshot.lora if method == "lora" else None,
                train=fewshot.train,
                seed=chain.seed,
                keep=to.recipe.keep,
                see=trained.see,
            )
            for method in fewshot.methods
        ]
        yield from ((stage.method, stage) for stage in methods)
        if fewshot.more_english and language != trained.data.language:
            yield "more-english", replace(first, shots_language=trained.data.language)
        if fewshot.without_target and trained.steps_of is None:
            yield "without-target", replace(first, parent=trained.parent, fresh_head=True)
