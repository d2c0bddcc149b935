"""From a recipe to the graph of its stages. Pure: nothing is fetched, read or run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from itertools import product

from xstilts.config import Fewshot, Intermediate, Recipe, Target
from xstilts.engine.check import CENTRE_SPLIT, ENGLISH, adapted, arms, flaws, scored
from xstilts.engine.translation import translation
from xstilts.errors import RecipeError
from xstilts.stages.specs import (
    Cell,
    ChooseLayerStage,
    Data,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
)
from xstilts.tasks.task import Task

CHOICE_ITEMS = 40
"""Sentences of each language on which the layer for retrieval is chosen; a mean over all languages needs no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The stages of a recipe by key, each after its inputs, and the scores that the recipe asks for."""

    stages: Mapping[str, Spec]
    cells: tuple[Cell, ...]


def build(recipe: Recipe, tasks: Mapping[str, Task], pin: str, translators: Mapping[str, str] | None = None) -> Graph:
    """The graph of `recipe`. `tasks` are those that it names; `pin` names the encoder's weights, and `translators`
    those of models of translation and the sums of files of translations (`pins.translator_pins`).

    Raises RecipeError with every mistake at once, where recipe and tasks do not fit.
    """
    if found := flaws(recipe, tasks):
        listed = "".join(f"\n  - {flaw}" for flaw in found)
        raise RecipeError(f"recipe {recipe.name!r} does not make sense:{listed}", "correct these fields")
    builder = _Builder(recipe, tasks, pin, translators or {})
    for name, target in recipe.targets.items():
        builder.add_target(target, tasks[name])
    return builder.graph()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    """A target after an intermediate arm with a seed."""

    target: Target
    task: Task
    intermediate: str
    seed: int


@dataclass(slots=True)
class _Builder:
    recipe: Recipe
    tasks: Mapping[str, Task]
    pin: str
    translators: Mapping[str, str]
    stages: dict[str, Spec] = field(default_factory=dict)
    cells: dict[Cell, None] = field(default_factory=dict)

    def graph(self) -> Graph:
        order = TopologicalSorter({key: stage.inputs for key, stage in self.stages.items()}).static_order()
        return Graph(stages={key: self.stages[key] for key in order}, cells=tuple(self.cells))

    def add_target(self, target: Target, task: Task) -> None:
        for intermediate in arms(self.recipe, target, task):
            for seed in dict.fromkeys(self.recipe.seeds):
                chain = _Chain(target=target, task=task, intermediate=intermediate, seed=seed)
                if task.problem == "retrieval":
                    self._retrieve(chain)
                else:
                    self._train(chain)

    def _add(self, stage: Spec) -> str:
        self.stages.setdefault(stage.key, stage)
        return stage.key

    def _pretrained(self) -> str:
        return self._add(PretrainedStage(encoder=self.recipe.encoder, pin=self.pin))

    def _encoder(self, intermediate: str, seed: int) -> str:
        """Key of the encoder that an arm hands over."""
        arm = self.recipe.intermediate[intermediate]
        if not arm.tasks:
            return self._pretrained()
        return self._add(
            IntermediateStage(
                parent=self._pretrained(),
                data=tuple(data for name in arm.tasks for data in self._trained_on(arm, name)),
                sampling=arm.sampling,
                shuffle_labels=arm.shuffle_labels,
                train=arm.train,
                seed=seed,
            )
        )

    def _trained_on(self, arm: Intermediate, task: str) -> Iterator[Data]:
        """The task in the arm's language, or in every language that it is translated into."""
        data = self._data(task, arm.language, arm.max_examples)
        for language in arm.translate.to if arm.translate else (arm.language,):
            if arm.translate is None or language == arm.language:
                yield data
            else:
                key = self._add(translation(arm.translate, data, language, self.translators))
                yield replace(data, language=language, translated=key)

    def _data(self, task: str, language: str, max_examples: int | None) -> Data:
        return Data(
            task=task, fingerprint=self.tasks[task].fingerprint(language), language=language, max_examples=max_examples
        )

    def _train(self, chain: _Chain) -> None:
        target, arm = chain.target, self.recipe.intermediate[chain.intermediate]
        encoder = self._encoder(chain.intermediate, chain.seed)
        trained = TargetStage(
            parent=encoder,
            steps_of=self._encoder(arm.steps_of, chain.seed) if arm.steps_of else None,
            data=self._data(chain.task.name, target.source_language, target.max_examples),
            train=target.train,
            seed=chain.seed,
        )
        self._add(trained)
        for language in scored(target, chain.task):
            self._cell(chain, self._evaluation(chain, trained.key, language))
        if fewshot := self._fewshot(chain):
            for language in adapted(fewshot, target, chain.task):
                for method, episode in self._episodes(chain, fewshot, trained, language):
                    self._cell(chain, episode, method=method, shots=episode.shots, draw=episode.draw)

    def _evaluation(self, chain: _Chain, parent: str, language: str) -> EvaluateStage:
        target = chain.target
        return EvaluateStage(
            parent=parent,
            data=self._data(chain.task.name, language, target.max_items),
            split=target.split,
            max_length=target.train.max_length,
            precision=target.train.precision,
        )

    def _fewshot(self, chain: _Chain) -> Fewshot | None:
        """How this chain is adapted, if it is."""
        fewshot = self.recipe.fewshot
        if fewshot is None or chain.task.name not in (fewshot.tasks or self.recipe.targets):
            return None
        return fewshot if chain.intermediate in (fewshot.intermediates or self.recipe.intermediate) else None

    def _episodes(
        self, chain: _Chain, fewshot: Fewshot, trained: TargetStage, language: str
    ) -> Iterator[tuple[str, FewshotStage]]:
        """Every k, draw and method in one language, by the method's name. Controls go with the first method."""
        for shots, draw in product(fewshot.shots, range(fewshot.draws)):
            first, *_ = methods = [
                FewshotStage(
                    parent=trained.key,
                    fresh_head=False,
                    data=trained.data,
                    evaluation=self._data(chain.task.name, language, chain.target.max_items),
                    split=chain.target.split,
                    shots_language=language,
                    shots=shots,
                    draw=draw,
                    method=method,
                    selection=fewshot.selection,
                    lora=fewshot.lora if method == "lora" else None,
                    train=fewshot.train,
                    seed=chain.seed,
                    keep=self.recipe.keep,
                )
                for method in fewshot.methods
            ]
            yield from ((stage.method, stage) for stage in methods)
            if fewshot.more_english and language != trained.data.language:
                yield "more-english", replace(first, shots_language=trained.data.language)
            if fewshot.without_target and trained.steps_of is None:
                yield "without-target", replace(first, parent=trained.parent, fresh_head=True)

    def _retrieve(self, chain: _Chain) -> None:
        """An arm without training is one encoder, whatever the seed."""
        target, encoder = chain.target, self._encoder(chain.intermediate, chain.seed)
        chosen_by = None if target.layer is not None else self._chosen_layer(chain)
        for language in scored(target, chain.task):
            stage = RetrieveStage(
                parent=encoder,
                data=self._data(chain.task.name, language, target.max_items),
                split=target.split,
                centre_split=CENTRE_SPLIT,
                layer=target.layer,
                chosen_by=chosen_by,
                pooling=target.pooling,
                max_length=target.train.max_length,
                precision=target.train.precision,
            )
            self._cell(chain, stage)

    def _chosen_layer(self, chain: _Chain) -> str:
        """By all languages of the task, so that a recipe that scores one more has the same layer."""
        target = chain.target
        languages = [language for language in chain.task.languages if language != ENGLISH]
        return self._add(
            ChooseLayerStage(
                parent=self._pretrained(),
                data=tuple(self._data(chain.task.name, language, CHOICE_ITEMS) for language in languages),
                split=CENTRE_SPLIT,
                pooling=target.pooling,
                max_length=target.train.max_length,
            )
        )

    def _cell(
        self,
        chain: _Chain,
        stage: EvaluateStage | FewshotStage | RetrieveStage,
        *,
        method: str = "zero-shot",
        shots: int = 0,
        draw: int | None = None,
    ) -> None:
        data = stage.evaluation if isinstance(stage, FewshotStage) else stage.data
        cell = Cell(
            artifact=self._add(stage),
            encoder=self.recipe.encoder,
            task=data.task,
            language=data.language,
            split=stage.split,
            intermediate=chain.intermediate,
            method=method,
            shots=shots,
            draw=draw,
            seed=None if isinstance(stage, RetrieveStage) and stage.parent == self._pretrained() else chain.seed,
        )
        self.cells[cell] = None
