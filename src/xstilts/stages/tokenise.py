"""Features of a stage's training data. Those of many examples are made once, for every stage that trains on them."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from xstilts.cache.build_once import made_once
from xstilts.data.features import Feature, featurise
from xstilts.data.tokenised import Tokenised, whole, write
from xstilts.planning.stage import Data, digest
from xstilts.problems.examples import Example, images_of
from xstilts.stages.artifacts import facts_of, identity
from xstilts.stages.job_context import Workshop

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

    def made(start: int = 0, size: int = len(examples)) -> list[Feature]:
        return featurise(problem, examples[start : start + size], tokenizer, labels, max_length, see)

    if len(examples) < MANY or images_of(examples[0]):
        return made()
    encoder = identity(facts_of(workshop.store, parent))
    versions = [metadata.version(package) for package in ("tokenizers", "transformers")]
    name = digest([_EPOCH, versions, problem, _content(examples), encoder, labels, max_length, see])
    folder = workshop.environment.cache / "features" / name

    def fill(folder: Path) -> None:
        size = MANY if _uniform(examples) else len(examples)
        starts = range(0, len(examples), size)
        with _on_all_cores():
            write(folder, problem, ((start, made(start, size)) for start in starts))

    try:
        if folder.is_dir() and not whole(folder):
            shutil.rmtree(folder)
        return Tokenised(made_once(folder, fill), problem)
    except OSError:  # the cache cannot be written to
        return made()


def _content(examples: Sequence[Example]) -> str:
    """What the examples are: files may be others than when the run was planned."""
    found = hashlib.sha256()
    for example in examples:
        found.update(repr(example).encode())
    return found.hexdigest()


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
