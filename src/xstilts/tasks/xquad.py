"""XQuAD: SQuAD questions over passages that professionals translated, in 11 languages."""

from xstilts.formats.squad import squad_questions
from xstilts.tasks import _squad
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes

TASK = Task(
    name="xquad",
    problem="span",
    suite=("xtreme",),
    languages=("en", "ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"),
    benchmark=Benchmark(
        native=(
            Native(
                read=squad_questions,
                files={"test": "xquad/xquad.{language}.json"},
                english=_squad.FILES,
                fields=_squad.answered,
            ),
        ),
        labels_from="https://github.com/google-deepmind/xquad",
        hub=(
            Hub(
                repository="google/xquad",
                revision="51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
                config="xquad.{language}",
                splits={"test": "validation"},
                fields=_squad.hub_fields,
            ),
            _squad.HUB,
        ),
        groups=group_by("title"),
        pivot="id",
    ),
    metrics=("em_f1", "f1", "exact_match"),
    code_version=2,
    licence="CC-BY-SA-4.0",
    citation="Artetxe et al. 2020, On the Cross-lingual Transferability of Monolingual Representations",
    url="https://aclanthology.org/2020.acl-main.421",
    weaknesses=(
        "48 articles, parallel in all languages; the article is the group",
        "its passages come from SQuAD's dev set, on which XTREME selects checkpoints",
        "rows on the Hub do not name the article, so their passage is the group",
    ),
    sizes=published_sizes("xquad"),
)
