"""Features of a stage's training data. Those of many examples are made once, for every stage that trains on them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from xstilts.data.features import Feature, featurise
from xstilts.data.tokenised import Tokenised, write
from xstilts.examples import Example, images_of
from xstilts.models.made import made_once
from xstilts.stages.artifacts import facts_of, identity
from xstilts.stages.stage import Data, digest
from xstilts.stages.workshop import Workshop

MANY = 10_000
"""Examples from which on features are kept in the cache, and as many of which are made at once."""
_EPOCH = 1
"""Raised when the same examples give other features."""


def features_of(
    workshop: Workshop,
    parent: str,
    parts: Sequence[Data],
    split: str,
    tokenizer: PreTrainedTokenizerBase,
    labels: Sequence[str] | None,
    max_length: int,
    see: str | None = None,
) -> Sequence[Feature]:
    """Those of all examples of a task's parts, by the tokenizer of the encoder that the artifact `parent` goes back to.

    In the cache they lie below `features`, named by all that they hang on. Raises DataError as `featurise` does.
    """
    problem = workshop.task(parts[0].task).problem
    examples = [example for data in parts for example in workshop.examples(data, split)]
    if len(examples) < MANY or images_of(examples[0]):
        return featurise(problem, examples, tokenizer, labels, max_length, see)
    encoder = identity(facts_of(workshop.store, parent))
    key = digest([_EPOCH, problem, list(parts), split, encoder, labels, max_length, see])

    def make(folder: Path) -> None:
        size = MANY if _uniform(examples) else len(examples)
        starts = range(0, len(examples), size)
        with _on_all_cores():
            found = (featurise(problem, examples[at : at + size], tokenizer, labels, max_length, see) for at in starts)
            write(folder, problem, zip(starts, found, strict=True))

    return Tokenised(made_once(workshop.environment.cache / "features" / key, make), problem)


def _uniform(examples: Sequence[Example]) -> bool:
    """Whether all are pairs or none is: where some are, the others are read as pairs with nothing."""
    return len({getattr(example, "pair", None) is None for example in examples}) == 1


@contextmanager
def _on_all_cores() -> Iterator[None]:
    """Let the tokenizer use every core, as no arithmetic may: its results do not hang on that."""
    name = "TOKENIZERS_PARALLELISM"
    before = os.environ.get(name)
    os.environ[name] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
