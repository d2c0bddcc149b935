"""Features of a stage's training data. Large training sets are tokenised once and shared through the cache."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from xstilts.cache.build_once import build_once
from xstilts.data.features import encode
from xstilts.data.tokenised import TokenisedFeatures, write_features
from xstilts.planning.stage import Data, canonical_digest
from xstilts.platform.progress import report
from xstilts.problems import Example
from xstilts.problems.features import Feature
from xstilts.stages.artifacts import base_encoder
from xstilts.stages.job_context import JobContext

CACHED_FROM = 10_000
"""The smallest number of examples whose features are cached, and the number that is tokenised at once."""
_CODE_VERSION = 2
"""Increased when the same examples give other features, or the file's format changes."""
_FILE = "features.arrow"


def load_features(
    context: JobContext,
    parent: str,
    data: Sequence[Data],
    split: str,
    tokenizer: PreTrainedTokenizerBase,
    labels: Sequence[str] | None,
    max_length: int,
    modality: str | None = None,
) -> Sequence[Feature]:
    """The features of all examples in `data`. `parent` is the artifact whose encoder's tokenizer they are made for.

    The cache holds them in `features`, identified by everything they depend on. Raises DataError as `encode` does.
    """
    problem = context.task(data[0].task).problem
    examples = [example for block in data for example in context.examples(block, split)]

    def tokenise(start: int = 0, size: int = len(examples)) -> list[Feature]:
        report("tokenising", start, len(examples))
        return encode(problem, examples[start : start + size], tokenizer, labels, max_length, modality)

    if len(examples) < CACHED_FROM or examples[0].shown_images:
        return tokenise()
    encoder = base_encoder(context.store, parent)
    versions = [metadata.version(package) for package in ("tokenizers", "transformers")]
    inputs = [_CODE_VERSION, versions, problem, _content(examples), encoder, labels, max_length, modality]
    folder = context.environment.cache / "features" / canonical_digest(inputs)

    def build(folder: Path) -> None:
        size = CACHED_FROM if _uniform(examples) else len(examples)
        starts = range(0, len(examples), size)
        with _parallel_tokenizer():
            write_features(folder / _FILE, ((start, tokenise(start, size)) for start in starts))

    try:
        return TokenisedFeatures(build_once(folder, build) / _FILE, problem)
    except OSError:  # the cache cannot be written to
        return tokenise()


def _content(examples: Sequence[Example]) -> str:
    """A digest of the examples: the files may have changed since the run was planned."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr(example).encode())
    return digest.hexdigest()


def _uniform(examples: Sequence[Example]) -> bool:
    """Whether all examples are pairs or none is. In a mixed set, single texts are encoded as pairs with an empty text,
    so all of it must be tokenised at once."""
    return len({example.is_pair for example in examples}) == 1


@contextmanager
def _parallel_tokenizer() -> Iterator[None]:
    """Let the tokenizer use all cores: unlike arithmetic, its results do not depend on the number of threads."""
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
