"""Checks unlabelled texts."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from xstilts.cache.checksums import cached_text
from xstilts.data.corpora import MIN_UNLABELLED, Corpus, is_local, read_texts
from xstilts.errors import DataError
from xstilts.inspection.finding import Finding, row_findings
from xstilts.planning.stage import CorpusRead, Stage
from xstilts.plurals import plural


def check_texts(
    stages: Iterable[Stage], corpora: Mapping[str, Corpus], cache: Path
) -> tuple[list[Finding], tuple[str, ...]]:
    """Errors in the texts that `stages` read, and the corpora on the Hub that are not checked because they are missing.

    `corpora` are by fingerprint. A corpus without errors is read once until its content changes: it may be large.
    """
    findings: list[Finding] = []
    unchecked: list[str] = []
    reads = [read for stage in stages for read in stage.reads() if isinstance(read, CorpusRead)]
    averaged = {read.texts.fingerprint for read in reads if read.role == "calibrate"}
    for fingerprint in dict.fromkeys(read.texts.fingerprint for read in reads):
        corpus = corpora[fingerprint]
        if not is_local(corpus, cache=cache):
            unchecked.append(f"{corpus.location} ({corpus.language})")
            continue
        try:
            count = int(cached_text("texts/count", [fingerprint], cache, lambda corpus=corpus: _count(corpus, cache)))
            if fingerprint in averaged and count < MIN_UNLABELLED:
                raise DataError(
                    f"{corpus.location} has {plural(count, 'different text')}, and `unlabelled` needs {MIN_UNLABELLED}",
                    f"add texts, or remove {corpus.language!r} from `unlabelled.texts`",
                )
        except DataError as error:
            findings += row_findings([error], "invalid-texts", "texts", corpus.language)
    return findings, tuple(unchecked)


def _count(corpus: Corpus, cache: Path) -> str:
    return str(len(read_texts(corpus, cache=cache, offline=True)))
