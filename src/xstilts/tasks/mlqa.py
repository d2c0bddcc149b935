"""MLQA: questions over passages of Wikipedia that were written in each of seven languages."""

from xstilts.formats.squad import squad_questions
from xstilts.tasks import _squad
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes

_SPLITS = ("dev", "test")


def _files(split: str) -> tuple[str, ...]:
    name = f"{split}-context-{{language}}-question-{{language}}.json"
    return f"mlqa/{name}", f"mlqa/MLQA_V1/{split}/{name}", f"MLQA_V1/{split}/{name}"


TASK = Task(
    name="mlqa",
    problem="span",
    suite=("xtreme",),
    languages=("en", "ar", "de", "es", "hi", "vi", "zh"),
    benchmark=Benchmark(
        native=(
            Native(
                read=squad_questions,
                files={split: _files(split) for split in _SPLITS},
                english={"train": _squad.FILES["train"]},
                fields=_squad.answered,
            ),
        ),
        labels_from="https://dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip",
        hub=(
            Hub(
                repository="google/xtreme",
                revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
                config="MLQA.{language}.{language}",
                splits={"dev": "validation", "test": "test"},
                fields=_squad.hub_fields,
            ),
            _squad.HUB,
        ),
        groups=group_by("title"),
        pivot="id",
    ),
    metrics=("em_f1", "f1", "exact_match"),
    code_version=2,
    normaliser="mlqa",
    licence="CC-BY-SA-3.0",
    citation="Lewis et al. 2020, MLQA: Evaluating Cross-lingual Extractive Question Answering",
    url="https://aclanthology.org/2020.acl-main.653",
    weaknesses=(
        "a question has the same id in all languages; its English article is the group",
        "no training data of its own; SQuAD's English training data are used",
    ),
    sizes=published_sizes("mlqa"),
)
