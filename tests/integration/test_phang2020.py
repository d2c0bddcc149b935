"""The paper's recipe: its graph as the paper has it, and two of its stages run with a tiny XLM-R."""

from pathlib import Path

import pytest
from tests.tiny import build as build_encoder

from xstilts.errors import SourceError
from xstilts.execution.environment import Event
from xstilts.experiment import Experiment, open_experiment
from xstilts.planning.specs import IntermediateStage, TargetStage
from xstilts.stages.job import run_job
from xstilts.store.store import Store
from xstilts.tasks.suites import XTREME

LABELS = ("entailment", "neutral", "contradiction")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    folder = tmp_path_factory.mktemp("phang2020")
    encoder = build_encoder("xlm-roberta", folder / "encoder")
    root = folder / "root"
    (root / "MNLI").mkdir(parents=True)
    (root / "xnli").mkdir()
    pairs = [(f"turn on the light {n}", f"the light is {n % 3}", LABELS[n % 3]) for n in range(48)]
    glue = ["index\tsentence1\tsentence2\tgold_label", *(f"{n}\t" + "\t".join(pair) for n, pair in enumerate(pairs))]
    (root / "MNLI" / "train.tsv").write_text("\n".join(glue) + "\n")
    for split, some in (("train", pairs[:36]), ("dev", pairs[36:42]), ("test", pairs[42:])):
        lines = "".join("\t".join(pair) + "\n" for pair in some)
        (root / "xnli" / f"{split}-en.tsv").write_text(lines)
    overrides = [f"encoder={encoder}", "revision=null"]
    return open_experiment("phang2020", store=folder / "store", overrides=overrides, offline=True, data_root=root)


def test_the_recipe_has_the_nine_intermediate_tasks_the_nine_targets_and_three_seeds(experiment: Experiment) -> None:
    recipe = experiment.recipe
    assert {arm.tasks for arm in recipe.intermediate.values()} == {
        (),
        XTREME.intermediates,
        *((name,) for name in XTREME.intermediates),
    }
    assert set(recipe.targets) == {*XTREME.targets, *XTREME.retrieval}
    kinds = [type(stage) for stage in experiment.graph.stages.values()]
    assert kinds.count(IntermediateStage) == 10 * 3
    assert kinds.count(TargetStage) == 11 * 7 * 3


def test_what_is_licensed_is_named_and_a_run_without_it_is_refused(experiment: Experiment) -> None:
    assert any(line.startswith("the files of ccg (en)") for line in experiment.missing_downloads())
    with pytest.raises(SourceError, match="the files of ccg"):
        experiment.fetch(lambda line: None)


def test_an_intermediate_and_a_target_stage_run_with_a_tiny_encoder(experiment: Experiment) -> None:
    stages = experiment.graph.stages
    first = next(
        stage
        for stage in stages.values()
        if isinstance(stage, IntermediateStage) and [data.task for data in stage.data] == ["mnli"] and stage.seed == 0
    )
    second = next(
        stage
        for stage in stages.values()
        if isinstance(stage, TargetStage) and stage.parent == first.key and stage.data.task == "xnli"
    )
    events: list[Event] = []
    for stage in (stages[first.parent], first, second):
        run_job([stage], experiment.environment, events.append)
    assert [event.message for event in events if event.kind == "failed"] == []
    store = Store(Path(experiment.store.root))
    facts = [manifest.facts for stage in (first, second) if (manifest := store.manifest(stage.key))]
    assert [fact.training.weights_changed for fact in facts] == [True, True]
    assert facts[0].training.steps == 3 * 48 // 24
    assert list(facts[1].model.labels) == sorted(LABELS)
