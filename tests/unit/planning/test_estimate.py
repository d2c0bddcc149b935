"""What stages take, against figures reckoned by hand."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.recipe import Fewshot, Intermediate, Recipe, Target
from xstilts.config.training import Align, Train
from xstilts.encoders import EncoderCard, find_card
from xstilts.errors import UserError
from xstilts.planning.estimate import FlopsEstimate, Processor, estimate_flops
from xstilts.planning.expand import Graph, expand
from xstilts.planning.lengths import lengths as lengths_of
from xstilts.planning.specs import TargetStage
from xstilts.tasks.task import Task

LARGE = find_card("xlm-roberta-large")
FORWARD = 603_979_776 * 14 + 98_304 * 14**2
"""Of XLM-R large over 14 sub-words, which is what the table takes PAN-X's sentences to be."""


def task(name: str = "panx", **sizes: int) -> Task:
    given = sizes or {"train": 1000, "dev": 100, "test": 500}
    return Task(
        name=name,
        problem="tagging",
        suite=("mine",),
        languages=("en", "de"),
        licence="none",
        citation="",
        url="",
        sizes={"en": given, "de": given},
    )


def graph(*tasks: Task, train: Train | None = None, **settings: Any) -> Graph:
    target = Target(languages=("de",), train=train or Train(epochs=2))
    recipe = Recipe(name="mine", encoder="xlm-roberta-large", seeds=(0,), targets={tasks[0].name: target}, **settings)
    return expand(recipe, {task.name: task for task in tasks}, "pin")


def of(found: Graph, *tasks: Task, card: EncoderCard = LARGE) -> FlopsEstimate:
    return estimate_flops(found, found.stages, {task.name: task for task in tasks}, card, Processor())


def kind(found: FlopsEstimate, name: str) -> float:
    (flops,) = [kind.flops for kind in found.kinds if kind.kind == name]
    assert flops is not None
    return flops


def test_a_target_and_its_scores_by_hand():
    found = of(graph(task()), task())
    assert kind(found, "target") == (3 * 2 * 1000 + 5 * 100) * FORWARD  # two epochs, five looks at the dev split
    assert kind(found, "evaluate") == 2 * 500 * FORWARD  # English and German
    assert found.bytes == 4 * 558_840_832
    assert found.gpu_hours == pytest.approx(7500 * FORWARD / (312e12 * 0.4 * 3600))
    assert (found.unknown, found.why) == (0, ())
    assert found.assumed == ("panx 14 sub-words of about 8 words; no PAN-X file was at hand",)


def test_an_alignment_by_hand():
    """Ten steps of 32 pairs through two of 24 layers, the second of which is trained. Of 900 trained pairs 500 are
    measured, of 100 held-out ones all, before and after."""
    pairs = replace(task("tatoeba", dev=1000), problem="retrieval", languages=("de",))
    settings = Align(task="tatoeba", layer=2, train=Train(steps=10))
    found = of(graph(task(), pairs, intermediate={"none": Intermediate(align=settings)}), task(), pairs)
    lengths = [min(n, 256) for n in lengths_of("tatoeba").sample]  # type: ignore[type-var]
    forward = 2 * sum(603_979_776 * n + 98_304 * n**2 for n in lengths) / len(lengths)
    assert kind(found, "align") == pytest.approx((10 * 32 * (1 + 3) / 24 + 2 * (500 + 100)) * forward)


def test_frozen_layers_are_only_run_and_not_kept():
    found = of(graph(task(), train=Train(epochs=2, frozen_layers=18)), task())
    assert kind(found, "target") == (1.5 * 2 * 1000 + 5 * 100) * FORWARD
    assert found.bytes == (558_840_832 - 250_002 * 1024) * 4 // 4


def test_trained_layers_that_run_again_take_a_pass_more():
    found = of(graph(task(), train=Train(epochs=2, frozen_layers=18, gradient_checkpointing=True)), task())
    assert kind(found, "target") == (1.75 * 2 * 1000 + 5 * 100) * FORWARD


def test_steps_are_of_batches_that_fit_their_tokens():
    found = of(graph(task(), train=Train(steps=10, batch_size=32, evaluations=1)), task())
    assert kind(found, "target") == (3 * 10 * 32 + 100) * FORWARD
    found = of(graph(task(), train=Train(steps=10, batch_size=32, batch_tokens=140, evaluations=1)), task())
    assert kind(found, "target") == (3 * 10 * 10 + 100) * FORWARD


def test_shots_are_seen_in_every_epoch_and_the_language_is_scored():
    found = of(graph(task(), fewshot=Fewshot(shots=(4,), draws=1, languages=("de",))), task())
    assert kind(found, "fewshot") == (3 * 5 * 4 + 500) * FORWARD
    head = of(graph(task(), fewshot=Fewshot(shots=(4,), draws=1, languages=("de",), methods=("head",))), task())
    assert kind(head, "fewshot") == (5 * 4 + 500) * FORWARD


def test_the_control_of_equal_steps_trains_the_target_for_longer():
    arms = {"none": Intermediate(), "same": Intermediate(tasks=("panx",)), "more": Intermediate(match_steps_of="same")}
    longer = graph(task(), intermediate=arms)
    found = of(longer, task())
    by_kind = [spec for spec in longer.stages.values() if isinstance(spec, TargetStage)]
    assert len(by_kind) == 3
    assert kind(found, "intermediate") == 3 * 10 * 1000 * FORWARD
    assert kind(found, "target") == pytest.approx((3 * (2 * 3 + 10) * 1000 + 3 * 500) * FORWARD)


def test_tasks_that_are_trained_together_share_the_steps():
    other = task("bucc2018", train=3000, dev=10, test=10)  # 28 sub-words, twice
    both = {"both": Intermediate(tasks=("panx", "bucc2018"), train=Train(epochs=1))}
    alone = {"alone": Intermediate(tasks=("panx",), train=Train(epochs=1))}
    together = kind(of(graph(task(), other, intermediate=both), task(), other), "intermediate")
    longer = 2 * (603_979_776 * 28 + 98_304 * 28**2)
    assert together == pytest.approx(3 * (1000 * FORWARD + 3000 * longer))
    assert kind(of(graph(task(), intermediate=alone), task()), "intermediate") == pytest.approx(3 * 1000 * FORWARD)


def test_splits_made_anew_have_their_shares_of_what_was_pooled():
    fractions = {"train": 0.6, "dev": 0.1, "test": 0.3}
    splits = {language: tuple(fractions) for language in ("en", "de")}
    pooled = replace(task(dev=1000), pool=("dev",), fractions=fractions, splits=splits)
    assert kind(of(graph(pooled), pooled), "target") == (3 * 2 * 600 + 5 * 100) * FORWARD


def test_what_is_not_known_is_counted_and_named():
    unmeasured, unsized, unknown = task("mine"), replace(task(), sizes={}), replace(LARGE, forward_flops=None)
    for found, why in (
        (of(graph(unmeasured), unmeasured), "how long the examples of mine are"),
        (of(graph(unsized), unsized), "how many examples panx has"),
        (of(graph(task()), task(), card=unknown), "what a forward pass of xlm-roberta-large takes"),
    ):
        assert (found.unknown, found.why) == (3, (why,))
        assert [kind.flops for kind in found.kinds if kind.unknown] == [None, None]
    assert of(graph(task()), task(), card=replace(LARGE, parameters=None)).bytes is None


def test_nothing_to_do_takes_nothing():
    found = estimate_flops(graph(task()), (), {"panx": task()}, LARGE, Processor())
    assert (found.flops, found.gpu_hours, found.bytes) == (0, 0, 0)


@pytest.mark.parametrize("settings", [{"tflops": 0}, {"utilisation": 0}, {"utilisation": 1.1}])
def test_no_processor_is_free_or_faster_than_its_peak(settings: dict[str, float]):
    with pytest.raises(UserError):
        Processor(**settings)


@given(
    epochs=st.tuples(st.integers(1, 20), st.integers(1, 20)).map(sorted),
    examples=st.tuples(st.integers(1, 5000), st.integers(1, 5000)).map(sorted),
    frozen=st.tuples(st.integers(0, 24), st.integers(0, 24)).map(sorted),
)
def test_more_of_anything_takes_more(epochs: list[int], examples: list[int], frozen: list[int]):
    def total(epochs: int, examples: int, frozen: int) -> float:
        sized = task(train=examples, dev=100, test=100)
        found = of(graph(sized, train=Train(epochs=epochs, frozen_layers=frozen)), sized).flops
        assert found is not None
        return found

    (few, many), (small, large), (low, high) = epochs, examples, frozen
    assert total(few, small, high) <= total(many, small, high) <= total(many, large, high) <= total(many, large, low)
