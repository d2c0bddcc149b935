"""Estimates of FLOPs and bytes against figures computed by hand."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
from xstilts.config.training import Align, Train
from xstilts.encoders import EncoderCard, find_card
from xstilts.errors import UserError
from xstilts.planning.estimate import FlopsEstimate, Processor, estimate_flops, planned_steps
from xstilts.planning.expand import Graph, expand
from xstilts.planning.lengths import lengths as lengths_of
from xstilts.planning.specs import TargetStage
from xstilts.tasks.task import Task

LARGE = find_card("xlm-roberta-large")
FORWARD = 603_979_776 * 14 + 98_304 * 14**2
"""XLM-R large over 14 sub-words, the length that the table assumes for PAN-X."""


def task(name: str = "panx", **sizes: int) -> Task:
    split_sizes = sizes or {"train": 1000, "dev": 100, "test": 500}
    return Task(
        name=name,
        problem="tagging",
        suite=("mine",),
        languages=("en", "de"),
        licence="none",
        citation="",
        url="",
        sizes={"en": split_sizes, "de": split_sizes},
    )


def graph(*tasks: Task, train: Train | None = None, **settings: Any) -> Graph:
    target = Target(languages=("de",), train=train or Train(epochs=2))
    recipe = Recipe(
        name="mine", encoder="xlm-roberta-large", seeds=(0,), targets={tasks[0].name: target}, frozen=False, **settings
    )
    return expand(recipe, {task.name: task for task in tasks}, "pin")


def estimate_of(graph: Graph, *tasks: Task, card: EncoderCard = LARGE) -> FlopsEstimate:
    return estimate_flops(graph, graph.stages, {task.name: task for task in tasks}, card, Processor())


def flops_of(estimate: FlopsEstimate, name: str) -> float:
    (flops,) = [kind.flops for kind in estimate.kinds if kind.kind == name]
    assert flops is not None
    return flops


def test_target_training_and_evaluation():
    estimate = estimate_of(graph(task()), task())
    assert flops_of(estimate, "target") == (3 * 2 * 1000 + 5 * 100) * FORWARD  # 2 epochs, 5 evaluations
    assert flops_of(estimate, "evaluate") == 2 * 500 * FORWARD  # English and German
    assert estimate.bytes == 4 * 558_840_832
    assert estimate.gpu_hours == pytest.approx(7500 * FORWARD / (312e12 * 0.4 * 3600))
    assert (estimate.unknown, estimate.why) == (0, ())
    assert estimate.assumed == ("panx 14 sub-words of about 8 words; no PAN-X file was at hand",)


def test_planned_steps():
    arms = {"none": Intermediate(), "same": Intermediate(tasks=("panx",)), "more": Intermediate(match_steps_of="same")}
    fewshot = Fewshot(shots=(4,), draws=1, languages=("de",), methods=("full", "lda"))
    planned = graph(task(), train=Train(epochs=2, batch_size=30), intermediate=arms, fewshot=fewshot)
    steps = planned_steps(planned, planned.stages, {"panx": task()}, LARGE)

    def steps_of(kind: str) -> list[int | None]:
        return [steps.get(key) for key, spec in planned.stages.items() if spec.kind == kind]

    assert steps_of("target") == [67, 67, 380]  # 2 epochs of 1000 examples; the control adds the 10 epochs of `same`
    assert set(steps_of("fewshot")) == {5, None}
    assert set(steps_of("evaluate")) == {None}
    unknown = planned_steps(planned, planned.stages, {"panx": replace(task(), sizes={})}, LARGE)
    assert not unknown.keys() & {key for key, spec in planned.stages.items() if spec.kind == "target"}


def test_planned_steps_of_data_of_unknown_size_are_those_of_the_settings():
    unknown, fewshot = replace(task(), sizes={}), Fewshot(shots=(4,), draws=1, languages=("de",), train=Train(steps=7))
    planned = graph(unknown, train=Train(steps=30), fewshot=fewshot)
    steps = planned_steps(planned, planned.stages, {"panx": unknown}, LARGE)
    assert {planned.stages[key].kind: count for key, count in steps.items()} == {"target": 30, "fewshot": 7}


def test_alignment():
    """Ten steps of 32 pairs through two of 24 layers, the second of which is trained. Measured before and after are 500
    of the 900 trained pairs and all 100 held-out pairs."""
    pairs = replace(task("tatoeba", dev=1000), problem="retrieval", languages=("de",))
    settings = Align(task="tatoeba", layer=2, train=Train(steps=10))
    estimate = estimate_of(graph(task(), pairs, intermediate={"none": Intermediate(align=settings)}), task(), pairs)
    lengths = [min(n, 256) for n in lengths_of("tatoeba").sample]  # type: ignore[type-var]
    forward = 2 * sum(603_979_776 * n + 98_304 * n**2 for n in lengths) / len(lengths)
    assert flops_of(estimate, "align") == pytest.approx((10 * 32 * (1 + 3) / 24 + 2 * (500 + 100)) * forward)
    (stored,) = [kind.bytes for kind in estimate.kinds if kind.kind == "align"]
    assert stored == 4 * 3 * 1024**2


def test_frozen_layers_cost_one_pass_and_are_not_stored():
    estimate = estimate_of(graph(task(), train=Train(epochs=2, frozen_layers=18)), task())
    assert flops_of(estimate, "target") == (1.5 * 2 * 1000 + 5 * 100) * FORWARD
    assert estimate.bytes == (558_840_832 - 250_002 * 1024) * 4 // 4


def test_gradient_checkpointing_costs_another_pass():
    estimate = estimate_of(graph(task(), train=Train(epochs=2, frozen_layers=18, gradient_checkpointing=True)), task())
    assert flops_of(estimate, "target") == (1.75 * 2 * 1000 + 5 * 100) * FORWARD


def test_batch_tokens_limit_the_batch():
    estimate = estimate_of(graph(task(), train=Train(steps=10, batch_size=32, evaluations=1)), task())
    assert flops_of(estimate, "target") == (3 * 10 * 32 + 100) * FORWARD
    estimate = estimate_of(graph(task(), train=Train(steps=10, batch_size=32, batch_tokens=140, evaluations=1)), task())
    assert flops_of(estimate, "target") == (3 * 10 * 10 + 100) * FORWARD


def test_fewshot_training_and_scoring():
    estimate = estimate_of(graph(task(), fewshot=Fewshot(shots=(4,), draws=1, languages=("de",))), task())
    assert flops_of(estimate, "fewshot") == (3 * 5 * 4 + 500) * FORWARD
    head = estimate_of(
        graph(task(), fewshot=Fewshot(shots=(4,), draws=1, languages=("de",), methods=("head",))), task()
    )
    assert flops_of(head, "fewshot") == (5 * 4 + 500) * FORWARD


def test_the_equal_steps_control_adds_steps_to_the_target():
    arms = {"none": Intermediate(), "same": Intermediate(tasks=("panx",)), "more": Intermediate(match_steps_of="same")}
    longer = graph(task(), intermediate=arms)
    estimate = estimate_of(longer, task())
    targets = [spec for spec in longer.stages.values() if isinstance(spec, TargetStage)]
    assert len(targets) == 3
    assert flops_of(estimate, "intermediate") == 3 * 10 * 1000 * FORWARD
    assert flops_of(estimate, "target") == pytest.approx((3 * (2 * 3 + 10) * 1000 + 3 * 500) * FORWARD)


def test_intermediate_tasks_share_the_steps():
    other = task("bucc2018", train=3000, dev=10, test=10)  # 28 sub-words, twice
    both = {"both": Intermediate(tasks=("panx", "bucc2018"), train=Train(epochs=1))}
    single = {"single": Intermediate(tasks=("panx",), train=Train(epochs=1))}
    shared = flops_of(estimate_of(graph(task(), other, intermediate=both), task(), other), "intermediate")
    longer = 2 * (603_979_776 * 28 + 98_304 * 28**2)
    assert shared == pytest.approx(3 * (1000 * FORWARD + 3000 * longer))
    assert flops_of(estimate_of(graph(task(), intermediate=single), task()), "intermediate") == pytest.approx(
        3 * 1000 * FORWARD
    )


def test_pooled_splits_are_divided_by_their_fractions():
    fractions = {"train": 0.6, "dev": 0.1, "test": 0.3}
    splits = {language: tuple(fractions) for language in ("en", "de")}
    pooled = replace(task(dev=1000), pool=("dev",), fractions=fractions, splits=splits)
    assert flops_of(estimate_of(graph(pooled), pooled), "target") == (3 * 2 * 600 + 5 * 100) * FORWARD


def test_unknown_costs_are_counted_with_a_reason():
    unmeasured, unsized, unknown = task("mine"), replace(task(), sizes={}), replace(LARGE, forward_flops=None)
    for estimate, name in (
        (estimate_of(graph(unmeasured), unmeasured), "mine"),
        (estimate_of(graph(unsized), unsized), "panx"),
        (estimate_of(graph(task()), task(), card=unknown), "xlm-roberta-large"),
    ):
        (reason,) = estimate.why
        assert estimate.unknown == 3 and name in reason
        assert [kind.flops for kind in estimate.kinds if kind.unknown] == [None, None]
    assert estimate_of(graph(task()), task(), card=replace(LARGE, parameters=None)).bytes is None


def test_no_missing_stages_cost_nothing():
    estimate = estimate_flops(graph(task()), (), {"panx": task()}, LARGE, Processor())
    assert (estimate.flops, estimate.gpu_hours, estimate.bytes) == (0, 0, 0)


@pytest.mark.parametrize("settings", [{"tflops": 0}, {"utilisation": 0}, {"utilisation": 1.1}])
def test_impossible_processors_are_refused(settings: dict[str, float]):
    with pytest.raises(UserError):
        Processor(**settings)


@given(
    epochs=st.tuples(st.integers(1, 20), st.integers(1, 20)).map(sorted),
    examples=st.tuples(st.integers(1, 5000), st.integers(1, 5000)).map(sorted),
    frozen=st.tuples(st.integers(0, 24), st.integers(0, 24)).map(sorted),
)
def test_cost_is_monotonic(epochs: list[int], examples: list[int], frozen: list[int]):
    def total(epochs: int, examples: int, frozen: int) -> float:
        sized = task(train=examples, dev=100, test=100)
        flops = estimate_of(graph(sized, train=Train(epochs=epochs, frozen_layers=frozen)), sized).flops
        assert flops is not None
        return flops

    (few, many), (small, large), (low, high) = epochs, examples, frozen
    assert total(few, small, high) <= total(many, small, high) <= total(many, large, high) <= total(many, large, low)
