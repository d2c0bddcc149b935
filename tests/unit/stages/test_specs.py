"""Everything that dispatches on the kind of a stage handles every kind and refuses unknown ones."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest
from tests.facts import facts_for
from tests.unit.planning.world import LANGUAGES, TASKS, recipe

from xstilts.config.recipe import Fewshot, Intermediate, Target
from xstilts.config.training import Align, Train, Translate
from xstilts.encoders import find_card
from xstilts.execution.environment import Environment, Event
from xstilts.methods import METHODS
from xstilts.models.speed.activation_cache import ActivationCache
from xstilts.planning.expand import Graph, expand
from xstilts.planning.flops import StageFlops
from xstilts.planning.lengths import Lengths
from xstilts.planning.missing_files import missing_files
from xstilts.planning.specs import (
    AlignStage,
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MajorityStage,
    MineStage,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
    TranslateStage,
)
from xstilts.planning.stage import CorpusRead, Data, Masking, SplitRead, Stage, Texts
from xstilts.stages import align, evaluate, intermediate, majority, mine, pretrained, retrieve, target, translate
from xstilts.stages.fewshot import run as fewshot
from xstilts.stages.job import run_job, run_stage
from xstilts.stages.job_context import JobContext
from xstilts.stages.lineage import trained_on
from xstilts.store.facts import PretrainedFacts
from xstilts.store.model_facts import EncoderFacts
from xstilts.store.store import Store
from xstilts.tasks.benchmark import Benchmark, Native

RUNNERS: dict[type, tuple[Any, str]] = {
    PretrainedStage: (pretrained, "run"),
    TranslateStage: (translate, "run"),
    AlignStage: (align, "run"),
    IntermediateStage: (intermediate, "run"),
    TargetStage: (target, "run"),
    FewshotStage: (fewshot, "run"),
    EvaluateStage: (evaluate, "run"),
    MajorityStage: (majority, "run"),
    ChooseLayerStage: (retrieve, "choose"),
    RetrieveStage: (retrieve, "run"),
    MineStage: (mine, "run"),
}
FREE = (PretrainedStage, TranslateStage, MajorityStage)
"""Kinds that cost no FLOPs: loading an encoder, a translation from a file, and counting labels."""
READS: dict[type, set[tuple[str, str, str, str]]] = {
    PretrainedStage: set(),
    TranslateStage: {("facts", "en", "train", "translate")},
    AlignStage: {("pairs", language, "dev", "train") for language in LANGUAGES[1:]},
    IntermediateStage: {("facts", "en", "train", "train")},
    TargetStage: {("topic", "en", "train", "train"), ("topic", "en", "dev", "select")},
    FewshotStage: {("topic", "de", "train", "train"), ("topic", "de", "test", "score")},
    EvaluateStage: {("topic", "de", "test", "score")},
    MajorityStage: {("topic", "en", "train", "train"), ("topic", "de", "test", "score")},
    ChooseLayerStage: {("pools", language, "dev", "select") for language in LANGUAGES[1:]},
    RetrieveStage: {("pairs", "de", "test", "score"), ("pairs", "de", "dev", "calibrate")},
    MineStage: {("pools", "de", "test", "score"), ("pools", "de", "dev", "calibrate")},
}


@dataclass(frozen=True, kw_only=True)
class UnknownStage(Stage):
    kind: ClassVar[str] = "unknown"

    def reads(self) -> tuple[SplitRead, ...]:
        return (SplitRead(data=Data(task="topic", fingerprint="", language="de"), split="train", role="train"),)


@dataclass(frozen=True, kw_only=True)
class NewTrainingStage(UnknownStage):
    """Uses a kind whose facts the store can parse."""

    kind: ClassVar[str] = "pretrained"


UNKNOWN: Any = UnknownStage()


SIZES = {language: {"train": 80, "dev": 10, "test": 20} for language in LANGUAGES}
SIZED = {name: replace(task, sizes=SIZES) for name, task in TASKS.items()}


def graph_of_all_kinds() -> Graph:
    small = recipe(
        seeds=(0,),
        intermediate={
            "none": Intermediate(),
            "translated": Intermediate(tasks=("facts",), translate=Translate(to=("de",), files={"facts": "facts.csv"})),
            "facts": Intermediate(tasks=("facts",), align=Align(task="pairs")),
        },
        targets={
            "topic": Target(languages=("de",)),
            "pairs": Target(languages=("de",)),
            "pools": Target(languages=("de",)),
        },
        fewshot=Fewshot(shots=(4,), draws=1, train=Train(steps=2)),
        primary=None,
        majority=True,
    )
    return expand(small, SIZED, "pin", translators={"facts.csv": "pin"})


GRAPH = graph_of_all_kinds()
EXAMPLES: dict[type, Spec] = {type(spec): spec for spec in GRAPH.stages.values()}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(
        store=tmp_path / "store", cache=tmp_path / "cache", offline=True, device="cpu", tasks={}, base=tmp_path
    )


def test_the_tests_cover_every_kind_of_the_union() -> None:
    assert EXAMPLES.keys() == RUNNERS.keys() == READS.keys() == set(get_args(Spec))
    assert len({spec.kind for spec in EXAMPLES.values()}) == len(EXAMPLES)


@pytest.mark.parametrize("kind", RUNNERS, ids=lambda kind: kind.kind)
def test_every_kind_is_dispatched_to_its_runner_only(
    kind: type, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[type, Spec]] = []
    for runner, (module, name) in RUNNERS.items():
        monkeypatch.setattr(module, name, lambda spec, *_, runner=runner: calls.append((runner, spec)))
    store = Store(environment.store)
    context = JobContext(environment=environment, store=store, activation_cache=ActivationCache())
    spec = EXAMPLES[kind]
    with store.draft(spec) as draft:
        run_stage(spec, draft, context)
        draft.facts = facts_for(spec)
    assert calls == [(kind, spec)]


@pytest.mark.parametrize("kind", RUNNERS, ids=lambda kind: kind.kind)
def test_every_kind_lists_what_it_reads(kind: type) -> None:
    reads = EXAMPLES[kind].splits_read
    assert {(read.data.task, read.data.language, read.split, read.role) for read in reads} == READS[kind]


def test_a_stage_without_reads_is_abstract() -> None:
    class WithoutReads(Stage):
        kind: ClassVar[str] = "without-reads"

    with pytest.raises(TypeError):
        WithoutReads()  # type: ignore[abstract]


def test_new_training_stages_are_part_of_the_lineage(tmp_path: Path) -> None:
    store = Store(tmp_path)
    spec: Any = NewTrainingStage()
    with store.draft(spec) as draft:
        draft.facts = PretrainedFacts(encoder=EncoderFacts(name="e5-small", pin="1"))
    assert [(data.task, data.language, split) for data, split in trained_on(store, spec.key)] == [
        ("topic", "de", "train")
    ]


@pytest.mark.parametrize("fresh_head", [True, False])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ()),
        ({"method": METHODS["joint"]()}, ("en train train",)),
        ({"selection": "english_dev"}, ("en dev select",)),
        ({"selection": "target_dev"}, ("de dev select",)),
        ({"fixed_shots": "4"}, ("de shots-4 train",)),
        ({"shots_language": "en"}, ("en train train",)),
        ({"multilingual": ("de", "fi")}, ("de train train", "fi train train")),
    ],
)
def test_an_episode_lists_shots_source_data_and_development_data(
    fresh_head: bool, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    plain = EXAMPLES[FewshotStage]
    assert isinstance(plain, FewshotStage)
    if "multilingual" in changes:
        changes = {"multilingual": tuple(replace(plain.evaluation, language=name) for name in ("de", "fi"))}
    spec = replace(plain, fresh_head=fresh_head, **changes)
    shots = () if changes.keys() & {"fixed_shots", "shots_language", "multilingual"} else ("de train train",)
    labels = ("en train labels",) if fresh_head and "method" not in changes else ()
    reads = {f"{read.data.language} {read.split} {read.role}" for read in spec.splits_read}
    assert reads == {"de test score", *expected, *shots, *labels}


def test_mlm_texts_are_training_reads() -> None:
    spec = EXAMPLES[IntermediateStage]
    assert isinstance(spec, IntermediateStage)
    texts = (Texts(language="de", fingerprint="1"), Texts(language="fi", fingerprint="2"))
    masking = Masking(texts=texts, weight=None, alpha=1.0, masking=0.15, held_out=1, max_texts=None)
    corpora = [read for read in replace(spec, mlm=masking).reads() if isinstance(read, CorpusRead)]
    assert [(read.texts, read.role) for read in corpora] == [(text, "train") for text in texts]


def test_missing_files_of_alignment_and_vector_stages_are_listed() -> None:
    files = {split: f"{split}/{{language}}.txt" for split in ("dev", "test")}
    benchmark = Benchmark(hub=(), groups=lambda rows: [], native=(Native(read=lambda path: iter(()), files=files),))
    local = dict.fromkeys(LANGUAGES, ("test",))
    tasks = {name: replace(task, benchmark=benchmark, splits=local) for name, task in SIZED.items()}
    for kind in (AlignStage, ChooseLayerStage, RetrieveStage, MineStage):
        spec = EXAMPLES[kind]
        (line,) = missing_files(tasks, Graph(stages={spec.key: spec}, cells=()))
        assert line.startswith("dev/{language}.txt (dev of ")
        assert "de" in line


@pytest.mark.parametrize("kind", RUNNERS, ids=lambda kind: kind.kind)
def test_flops_and_bytes_are_known_for_every_kind(kind: type) -> None:
    card = find_card("e5-small")
    meter = StageFlops(graph=GRAPH, tasks=SIZED, card=card)
    meter.forward.lengths_used.update({name: Lengths(sample=(12,), classes=2) for name in SIZED})
    flops, size = meter.flops(EXAMPLES[kind]), meter.bytes(EXAMPLES[kind])
    assert card.parameters and flops is not None
    assert card.hidden
    sizes = {IntermediateStage: card.parameters, TargetStage: card.parameters, AlignStage: 3 * card.hidden**2}
    assert size == 4 * sizes.get(kind, 0)
    assert flops == 0 if kind in FREE else flops > 0


def test_a_kind_without_a_runner_fails_and_leaves_no_artifact(environment: Environment) -> None:
    events: list[Event] = []
    run_job([UNKNOWN], environment, events.append)
    assert [event.kind for event in events] == ["started", "failed"]
    assert Store(environment.store).manifest(UNKNOWN.key) is None
    assert Store(environment.store).keys() == ()


def test_unknown_kinds_have_no_estimates() -> None:
    meter = StageFlops(graph=GRAPH, tasks=SIZED, card=find_card("e5-small"))
    for estimate in (meter.flops, meter.bytes):
        with pytest.raises(AssertionError):
            estimate(UNKNOWN)
