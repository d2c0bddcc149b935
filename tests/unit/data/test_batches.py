from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xstilts.data.batches import count_steps, examples_needed, scoring_batches, training_batches

lengths_of = st.lists(st.integers(1, 300), min_size=1, max_size=200)
budgets = {"batch_size": st.integers(1, 40), "batch_tokens": st.integers(1, 2000)}


@given(lengths=lengths_of, **budgets)
def test_scoring_holds_every_example_once_within_the_budget(lengths, batch_size, batch_tokens):
    batches = scoring_batches(lengths, batch_size=batch_size, batch_tokens=batch_tokens)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= batch_size
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= batch_tokens


@given(lengths=lengths_of, seed=st.integers(0, 9), **budgets)
def test_a_training_pass_holds_every_example_once_within_the_budget(lengths, seed, batch_size, batch_tokens):
    stream = training_batches(
        lengths, batch_size=batch_size, batch_tokens=batch_tokens, rng=np.random.default_rng(seed)
    )
    seen: list[int] = []
    while len(seen) < len(lengths):
        batch = next(stream)
        assert len(batch) <= batch_size
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= batch_tokens
        seen += batch
    assert sorted(seen) == list(range(len(lengths)))


def test_training_order_depends_on_the_seed_alone():
    lengths = list(range(1, 101))

    def first(seed: int) -> list[list[int]]:
        stream = training_batches(lengths, batch_size=8, batch_tokens=999, rng=np.random.default_rng(seed))
        return list(islice(stream, 10))

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_batches_of_like_length_waste_little():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 100, size=2000).tolist()
    batches = islice(training_batches(lengths, batch_size=32, batch_tokens=4096, rng=rng), 62)
    padded = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)


def test_steps_are_counted_in_passes():
    assert count_steps([10] * 64, epochs=3, batch_size=32, batch_tokens=4096) == 6
    assert count_steps([10] * 64, epochs=0.5, batch_size=32, batch_tokens=4096) == 1
    assert count_steps([4096] * 4, epochs=1, batch_size=32, batch_tokens=4096) == 4


def test_no_more_examples_are_kept_than_the_steps_can_use():
    rng = np.random.default_rng(0)
    assert examples_needed(100, 50, batch_size=2, rng=rng) == list(range(100))
    kept = examples_needed(100, 3, batch_size=8, rng=rng)
    assert len(kept) == len(set(kept)) == 24
    assert kept == sorted(kept)
    assert kept != list(range(24))
