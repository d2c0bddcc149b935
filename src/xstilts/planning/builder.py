"""The graph under construction: stages by key, and the requested scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from xstilts.config.recipe import Recipe
from xstilts.config.training import Train
from xstilts.data.corpora import Corpus
from xstilts.encoders import find_card
from xstilts.methods.auto import Auto
from xstilts.methods.method import FewshotMethod
from xstilts.planning.graph import Chain, Graph
from xstilts.planning.specs import (
    EvaluateStage,
    FewshotStage,
    MajorityStage,
    MineStage,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
)
from xstilts.planning.stage import Cell, Data, Texts
from xstilts.recipe.resolve import has_frozen_encoder
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphBuilder:
    """A recipe with everything that its specs need, and the stages and cells added so far."""

    recipe: Recipe
    tasks: Mapping[str, Task]
    pin: str
    texts: Mapping[tuple[str, ...], Sequence[Corpus]]
    """By the path of the block that names them (`recipe.resolve.text_settings`)."""
    translators: Mapping[str, str]
    stages: dict[str, Spec] = field(default_factory=dict)
    cells: dict[Cell, None] = field(default_factory=dict)
    skipped: dict[str, None] = field(default_factory=dict)
    _data: dict[tuple[str, str, int | None], Data] = field(default_factory=dict)

    def build(self) -> Graph:
        order = TopologicalSorter({key: stage.inputs for key, stage in self.stages.items()}).static_order()
        stages = {key: self.stages[key] for key in order}
        return Graph(stages=stages, cells=tuple(self.cells), skipped=tuple(self.skipped))

    def add(self, stage: Spec) -> str:
        self.stages.setdefault(stage.key, stage)
        return stage.key

    def pretrained(self) -> str:
        fusion = self.recipe.fusion if find_card(self.recipe.encoder).kind == "fused" else None
        return self.add(PretrainedStage(encoder=self.recipe.encoder, pin=self.pin, fusion=fusion))

    def data(self, task: str, language: str, max_examples: int | None) -> Data:
        if (key := (task, language, max_examples)) not in self._data:
            fingerprint = self.tasks[task].fingerprint(language)
            self._data[key] = Data(task=task, fingerprint=fingerprint, language=language, max_examples=max_examples)
        return self._data[key]

    def unlabelled(self, chain: Chain, language: str) -> Texts | None:
        """The unlabelled texts of a target in a scored language, if there are any."""
        corpora = self.texts.get(("targets", chain.task.name, "unlabelled"), ())
        found = [corpus for corpus in corpora if corpus.language == language]
        return Texts(language=language, fingerprint=found[0].fingerprint) if found else None

    def episode(
        self, chain: Chain, target_stage: TargetStage, language: str, method: FewshotMethod, train: Train
    ) -> FewshotStage:
        """An episode on the model of `target_stage`, without shots and without selection."""
        return FewshotStage(
            parent=target_stage.key,
            fresh_head=False,
            data=target_stage.data,
            evaluation=self.data(chain.task.name, language, chain.target.max_items),
            split=chain.target.split,
            shots_language=language,
            shots=0,
            draw=0,
            method=method,
            selection="none",
            train=train,
            seed=chain.seed,
            keep="all" if self.recipe.keep_fewshot_weights else "scores",
            head=target_stage.head,
            modality=target_stage.modality,
            unlabelled=self.unlabelled(chain, language) if method.reads_unlabelled else None,
            before_target=target_stage.parent if isinstance(method, Auto) and has_frozen_encoder(chain.task) else None,
        )

    def add_cell(
        self,
        chain: Chain,
        stage: EvaluateStage | FewshotStage | MajorityStage | RetrieveStage | MineStage,
        *,
        method: str = "zero-shot",
        shots: int = 0,
        draw: int | None = None,
    ) -> None:
        match stage:
            case FewshotStage():
                data, has_seed = stage.evaluation, True
            case MajorityStage():
                data, has_seed = stage.evaluation, False
            case _:
                data, has_seed = stage.data, stage.parent != self.pretrained()
        cell = Cell(
            artifact=self.add(stage),
            encoder=self.recipe.encoder,
            task=data.task,
            language=data.language,
            split=stage.split,
            intermediate=chain.intermediate,
            method=method,
            shots=shots,
            draw=draw,
            seed=chain.seed if has_seed else None,
        )
        self.cells[cell] = None
