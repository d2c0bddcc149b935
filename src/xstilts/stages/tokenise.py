"""Features of a stage's training data. Those of many examples are made once, for every stage that trains on them."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from xstilts.cache.build_once import build_once
from xstilts.data.features import featurise
from xstilts.data.tokenised import Tokenised, whole, write
from xstilts.planning.stage import Data, canonical_digest
from xstilts.problems import Example
from xstilts.problems.features import Feature
from xstilts.stages.artifacts import encoder_of
from xstilts.stages.job_context import JobContext

CACHED_FROM = 10_000
"""Examples from which on features are kept in the cache, and as many of which are made at once."""
_EPOCH = 1
"""Raised when the same examples give other features."""


def features_of(
    context: JobContext,
    parent: str,
    parts: Sequence[Data],
    split: str,
    tokenizer: PreTrainedTokenizerBase,
    labels: Sequence[str] | None,
    max_length: int,
    modality: str | None = None,
) -> Sequence[Feature]:
    """Those of all examples of a task's parts, by the tokenizer of the encoder that the artifact `parent` goes back to.

    In the cache they lie below `features`, named by all that they hang on. Raises DataError as `featurise` does.
    """
    problem = context.task(parts[0].task).problem
    examples = [example for data in parts for example in context.examples(data, split)]

    def made(start: int = 0, size: int = len(examples)) -> list[Feature]:
        return featurise(problem, examples[start : start + size], tokenizer, labels, max_length, modality)

    if len(examples) < CACHED_FROM or examples[0].shown_images:
        return made()
    encoder = encoder_of(context.store, parent)
    versions = [metadata.version(package) for package in ("tokenizers", "transformers")]
    name = canonical_digest([_EPOCH, versions, problem, _content(examples), encoder, labels, max_length, modality])
    folder = context.environment.cache / "features" / name

    def padding_style(folder: Path) -> None:
        size = CACHED_FROM if _uniform(examples) else len(examples)
        starts = range(0, len(examples), size)
        with _on_all_cores():
            write(folder, problem, ((start, made(start, size)) for start in starts))

    try:
        if folder.is_dir() and not whole(folder):
            shutil.rmtree(folder)
        return Tokenised(build_once(folder, padding_style), problem)
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
    return len({example.is_pair for example in examples}) == 1


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
