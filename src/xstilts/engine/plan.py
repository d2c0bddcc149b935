"""From a recipe to the graph of its stages. Pure: nothing is fetched, read or run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from itertools import product
from typing import Any

from xstilts.config import Fewshot, Intermediate, Recipe, Target
from xstilts.data.texts import Corpus
from xstilts.encoders import find_card
from xstilts.engine.check import (
    HELD_SPLIT,
    OTHER_LANGUAGES,
    adapted,
    arms,
    chosen_on,
    flaws,
    foreign,
    has_dev,
    scored,
)
from xstilts.engine.graph import Chain, Graph
from xstilts.engine.translation import translation
from xstilts.errors import RecipeError
from xstilts.settings import Align
from xstilts.stages.specs import (
    AlignStage,
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MineStage,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
)
from xstilts.stages.stage import Cell, Data, Masking, Texts
from xstilts.tasks.task import Task

OWN_LAYER = "own-layer"
"""The name among methods of the score at the layer that an arm's own encoder chose."""

CHOICE_ITEMS = 40
"""Pairs of each language on which the layer of a task without training is chosen; a mean over all languages needs no
more."""


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
    builder = _Builder(recipe, tasks, pin, texts or {}, translators or {})
    for name, target in recipe.targets.items():
        builder.add_target(target, tasks[name])
    return builder.graph()


@dataclass(slots=True)
class _Builder:
    recipe: Recipe
    tasks: Mapping[str, Task]
    pin: str
    texts: Mapping[str, Sequence[Corpus]]
    translators: Mapping[str, str]
    stages: dict[str, Spec] = field(default_factory=dict)
    cells: dict[Cell, None] = field(default_factory=dict)

    def graph(self) -> Graph:
        order = TopologicalSorter({key: stage.inputs for key, stage in self.stages.items()}).static_order()
        return Graph(stages={key: self.stages[key] for key in order}, cells=tuple(self.cells))

    def add_target(self, target: Target, task: Task) -> None:
        for intermediate in arms(self.recipe, target, task):
            for seed in dict.fromkeys(self.recipe.seeds):
                chain = Chain(target=target, task=task, intermediate=intermediate, seed=seed)
                if task.spec.trained:
                    self._train(chain)
                else:
                    self._embed(chain)

    def _add(self, stage: Spec) -> str:
        self.stages.setdefault(stage.key, stage)
        return stage.key

    def _pretrained(self) -> str:
        fusion = self.recipe.fusion if find_card(self.recipe.encoder).kind == "fused" else None
        return self._add(PretrainedStage(encoder=self.recipe.encoder, pin=self.pin, fusion=fusion))

    def _encoder(self, intermediate: str, seed: int) -> str:
        """Key of the encoder that an arm hands over."""
        arm = self.recipe.intermediate[intermediate]
        encoder = self._pretrained()
        if arm.align:
            encoder = self._aligned(encoder, arm.align, seed)
        if not arm.tasks and not arm.mlm:
            return encoder
        return self._add(
            IntermediateStage(
                parent=encoder,
                data=tuple(data for name in arm.tasks for data in self._trained_on(arm, name)),
                sampling=arm.sampling,
                shuffle_labels=arm.shuffle_labels,
                train=arm.train,
                seed=seed,
                mlm=self._masking(intermediate, arm),
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

    def _aligned(self, encoder: str, align: Align, seed: int) -> str:
        languages = align.languages or foreign(self.tasks[align.task])
        return self._add(
            AlignStage(
                parent=encoder,
                data=tuple(self._data(align.task, language, align.max_pairs) for language in languages),
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

    def _masking(self, name: str, arm: Intermediate) -> Masking | None:
        if arm.mlm is None:
            return None
        return Masking(
            texts=tuple(Texts(language=c.language, fingerprint=c.fingerprint) for c in self.texts[name]),
            weight=arm.mlm.weight,
            alpha=arm.mlm.alpha,
            masking=arm.mlm.masking,
            held_out=arm.mlm.held_out,
            max_texts=arm.max_examples,
        )

    def _data(self, task: str, language: str, max_examples: int | None) -> Data:
        return Data(
            task=task, fingerprint=self.tasks[task].fingerprint(language), language=language, max_examples=max_examples
        )

    def _train(self, chain: Chain) -> None:
        target, arm = chain.target, self.recipe.intermediate[chain.intermediate]
        encoder = self._encoder(chain.intermediate, chain.seed)
        trained = TargetStage(
            parent=encoder,
            steps_of=self._encoder(arm.steps_of, chain.seed) if arm.steps_of else None,
            data=self._data(chain.task.name, target.source_language, target.max_examples),
            train=target.train,
            seed=chain.seed,
            see=arm.see,
        )
        self._add(trained)
        for language in scored(target, chain.task):
            self._cell(chain, self._evaluation(chain, trained.key, language))
        if fewshot := self._fewshot(chain):
            for language in adapted(fewshot, target, chain.task):
                for method, episode in self._episodes(chain, fewshot, trained, language):
                    self._cell(chain, episode, method=method, shots=episode.shots, draw=episode.draw)

    def _evaluation(self, chain: Chain, parent: str, language: str) -> EvaluateStage:
        target = chain.target
        return EvaluateStage(
            parent=parent,
            data=self._data(chain.task.name, language, target.max_items),
            split=target.split,
            max_length=target.train.max_length,
            precision=target.train.precision,
            see=self.recipe.intermediate[chain.intermediate].see,
        )

    def _fewshot(self, chain: Chain) -> Fewshot | None:
        """How this chain is adapted, if it is."""
        fewshot = self.recipe.fewshot
        if fewshot is None or chain.task.name not in (fewshot.tasks or self.recipe.targets):
            return None
        return fewshot if chain.intermediate in (fewshot.intermediates or self.recipe.intermediate) else None

    def _episodes(
        self, chain: Chain, fewshot: Fewshot, trained: TargetStage, language: str
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
                    see=trained.see,
                )
                for method in fewshot.methods
            ]
            yield from ((stage.method, stage) for stage in methods)
            if fewshot.more_english and language != trained.data.language:
                yield "more-english", replace(first, shots_language=trained.data.language)
            if fewshot.without_target and trained.steps_of is None:
                yield "without-target", replace(first, parent=trained.parent, fresh_head=True)

    def _embed(self, chain: Chain) -> None:
        """An arm without training is one encoder, whatever the seed."""
        target, encoder = chain.target, self._encoder(chain.intermediate, chain.seed)
        chosen_by = None if target.layer is not None else self._chosen_layer(chain, self._pretrained())
        for language in scored(target, chain.task):
            settings: dict[str, Any] = {
                "parent": encoder,
                "data": self._data(chain.task.name, language, target.max_items),
                "split": target.split,
                "layer": target.layer,
                "chosen_by": chosen_by,
                "pooling": target.pooling or ("mean" if target.layer is not None else None),
                "max_length": target.train.max_length,
                "precision": target.train.precision,
            }
            stage: MineStage | RetrieveStage
            if chain.task.problem == "mining":
                stage = MineStage(dev_split=HELD_SPLIT, **settings)
            else:
                leave_out = True if target.choose_on == OTHER_LANGUAGES else None
                centre = HELD_SPLIT if has_dev(chain.task) else None
                stage = RetrieveStage(centre_split=centre, leave_out=leave_out, **settings)
            self._cell(chain, stage)
            if target.choose_per_arm and encoder != self._pretrained():
                self._cell(chain, replace(stage, chosen_by=self._chosen_layer(chain, encoder)), method=OWN_LAYER)

    def _chosen_layer(self, chain: Chain, encoder: str) -> str:
        """By all languages of the task, so that a recipe that scores one more has the same layer."""
        target, task = chain.target, chain.task
        if target.choose_on == OTHER_LANGUAGES:
            languages, split, most = scored(target, task), target.split, target.max_items
        else:
            task = self.tasks[chosen_on(target, task)]
            languages, split, most = foreign(task), HELD_SPLIT, CHOICE_ITEMS
        return self._add(
            ChooseLayerStage(
                parent=encoder,
                data=tuple(self._data(task.name, language, most) for language in languages),
                split=split,
                pooling=target.pooling,
                max_length=target.train.max_length,
                centred=has_dev(chain.task) and chain.task.problem == "retrieval",
            )
        )

    def _cell(
        self,
        chain: Chain,
        stage: EvaluateStage | FewshotStage | RetrieveStage | MineStage,
        *,
        method: str = "zero-shot",
        shots: int = 0,
        draw: int | None = None,
    ) -> None:
        untrained = isinstance(stage, RetrieveStage | MineStage) and stage.parent == self._pretrained()
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
            seed=None if untrained else chain.seed,
        )
        self.cells[cell] = None
