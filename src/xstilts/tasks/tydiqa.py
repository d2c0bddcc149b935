"""TyDiQA-GoldP: questions that speakers of nine languages asked, with the passage that answers them."""

from xstilts.formats.squad import squad_questions
from xstilts.formats.tables import Row
from xstilts.tasks import _squad
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes

LANGUAGES = {
    "en": "english", "ar": "arabic", "bn": "bengali", "fi": "finnish", "id": "indonesian", "ko": "korean",
    "ru": "russian", "sw": "swahili", "te": "telugu",
}  # fmt: skip


def _without_id(row: Row) -> Row:
    """The row without its id: XTREME truncates the ids of the training data, so that they are not unique."""
    return {name: value for name, value in _squad.answered(row).items() if name != "id"}


def _is_in(row: Row, language: str) -> bool:
    return str(row["id"]).startswith(f"{LANGUAGES[language]}-")


TASK = Task(
    name="tydiqa",
    problem="span",
    suite=("xtreme",),
    languages=tuple(LANGUAGES),
    benchmark=Benchmark(
        native=(
            Native(
                read=squad_questions,
                files={
                    "train": (
                        "tydiqa/tydiqa.goldp.{language}.train.json",
                        "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{language}.train.json",
                        "tydiqa/tydiqa.{language}.train.json",
                    )
                },
                fields=_without_id,
            ),
            Native(
                read=squad_questions,
                files={"test": ("tydiqa/tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-{language}.json",)},
                names=LANGUAGES,
                fields=_squad.answered,
            ),
            Native(
                read=squad_questions,
                files={
                    "test": (
                        "tydiqa/tydiqa.goldp.{language}.dev.json",
                        "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json",
                        "tydiqa/tydiqa.{language}.dev.json",
                    )
                },
                fields=_squad.answered,
            ),
        ),
        labels_from="https://storage.googleapis.com/tydiqa/v1.1/tydiqa-goldp-v1.1-dev.tgz",
        hub=(
            Hub(
                repository="google-research-datasets/tydiqa",
                revision="da78f23f9119363459acbaf46bf89426ff26c259",
                config="secondary_task",
                splits={"train": "train", "test": "validation"},
                fields=_squad.hub_fields,
                keep=_is_in,
            ),
        ),
        groups=group_by("context"),
    ),
    metrics=("em_f1", "f1", "exact_match"),
    code_version=2,
    licence="Apache-2.0",
    citation="Clark et al. 2020, TyDi QA: A Benchmark for Information-Seeking Question Answering",
    url="https://aclanthology.org/2020.tacl-1.30",
    weaknesses=(
        "`test` is the official dev set, as in XTREME; there is no set for checkpoint selection unless a partition "
        "creates one",
        "languages are not translations of each other",
    ),
    sizes=published_sizes("tydiqa"),
)
