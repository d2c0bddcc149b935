from collections import Counter
from dataclasses import replace
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.planning.world import LANGUAGES, TASKS, recipe, task

from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
from xstilts.config.training import Align, Mlm, Train
from xstilts.data.corpora import Corpus
from xstilts.methods.full import Full
from xstilts.methods.joint import Joint
from xstilts.methods.lora import Lora
from xstilts.planning.expand import Graph, expand
from xstilts.planning.specs import (
    AlignStage,
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MineStage,
    PretrainedStage,
    RetrieveStage,
    TargetStage,
)
from xstilts.planning.stage import Cell

PIN = "1234"
T = TypeVar("T")


def graph_of(**changes: object) -> Graph:
    return expand(recipe(**changes), TASKS, PIN)


def of_kind(graph: Graph, kind: type[T]) -> list[T]:
    return [stage for stage in graph.stages.values() if isinstance(stage, kind)]


def cells_of(graph: Graph, **where: object) -> list[Cell]:
    return [cell for cell in graph.cells if all(getattr(cell, name) == value for name, value in where.items())]


def test_every_stage_follows_its_inputs() -> None:
    earlier: set[str] = set()
    for key, stage in graph_of().stages.items():
        assert key == stage.key
        assert set(stage.inputs) <= earlier
        earlier.add(key)


def test_number_of_stages_by_kind() -> None:
    graph = graph_of()
    assert Counter(stage.kind for stage in graph.stages.values()) == {
        "pretrained": 1,
        "intermediate": 2,  # one for each seed
        "target": 6,  # 3 arms, 2 seeds
        "evaluate": 18,  # in en, de and fi
        "fewshot": 48,  # 2 languages, 2 k, 2 draws
        "choose-layer": 1,
        "retrieve": 6,  # 2 languages from the published encoder, and from 2 others
    }
    assert {cell.artifact for cell in graph.cells} <= graph.stages.keys()


def test_the_source_language_is_scored_first_and_has_no_episodes() -> None:
    graph = graph_of()
    zero_shot = cells_of(graph, task="topic", method="zero-shot", intermediate="none", seed=0)
    assert [cell.language for cell in zero_shot] == ["en", "de", "fi"]
    assert {stage.evaluation.language for stage in of_kind(graph, FewshotStage)} == {"de", "fi"}
    listed = graph_of(fewshot=Fewshot(languages=("en", "fi")))
    assert {stage.evaluation.language for stage in of_kind(listed, FewshotStage)} == {"en", "fi"}


def test_retrieval_of_the_untrained_encoder_does_not_depend_on_the_seed() -> None:
    graph = graph_of()
    cells = cells_of(graph, task="pairs")
    assert {(cell.intermediate, cell.seed) for cell in cells} == {("none", None), ("facts", 0), ("facts", 1)}
    choose, *others = of_kind(graph, ChooseLayerStage)
    assert not others
    assert choose.split == "dev"
    assert tuple(data.language for data in choose.data) == LANGUAGES[1:]
    for stage in of_kind(graph, RetrieveStage):
        assert (stage.chosen_by, stage.layer, stage.centre_split) == (choose.key, None, "dev")


def test_mining_selects_one_layer_like_retrieval() -> None:
    graph = graph_of(targets={"pools": Target(languages=("de",))}, fewshot=None, primary=None)
    assert {(cell.intermediate, cell.seed) for cell in graph.cells} == {("none", None), ("facts", 0), ("facts", 1)}
    (choose,) = of_kind(graph, ChooseLayerStage)
    stages = of_kind(graph, MineStage)
    assert len(stages) == 3
    assert {(stage.chosen_by, stage.split, stage.dev_split) for stage in stages} == {(choose.key, "test", "dev")}
    assert not of_kind(graph, TargetStage)


def test_a_fixed_layer_needs_no_selection() -> None:
    graph = graph_of(targets={"pairs": Target(layer=5)}, fewshot=None, primary=None)
    assert not of_kind(graph, ChooseLayerStage)
    assert {(stage.layer, stage.chosen_by) for stage in of_kind(graph, RetrieveStage)} == {(5, None)}


def test_equal_steps_controls_start_from_the_pretrained_encoder() -> None:
    graph = graph_of()
    published = of_kind(graph, PretrainedStage)[0].key
    intermediates = {stage.key: stage.seed for stage in of_kind(graph, IntermediateStage)}
    controls = [stage for stage in of_kind(graph, TargetStage) if stage.match_steps_of]
    assert len(controls) == 2
    for stage in controls:
        assert stage.parent == published
        assert stage.match_steps_of is not None and intermediates[stage.match_steps_of] == stage.seed


def test_controls_change_one_thing() -> None:
    fewshot = Fewshot(shots=(4,), draws=1, methods=("head", "lora"), more_english=True, without_target=True)
    graph = graph_of(fewshot=fewshot, seeds=(0,), primary=None)
    where = {"language": "de", "intermediate": "facts", "shots": 4}
    by_method = {cell.method: graph.stages[cell.artifact] for cell in cells_of(graph, **where)}
    assert by_method.keys() == {"head", "lora", "more-english", "without-target"}
    head, english, bare = by_method["head"], by_method["more-english"], by_method["without-target"]
    assert isinstance(head, FewshotStage) and isinstance(english, FewshotStage) and isinstance(bare, FewshotStage)
    assert (english.shots_language, english.method.name, english.parent) == ("en", "head", head.parent)
    target = graph.stages[head.parent]
    assert isinstance(target, TargetStage)
    assert (bare.parent, bare.fresh_head, bare.method.name) == (target.parent, True, "head")
    assert {cell.intermediate for cell in cells_of(graph, method="without-target")} == {"none", "facts"}


def test_also_select_adds_an_episode_with_the_first_method() -> None:
    fewshot = Fewshot(shots=(4,), draws=1, methods=("head", "lora"), also_select="english_dev")
    graph = graph_of(fewshot=fewshot, seeds=(0,), primary=None)
    (cell,) = cells_of(graph, language="de", intermediate="facts", method="english-dev")
    selecting = graph.stages[cell.artifact]
    assert isinstance(selecting, FewshotStage)
    assert (selecting.method.name, selecting.selection, selecting.unchanged) == ("head", "english_dev", True)
    plain = graph_of(fewshot=fewshot.model_copy(update={"also_select": None}), seeds=(0,), primary=None)
    assert plain.stages.keys() < graph.stages.keys()
    selected = graph_of(fewshot=Fewshot(shots=(4,), draws=1, selection="english_dev", without_target=True))
    assert {(s.fresh_head, s.unchanged) for s in of_kind(selected, FewshotStage)} == {(False, True), (True, None)}


def test_multilingual_models_train_once_per_k_draw_and_seed() -> None:
    fewshot = Fewshot(shots=(1, 4), draws=2, methods=("head", "full"), multilingual=True)
    graph = graph_of(fewshot=fewshot, primary=None)
    mixed = [graph.stages[cell.artifact] for cell in cells_of(graph, method="multilingual", intermediate="facts")]
    assert all(isinstance(stage, FewshotStage) and stage.method.name == "head" for stage in mixed)
    assert len(mixed) == 16 and len({stage.group for stage in mixed}) == 2
    assert len({stage.training_key for stage in mixed if isinstance(stage, FewshotStage)}) == 8
    assert {stage.trained_languages for stage in mixed if isinstance(stage, FewshotStage)} == {("de", "fi")}
    monolingual = graph_of(fewshot=fewshot.model_copy(update={"multilingual": False}), primary=None)
    assert monolingual.stages.keys() < graph.stages.keys()


def test_irrelevant_settings_do_not_change_keys() -> None:
    assert graph_of().stages.keys() == graph_of(description="new").stages.keys()


def test_settings_of_a_method_change_its_own_keys_only() -> None:
    def keys(**settings: int) -> dict[str, set[str]]:
        fewshot = Fewshot(shots=(1, 4), draws=2, methods=(Full(), Lora(**settings)))
        keys_by_method: dict[str, set[str]] = {}
        for stage in of_kind(graph_of(fewshot=fewshot, primary=None), FewshotStage):
            keys_by_method.setdefault(stage.method.name, set()).add(stage.key)
        return keys_by_method

    default, other = keys(), keys(rank=4)
    assert default["full"] == other["full"]
    assert default["lora"].isdisjoint(other["lora"])
    assert default == keys(rank=8)


def test_stages_inherit_settings_of_their_target() -> None:
    target = Target(languages=("de",), max_examples=50, max_items=20, train=Train(max_length=64, precision="fp32"))
    graph = graph_of(targets={"topic": target}, seeds=(0,))
    assert {stage.data.max_examples for stage in of_kind(graph, TargetStage)} == {50}
    for stage in of_kind(graph, EvaluateStage):
        assert (stage.data.max_examples, stage.max_length, stage.precision) == (20, 64, "fp32")
    for stage in of_kind(graph, FewshotStage):
        assert (stage.data.max_examples, stage.evaluation.max_examples) == (50, 20)


LANGUAGE_LISTS = st.lists(st.sampled_from(LANGUAGES[1:]), min_size=1, unique=True).map(tuple)
RECIPES = st.builds(
    lambda languages, seeds, draws, shots, methods, controls: recipe(
        seeds=seeds,
        targets={"topic": Target(languages=languages), "pairs": Target(languages=languages)},
        fewshot=Fewshot(
            shots=shots, draws=draws, methods=methods, more_english=controls[0], without_target=controls[1]
        ),
        primary=None,
    ),
    LANGUAGE_LISTS,
    st.lists(st.integers(0, 4), min_size=1, max_size=2, unique=True).map(tuple),
    st.integers(1, 3),
    st.lists(st.integers(1, 16), min_size=1, max_size=2, unique=True).map(tuple),
    st.lists(st.sampled_from(["full", "head", "lora"]), min_size=1, max_size=2, unique=True).map(tuple),
    st.tuples(st.booleans(), st.booleans()),
)


@settings(max_examples=12)
@given(RECIPES, st.sampled_from(LANGUAGES[1:]), st.integers(5, 9))
def test_extending_a_recipe_keeps_existing_keys(small: Recipe, language: str, seed: int) -> None:
    """Except for batched episodes, whose keys depend on all draws and shots of the batch."""
    assert small.fewshot
    shuffled = Intermediate(tasks=("facts",), shuffle_labels=True)
    aligned = Intermediate(tasks=("facts",), align=Align(task="pairs"))
    more = {
        "language": {
            "targets": {
                name: target.model_copy(update={"languages": tuple(dict.fromkeys((*target.languages, language)))})
                for name, target in small.targets.items()
                if target.languages
            }
        },
        "draw": {"fewshot": small.fewshot.model_copy(update={"draws": small.fewshot.draws + 1})},
        "shots": {"fewshot": small.fewshot.model_copy(update={"shots": (*small.fewshot.shots, 32)})},
        "method": {"fewshot": small.fewshot.model_copy(update={"methods": (*small.fewshot.methods, Joint())})},
        "seed": {"seeds": (*small.seeds, seed)},
        "target": {"targets": {**small.targets, "tags": Target()}},
        "arm": {"intermediate": {**small.intermediate, "shuffled": shuffled, "aligned": aligned}},
    }
    before = expand(small, TASKS, PIN)
    for what, changes in more.items():
        after = expand(small.model_copy(update=changes), TASKS, PIN)
        joined = {
            stage.key for stage in of_kind(before, FewshotStage) if what in ("draw", "shots") and stage.batched_with
        }
        assert before.stages.keys() - joined <= after.stages.keys(), what
        assert {cell for cell in before.cells if cell.artifact not in joined} <= set(after.cells), what


@settings(max_examples=12)
@given(RECIPES, st.integers(5, 9))
def test_seeds_share_no_checkpoint(small: Recipe, seed: int) -> None:
    first, second = (expand(small.model_copy(update={"seeds": (number,)}), TASKS, PIN) for number in (seed, seed + 1))
    shared = first.stages.keys() & second.stages.keys()
    kinds = {first.stages[key].kind for key in shared}
    assert kinds <= {"pretrained", "choose-layer", "retrieve"}
    published = of_kind(first, PretrainedStage)[0].key
    assert all(stage.parent == published for key in shared if isinstance(stage := first.stages[key], RetrieveStage))


def test_intermediate_training_follows_alignment() -> None:
    corpus = Corpus(language="de", location="/de.txt", column="text", fingerprint="f")
    both = Intermediate(tasks=("facts",), align=Align(task="pairs"), mlm=Mlm(texts={"de": "de.txt"}), max_examples=9)
    small = recipe(intermediate={"none": Intermediate(), "both": both}, primary=None)
    graph = expand(small, TASKS, PIN, {("intermediate", "both", "mlm"): (corpus,)})
    aligned, trained = of_kind(graph, AlignStage)[0], of_kind(graph, IntermediateStage)[0]
    assert aligned.parent == of_kind(graph, PretrainedStage)[0].key and trained.parent == aligned.key
    assert [data.language for data in aligned.data] == ["de", "fi", "th", "sw"]
    assert aligned.title == "align pairs (de, fi, th, sw) in layer 2, seed 0"
    assert trained.title == "intermediate facts+masked texts (de), seed 0"
    assert trained.mlm and trained.mlm.max_texts == 9 and "de.txt" not in str(trained)


def test_keys_depend_on_the_encoder_weights() -> None:
    graph, other = graph_of(), expand(recipe(), TASKS, "5678")
    assert not graph.stages.keys() & other.stages.keys()


def test_keys_depend_on_the_data_that_a_stage_uses() -> None:
    tasks = {**TASKS, "facts": task("facts", languages=("en", "de"))}
    assert expand(recipe(), tasks, PIN).stages.keys() == graph_of().stages.keys()
    changed = {**TASKS, "facts": task("facts", "tagging", ("en",))}
    unchanged_keys = expand(recipe(), changed, PIN).stages.keys() & graph_of().stages.keys()
    assert {graph_of().stages[key].kind for key in unchanged_keys} >= {"pretrained", "target", "evaluate", "fewshot"}
    assert not any(isinstance(graph_of().stages[key], IntermediateStage) for key in unchanged_keys)


def test_episodes_get_the_classes_that_the_source_language_lacks() -> None:
    labels = {"en": {"train": ("a", "b")}, "de": {"train": ("a", "c")}, "fi": {"train": ("a", "b")}}
    small = recipe(fewshot=Fewshot(shots=(1,), draws=1, more_english=True, multilingual=True))
    graph = expand(small, TASKS | {"topic": replace(TASKS["topic"], pool_labels=labels)}, PIN)
    method_of = {cell.artifact: cell.method for cell in graph.cells}
    new = {
        (method_of[stage.key], stage.evaluation.language): stage.new_labels for stage in of_kind(graph, FewshotStage)
    }
    assert new == {
        ("full", "de"): ("c",),
        ("full", "fi"): None,
        ("more-english", "de"): None,
        ("more-english", "fi"): None,
        ("multilingual", "de"): ("c",),
        ("multilingual", "fi"): ("c",),
    }
    plain = of_kind(expand(small, TASKS, PIN), FewshotStage)
    assert {stage.key for stage in plain} & {stage.key for stage in of_kind(graph, FewshotStage)} == {
        stage.key for stage in of_kind(graph, FewshotStage) if stage.new_labels is None
    }
