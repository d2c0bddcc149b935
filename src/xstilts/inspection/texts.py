"""Checks the texts for masked-language modelling."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from xstilts.cache.checksums import cached_text
from xstilts.data.corpora import Corpus, is_local, read_texts
from xstilts.errors import DataError
from xstilts.inspection.finding import Finding, row_findings
from xstilts.planning.stage import CorpusRead, Stage

_READ = "read"


def check_texts(
    stages: Iterable[Stage], corpora: Mapping[str, Corpus], cache: Path
) -> tuple[list[Finding], tuple[str, ...]]:
    """Errors in the texts that `stages` read, and the corpora on the Hub that are not checked because they are missing.

    `corpora` are by fingerprint. A corpus without errors is read once until its content changes: it may be large.
    """
    findings: list[Finding] = []
    unchecked: list[str] = []
    fingerprints = {
        read.texts.fingerprint for stage in stages for read in stage.reads() if isinstance(read, CorpusRead)
    }
    for corpus in (corpus for fingerprint, corpus in corpora.items() if fingerprint in fingerprints):
        if not is_local(corpus, cache=cache):
            unchecked.append(f"{corpus.location} ({corpus.language})")
            continue
        try:
            cached_text("texts", [corpus.fingerprint], cache, lambda corpus=corpus: _read(corpus, cache))
        except DataError as error:
            findings += row_findings([error], "invalid-texts", "texts", corpus.language)
    return findings, tuple(unchecked)


def _read(corpus: Corpus, cache: Path) -> str:
    read_texts(corpus, cache=cache, offline=True)
    return _READ
