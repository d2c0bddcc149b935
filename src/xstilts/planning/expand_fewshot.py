"""The few-shot episodes of a target: every k, draw and method in every language, and the controls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from xstilts.config.recipe import Fewshot, fixed_shots_arm
from xstilts.config.splits import shots_split
from xstilts.methods.method import FewshotMethod
from xstilts.planning.builder import GraphBuilder
from xstilts.planning.graph import Chain
from xstilts.planning.specs import FewshotStage, TargetStage
from xstilts.recipe.resolve import (
    POOL_SPLIT,
    applicable_methods,
    fewshot_languages,
    fixed_shot_sets,
    has_fewshot,
    languages_with_pool,
    new_labels,
    sampled_ks,
)


def add_fewshot_stages(builder: GraphBuilder, chain: Chain, target_stage: TargetStage) -> None:
    """Add the episodes of a chain, if the recipe asks for any."""
    fewshot, task, name = builder.recipe.fewshot, chain.task, chain.task.name
    if fewshot is None or not has_fewshot(builder.recipe, name, chain.intermediate):
        return
    episodes = _Episodes(builder=builder, chain=chain, fewshot=fewshot, target_stage=target_stage)
    languages = fewshot_languages(fewshot, chain.target, task)
    pools = languages_with_pool(fewshot, chain.target, task)
    for language in languages:
        sampled = episodes.sampled(language) if language in pools else ()
        for method, episode in (*sampled, *episodes.published(language)):
            builder.add_cell(chain, episode, method=method, shots=episode.shots, draw=episode.draw)
    for method, episode in episodes.multilingual(pools):
        builder.add_cell(chain, episode, method=method, shots=episode.shots, draw=episode.draw)
    if missing := [language for language in languages if language not in pools]:
        builder.skipped[f"{name}: no split {POOL_SPLIT} to draw shots from in {', '.join(missing)}"] = None
    for method in fewshot.methods:
        if method not in episodes.methods:
            builder.skipped[f"{name}: `{method}` is for {method.scope}"] = None
    if fewshot.fixed_shots:
        builder.skipped.update(dict.fromkeys(_missing_fixed_shots(chain, fewshot, languages)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Episodes:
    builder: GraphBuilder
    chain: Chain
    fewshot: Fewshot
    target_stage: TargetStage

    @property
    def skip_training(self) -> bool:
        """Whether `target_stage` is not part of the graph, so that episodes start from the encoder before it."""
        return self.chain.target.skip_training

    @property
    def methods(self) -> tuple[FewshotMethod, ...]:
        """The methods that suit the task."""
        return applicable_methods(self.fewshot, self.chain.task)

    def sampled(self, language: str) -> Iterator[tuple[str, FewshotStage]]:
        """Every k, draw and method in one language, with method names. Controls use the first method."""
        fewshot, target_stage = self.fewshot, self.target_stage
        for shots, draw in self._draws() if self.methods else ():
            first, *_ = episodes = [
                replace(self._episode(language, shots, draw, method), batched_with=self._batched_with(method))
                for method in self.methods
            ]
            yield from ((episode.method.name, episode) for episode in episodes)
            if fewshot.more_english and language != target_stage.data.language:
                yield (
                    "more-english",
                    replace(first, shots_language=target_stage.data.language, new_labels=None, unlabelled=None),
                )
            if fewshot.without_target and target_stage.match_steps_of is None and not self.skip_training:
                untrained = replace(
                    first, parent=target_stage.parent, before_target=None, fresh_head=True, unlabelled=None
                )
                yield "without-target", replace(untrained, unchanged=None)
            if fewshot.also_select:
                yield "english-dev", replace(first, selection=fewshot.also_select, unchanged=True, batched_with=None)

    def published(self, language: str) -> Iterator[tuple[str, FewshotStage]]:
        """Published few-shot sets, with the first method."""
        sets = fixed_shot_sets(self.chain.task, language) if self.fewshot.fixed_shots else ()
        for k in self.fewshot.shots if self.methods else ():
            if str(k) in sets:
                name, count = fixed_shots_arm(k)
                labels = self._new_labels((language,), shots_split(str(k)))
                episode = self._episode(language, count, 0, self.methods[0])
                yield name, replace(episode, fixed_shots=str(k), new_labels=labels)

    def multilingual(self, languages: Sequence[str]) -> Iterator[tuple[str, FewshotStage]]:
        """One model per k and draw for all languages, scored in each. Stages of one model are adjacent."""
        if not self.fewshot.multilingual or len(languages) < 2 or not self.methods:
            return
        pools = tuple(self.builder.data(self.chain.task.name, language, None) for language in languages)
        labels = self._new_labels(languages)
        for shots, draw in self._draws():
            for language in languages:
                episode = self._episode(language, shots, draw, self.methods[0])
                yield "multilingual", replace(episode, multilingual=pools, new_labels=labels)

    def _draws(self) -> Iterator[tuple[int, int]]:
        yield from product(sampled_ks(self.fewshot), range(self.fewshot.draws))

    def _episode(self, language: str, shots: int, draw: int, method: FewshotMethod) -> FewshotStage:
        chain, fewshot, target_stage = self.chain, self.fewshot, self.target_stage
        selection = fewshot.selection if method.takes_steps else "none"
        return replace(
            self.builder.episode(chain, target_stage, language, method, fewshot.train),
            parent=target_stage.parent if self.skip_training else target_stage.key,
            fresh_head=self.skip_training,
            shots=shots,
            draw=draw,
            selection=selection,
            unchanged=True if selection != "none" else None,
            new_labels=self._new_labels((language,)),
        )

    def _new_labels(self, languages: Sequence[str], split: str = POOL_SPLIT) -> tuple[str, ...] | None:
        return new_labels(self.chain.task, self.target_stage.data.language, languages, split) or None

    def _batched_with(self, method: FewshotMethod) -> tuple[tuple[int, int], ...] | None:
        """Every k and draw, if the method can train them in one batch and no weights are selected."""
        can_batch = method.batches_episodes and self.fewshot.selection == "none"
        return tuple(self._draws()) if can_batch else None


def _missing_fixed_shots(chain: Chain, fewshot: Fewshot, languages: Sequence[str]) -> Iterator[str]:
    """Messages that name the published sets that are missing, and the languages that lack them."""
    languages_by_sets: dict[tuple[str, ...], list[str]] = {}
    for language in languages:
        published = fixed_shot_sets(chain.task, language)
        if missing := tuple(str(k) for k in fewshot.shots if str(k) not in published):
            languages_by_sets.setdefault(missing, []).append(language)
    for missing, lacking in languages_by_sets.items():
        yield f"{chain.task.name}: no published shots {', '.join(missing)} in {', '.join(lacking)}"
