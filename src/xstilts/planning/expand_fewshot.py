"""The episodes of a target that is adapted to shots: every k, draw and method in every language, and controls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from xstilts.config.recipe import Fewshot, Recipe, fixed_shots_arm
from xstilts.methods.method import FewshotMethod
from xstilts.planning.builder import GraphBuilder
from xstilts.planning.graph import Chain
from xstilts.planning.specs import FewshotStage, TargetStage
from xstilts.recipe.resolve import (
    POOL_SPLIT,
    applicable_methods,
    fewshot_languages,
    fixed_shot_sets,
    languages_with_pool,
    sampled_ks,
)


def add_fewshot_stages(builder: GraphBuilder, chain: Chain, trained: TargetStage) -> None:
    """What a chain gets where the recipe adapts it; `trained` is its target stage."""
    if (fewshot := _of(builder.recipe, chain)) is None:
        return
    maker = _Maker(builder=builder, chain=chain, fewshot=fewshot, trained=trained)
    languages, pools = (find(fewshot, chain.target, chain.task) for find in (fewshot_languages, languages_with_pool))
    for language in languages:
        for method, episode in (*(maker.sampled(language) if language in pools else ()), *maker.published(language)):
            builder.add_cell(chain, episode, method=method, shots=episode.shots, draw=episode.draw)
    for method, episode in maker.mixed(pools):
        builder.add_cell(chain, episode, method=method, shots=episode.shots, draw=episode.draw)
    if without := [language for language in languages if language not in pools]:
        builder.skipped[f"{chain.task.name}: no split {POOL_SPLIT} to draw shots from in {', '.join(without)}"] = None
    for method in fewshot.methods:
        if method not in maker.methods:
            builder.skipped[f"{chain.task.name}: `{method}` is for {method.scope}"] = None
    if fewshot.fixed_shots:
        builder.skipped.update(dict.fromkeys(_unpublished(chain, fewshot, languages)))


def _of(recipe: Recipe, chain: Chain) -> Fewshot | None:
    """How a chain is adapted, if it is."""
    fewshot = recipe.fewshot
    if fewshot is None or chain.task.name not in (fewshot.tasks or recipe.targets):
        return None
    return fewshot if chain.intermediate in (fewshot.intermediates or recipe.intermediate) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    builder: GraphBuilder
    chain: Chain
    fewshot: Fewshot
    trained: TargetStage

    @property
    def bare(self) -> bool:
        """Whether the target is not trained: then its stage is none of the graph, and the encoder before it adapts."""
        return self.chain.target.skip_training

    @property
    def methods(self) -> tuple[FewshotMethod, ...]:
        """Those that the task bears."""
        return applicable_methods(self.fewshot, self.chain.task)

    def sampled(self, language: str) -> Iterator[tuple[str, FewshotStage]]:
        """Every k, draw and method in one language, by the method's name. Controls go with the first method."""
        fewshot, trained = self.fewshot, self.trained
        for shots, draw in self._draws() if self.methods else ():
            first, *_ = methods = [
                replace(self._episode(language, shots, draw, method), batched_with=self._beside(method))
                for method in self.methods
            ]
            yield from ((stage.method.name, stage) for stage in methods)
            if fewshot.more_english and language != trained.data.language:
                yield "more-english", replace(first, shots_language=trained.data.language)
            if fewshot.without_target and trained.match_steps_of is None and not self.bare:
                yield "without-target", replace(first, parent=trained.parent, fresh_head=True, unchanged=None)
            if fewshot.also_select:
                yield "english-dev", replace(first, selection=fewshot.also_select, unchanged=True, batched_with=None)

    def published(self, language: str) -> Iterator[tuple[str, FewshotStage]]:
        """The sets of the task's publishers, by the first method."""
        there = fixed_shot_sets(self.chain.task, language) if self.fewshot.fixed_shots else ()
        for k in self.fewshot.shots if self.methods else ():
            if str(k) in there:
                name, count = fixed_shots_arm(k)
                yield name, replace(self._episode(language, count, 0, self.methods[0]), fixed_shots=str(k))

    def mixed(self, languages: Sequence[str]) -> Iterator[tuple[str, FewshotStage]]:
        """One model for all languages, scored in each: those of a draw follow each other."""
        if not self.fewshot.multilingual or len(languages) < 2 or not self.methods:
            return
        pools = tuple(self.builder.data(self.chain.task.name, language, None) for language in languages)
        for shots, draw in self._draws():
            for language in languages:
                yield "multilingual", replace(self._episode(language, shots, draw, self.methods[0]), multilingual=pools)

    def _draws(self) -> Iterator[tuple[int, int]]:
        yield from product(sampled_ks(self.fewshot), range(self.fewshot.draws))

    def _episode(self, language: str, shots: int, draw: int, method: FewshotMethod) -> FewshotStage:
        chain, fewshot, trained = self.chain, self.fewshot, self.trained
        selection = fewshot.selection if method.takes_steps else "none"
        return FewshotStage(
            parent=trained.parent if self.bare else trained.key,
            fresh_head=self.bare,
            data=trained.data,
            evaluation=self.builder.data(chain.task.name, language, chain.target.max_items),
            split=chain.target.split,
            shots_language=language,
            shots=shots,
            draw=draw,
            method=method,
            selection=selection,
            unchanged=True if selection != "none" else None,
            train=fewshot.train,
            seed=chain.seed,
            keep="all" if self.builder.recipe.keep_fewshot_weights else "scores",
            modality=trained.modality,
        )

    def _beside(self, method: FewshotMethod) -> tuple[tuple[int, int], ...] | None:
        """Every k and draw of a method that may train them side by side, unless weights are selected."""
        together = method.batches_episodes and self.fewshot.selection == "none"
        return tuple(self._draws()) if together else None


def _unpublished(chain: Chain, fewshot: Fewshot, languages: Sequence[str]) -> Iterator[str]:
    """Which sets there are not, and in which languages."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for language in languages:
        there = fixed_shot_sets(chain.task, language)
        if absent := tuple(str(k) for k in fewshot.shots if str(k) not in there):
            lacking.setdefault(absent, []).append(language)
    for absent, those in lacking.items():
        yield f"{chain.task.name}: no published shots {', '.join(absent)} in {', '.join(those)}"
