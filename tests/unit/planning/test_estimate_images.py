"""FLOPs of tasks with images and of few-shot arms against figures computed by hand."""

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
    """E5-small over n tokens, all 12 layers."""
    return 42_467_328 * n + 18_432 * n * n


READ = (9 * cost(3) + 3 * cost(3 + 2 * 4)) / 12
"""A number (3 sub-words in every example of the sample) with two images of 2 x 2 tokens each, from layer 9 on."""


def graph(*tasks: Task, languages: tuple[str, ...] = ("de",), target: dict | None = None, **settings: Any) -> Graph:
    target = {"languages": languages, "train": Train(epochs=2)} | (target or {})
    recipe = {"name": "mine", "encoder": FUSED, "fusion": FUSION, "seeds": (0,)} | settings
    built = Recipe(targets={tasks[0].name: Target.model_validate(target)}, **recipe)
    return expand(built, {task.name: task for task in tasks}, "pin")


def estimate_of(graph: Graph, *tasks: Task, encoder: str = FUSED) -> FlopsEstimate:
    return estimate_flops(graph, graph.stages, {task.name: task for task in tasks}, find_card(encoder), Processor())


def flops_of(estimate: FlopsEstimate, name: str) -> float:
    (flops,) = [kind.flops for kind in estimate.kinds if kind.kind == name]
    assert flops is not None, estimate.why
    return flops


def test_upper_layers_read_images_and_scoring_takes_two_passes():
    estimate = estimate_of(graph(task()), task())
    assert flops_of(estimate, "target") == pytest.approx((3 * 2 * 1000 + 5 * 100) * READ)
    assert flops_of(estimate, "evaluate") == pytest.approx(2 * 2 * 500 * READ)  # 2 languages, 2 passes
    assert (estimate.unknown, estimate.bytes) == (0, 4 * 117_505_920)


def test_frozen_layers_count_by_the_tokens_that_they_read():
    for frozen, lower in ((6, 6 * cost(3)), (10, 9 * cost(3) + cost(11))):
        estimate = estimate_of(graph(task(), target={"train": Train(epochs=2, frozen_layers=frozen)}), task())
        upper = 12 * READ - lower
        assert flops_of(estimate, "target") == pytest.approx((2 * 1000 * (lower + 3 * upper)) / 12 + 5 * 100 * READ)


def test_fusion_starts_at_half_the_depth_by_default():
    halved = estimate_of(graph(task(), fusion=Fusion(grid=3)), task())
    assert flops_of(halved, "evaluate") == pytest.approx(2 * 2 * 500 * (cost(3) + cost(3 + 2 * 9)) / 2)


def test_captions_and_images_are_encoded_separately():
    names = task("emoji-retrieval", "image-retrieval")
    caption_lengths = lengths("emoji-retrieval")
    assert caption_lengths is not None
    sample = [n for n, _ in caption_lengths.runs(128)]
    words = sum(map(cost, sample)) / len(sample)
    assert flops_of(estimate_of(graph(names), names), "evaluate") == pytest.approx(
        2 * 2 * 500 * (words + 3 * cost(4) / 12)
    )


@pytest.mark.parametrize(("modality", "example"), [("text", cost(3)), ("images", (9 * cost(2) + 3 * cost(10)) / 12)])
def test_hidden_modalities_cost_nothing_and_scoring_takes_one_pass(modality: Any, example: float):
    estimate = estimate_of(graph(task(), intermediate={"hidden": Intermediate(modality=modality)}), task())
    assert flops_of(estimate, "evaluate") == pytest.approx(2 * 500 * example)


def test_unknown_image_costs_raise():
    text = replace(find_card("e5-small"), name="mine")
    forward = ForwardFlops(card=text, tasks={"number-read": task()}, fusion=None)
    with pytest.raises(UnknownCostError):
        forward.per_example("number-read", 128)
    assert forward.per_example("number-read", 128, "text") == cost(3)
    (reason,) = estimate_of(graph(task("unmeasured")), task("unmeasured")).why
    assert "unmeasured" in reason


def fewshot(*tasks: Task, languages: tuple[str, ...] = ("de",), **settings: Any) -> float:
    shots = {"shots": (4,), "draws": 1, "train": Train(steps=10, batch_size=2, evaluations=3)} | settings
    block = Fewshot.model_validate(shots)
    return flops_of(estimate_of(graph(*tasks, languages=languages, fewshot=block), *tasks), "fewshot")


def test_a_multilingual_model_is_trained_once():
    assert fewshot(task()) == pytest.approx((3 * 10 * 2 + 2 * 500) * READ)
    three = fewshot(task(), languages=("de", "fi"), multilingual=True)
    assert three == pytest.approx((3 * 3 * 10 * 2 + 4 * 2 * 500) * READ)


def test_selection_evaluates_before_the_first_step_and_at_every_evaluation():
    assert fewshot(task(), selection="english_dev") == pytest.approx((3 * 10 * 2 + (1 + 3) * 100 + 2 * 500) * READ)
    both = fewshot(task(), also_select="english_dev")
    assert both == fewshot(task()) + fewshot(task(), selection="english_dev")


def test_shots_are_limited_by_the_training_split():
    train = Train(epochs=1, batch_size=1000, batch_tokens=100_000)
    assert fewshot(task(), shots=(16,), train=train) == pytest.approx((3 * 1000 + 2 * 500) * READ)  # of 1,600


def test_unknown_sizes_of_published_sets_are_scaled_from_the_training_split():
    train = Train(epochs=1, batch_size=1)
    published = task(fixed_shot_sizes={"de": ("5", "10x2", "40")})
    drawn = fewshot(published, shots=(5,), train=train)
    by_share = fewshot(published, shots=(5, "10x2"), fixed_shots=True, train=train) - drawn
    assert by_share == pytest.approx((3 * (1000 * 5 / 40 + 1000 * 20 / 40) + 2 * 2 * 500) * READ)
    sized = replace(published, sizes=dict(published.sizes) | {"de": SIZES | {"shots-5": 17}})
    assert fewshot(sized, shots=(5,), fixed_shots=True, train=train) - drawn == pytest.approx((3 * 17 + 2 * 500) * READ)


def test_translated_test_sets_have_the_size_of_the_original():
    splits = dict.fromkeys(("en", "de", "fi"), (*SIZES, "test-mt"))
    sized = task(splits=splits)
    estimate = estimate_of(graph(sized, target={"translate_test": True}), sized)
    assert flops_of(estimate, "evaluate") == pytest.approx(3 * 2 * 500 * READ)
