"""What stages of tasks with images take, and of arms beside drawn shots, against figures reckoned by hand."""

from dataclasses import replace
from typing import Any

import pytest

from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
from xstilts.config.training import Fusion, Train
from xstilts.encoders import find_card
from xstilts.planning.estimate import FlopsEstimate, Processor, estimate_flops
from xstilts.planning.expand import Graph, expand
from xstilts.planning.forward_flops import ForwardFlops, UnknownCostError
from xstilts.planning.lengths import lengths
from xstilts.tasks.task import Task

FUSED = "e5-small+efficientnet-lite0"
FUSION = Fusion(layer=9, grid=2)
SIZES = {"train": 1000, "dev": 100, "test": 500}


def task(name: str = "number-read", problem: str = "image-text", **more: Any) -> Task:
    return Task(
        name=name,
        problem=problem,  # type: ignore[arg-type]
        suite=("mine",),
        languages=("en", "de", "fi"),
        licence="none",
        citation="",
        url="",
        sizes=dict.fromkeys(("en", "de", "fi"), SIZES),
        **more,
    )


def cost(n: int) -> int:
    """Of e5-small over n tokens, in all its 12 layers."""
    return 42_467_328 * n + 18_432 * n * n


READ = (9 * cost(3) + 3 * cost(3 + 2 * 4)) / 12
"""Of a number (3 sub-words, in all of the sample) beside two digits of 2 x 2 tokens each, from layer 9 on."""


def graph(*tasks: Task, languages: tuple[str, ...] = ("de",), target: dict | None = None, **settings: Any) -> Graph:
    target = {"languages": languages, "train": Train(epochs=2)} | (target or {})
    recipe = {"name": "mine", "encoder": FUSED, "fusion": FUSION, "seeds": (0,)} | settings
    made = Recipe(targets={tasks[0].name: Target.model_validate(target)}, **recipe)
    return expand(made, {task.name: task for task in tasks}, "pin")


def of(found: Graph, *tasks: Task, encoder: str = FUSED) -> FlopsEstimate:
    return estimate_flops(found, found.stages, {task.name: task for task in tasks}, find_card(encoder), Processor())


def kind(found: FlopsEstimate, name: str) -> float:
    (flops,) = [kind.flops for kind in found.kinds if kind.kind == name]
    assert flops is not None, found.why
    return flops


def test_images_are_read_in_the_upper_layers_and_scores_taken_twice():
    found = of(graph(task()), task())
    assert kind(found, "target") == pytest.approx((3 * 2 * 1000 + 5 * 100) * READ)
    assert kind(found, "evaluate") == pytest.approx(2 * 2 * 500 * READ)  # English and German, shuffled images beside
    assert (found.unknown, found.bytes) == (0, 4 * 117_505_920)


def test_layers_that_keep_their_weights_weigh_by_what_they_read():
    for frozen, lower in ((6, 6 * cost(3)), (10, 9 * cost(3) + cost(11))):
        found = of(graph(task(), target={"train": Train(epochs=2, frozen_layers=frozen)}), task())
        upper = 12 * READ - lower
        assert kind(found, "target") == pytest.approx((2 * 1000 * (lower + 3 * upper)) / 12 + 5 * 100 * READ)


def test_images_join_half_way_up_where_no_layer_is_given():
    halved = of(graph(task(), fusion=Fusion(grid=3)), task())
    assert kind(halved, "evaluate") == pytest.approx(2 * 2 * 500 * (cost(3) + cost(3 + 2 * 9)) / 2)


def test_a_caption_and_its_image_are_read_apart():
    names = task("emoji-retrieval", "image-retrieval")
    found = lengths("emoji-retrieval")
    assert found is not None
    sample = [n for n, _ in found.runs(128)]
    words = sum(map(cost, sample)) / len(sample)
    assert kind(of(graph(names), names), "evaluate") == pytest.approx(2 * 2 * 500 * (words + 3 * cost(4) / 12))


@pytest.mark.parametrize(("modality", "example"), [("text", cost(3)), ("images", (9 * cost(2) + 3 * cost(10)) / 12)])
def test_what_a_control_hides_costs_nothing_and_is_scored_once(modality: Any, example: float):
    found = of(graph(task(), intermediate={"hidden": Intermediate(modality=modality)}), task())
    assert kind(found, "evaluate") == pytest.approx(2 * 500 * example)


def test_what_is_not_known_of_images_is_told():
    text = replace(find_card("e5-small"), name="mine")
    forward = ForwardFlops(card=text, tasks={"number-read": task()}, fusion=None)
    with pytest.raises(UnknownCostError, match="how mine reads images"):
        forward.per_example("number-read", 128)
    assert forward.per_example("number-read", 128, "text") == cost(3)
    assert of(graph(task("unmeasured")), task("unmeasured")).why == ("how long the examples of unmeasured are",)


def fewshot(*tasks: Task, languages: tuple[str, ...] = ("de",), **settings: Any) -> float:
    shots = {"shots": (4,), "draws": 1, "train": Train(steps=10, batch_size=2, evaluations=3)} | settings
    made = Fewshot.model_validate(shots)
    return kind(of(graph(*tasks, languages=languages, fewshot=made), *tasks), "fewshot")


def test_a_mixed_model_is_trained_once_for_all_its_languages():
    assert fewshot(task()) == pytest.approx((3 * 10 * 2 + 2 * 500) * READ)
    three = fewshot(task(), languages=("de", "fi"), multilingual=True)
    assert three == pytest.approx((3 * 3 * 10 * 2 + 4 * 2 * 500) * READ)


def test_selection_looks_at_english_before_the_first_step_and_at_every_evaluation():
    assert fewshot(task(), selection="english_dev") == pytest.approx((3 * 10 * 2 + (1 + 3) * 100 + 2 * 500) * READ)
    both = fewshot(task(), also_select="english_dev")
    assert both == fewshot(task()) + fewshot(task(), selection="english_dev")


def test_no_more_shots_are_drawn_than_there_are():
    train = Train(epochs=1, batch_size=1000, batch_tokens=100_000)
    assert fewshot(task(), shots=(16,), train=train) == pytest.approx((3 * 1000 + 2 * 500) * READ)  # of 1,600


def test_a_published_set_is_a_part_of_the_training_split_where_its_size_is_not_known():
    train = Train(epochs=1, batch_size=1)
    published = task(fixed_shot_sizes={"de": ("5", "10x2", "40")})
    drawn = fewshot(published, shots=(5,), train=train)
    by_share = fewshot(published, shots=(5, "10x2"), fixed_shots=True, train=train) - drawn
    assert by_share == pytest.approx((3 * (1000 * 5 / 40 + 1000 * 20 / 40) + 2 * 2 * 500) * READ)
    sized = replace(published, sizes=dict(published.sizes) | {"de": SIZES | {"shots-5": 17}})
    assert fewshot(sized, shots=(5,), fixed_shots=True, train=train) - drawn == pytest.approx((3 * 17 + 2 * 500) * READ)


def test_translations_are_as_many_as_what_they_translate():
    there = dict.fromkeys(("en", "de", "fi"), (*SIZES, "test-mt"))
    sized = task(splits=there)
    found = of(graph(sized, target={"translate_test": True}), sized)
    assert kind(found, "evaluate") == pytest.approx(3 * 2 * 500 * READ)
