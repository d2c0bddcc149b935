"""Parts of speech in 20 African languages, with English training data from Universal Dependencies."""

from dataclasses import replace

from xstilts.formats.conll import conll_columns
from xstilts.formats.tables import Row
from xstilts.tasks import udpos
from xstilts.tasks.benchmark import Benchmark, Native, group_by
from xstilts.tasks.task import Task

LANGUAGES = {
    "bm": "bam", "bbj": "bbj", "ee": "ewe", "fon": "fon", "ha": "hau", "ig": "ibo", "rw": "kin", "lg": "lug",
    "luo": "luo", "mos": "mos", "ny": "nya", "pcm": "pcm", "sn": "sna", "sw": "swa", "tn": "tsn", "tw": "twi",
    "wo": "wol", "xh": "xho", "yo": "yor", "zu": "zul",
}  # fmt: skip


def _fields(row: Row) -> Row:
    return {"words": row["words"], "tags": row["tags"]}


TASK = Task(
    name="masakhapos",
    problem="tagging",
    suite=("lowres",),
    languages=("en", *LANGUAGES),
    benchmark=Benchmark(
        native=(
            Native(
                read=conll_columns,
                files={split: f"masakhapos/{{language}}/{split}.txt" for split in ("train", "dev", "test")},
                names=LANGUAGES,
                fields=_fields,
            ),
            *(replace(native, files={}, english=native.files) for native in udpos.NATIVES),
        ),
        hub=(replace(udpos.HUB, languages=("en",)),),
        groups=group_by("words"),
    ),
    metrics=("token_accuracy", "span_f1"),
    licence="CC-BY-NC-4.0; the English treebanks CC-BY-SA-4.0",
    citation="Dione et al. 2023, MasakhaPOS: Part-of-Speech Tagging for Typologically Diverse African Languages",
    url="https://aclanthology.org/2023.acl-long.609",
    weaknesses=(
        "MasakhaPOS has no English; the English sentences are those of `udpos`",
        "no Hub copy is read: the authors' repository there holds a script; put the files of "
        "https://github.com/masakhane-io/masakhane-pos below the data root",
    ),
    sizes={
        "en": udpos.TASK.sizes["en"],
        **{
            language: dict(zip(("train", "dev", "test"), counts, strict=True))
            for language, counts in {
                "bm": (775, 154, 619),
                "bbj": (750, 149, 599),
                "ee": (728, 145, 582),
                "fon": (810, 161, 646),
                "ha": (753, 150, 601),
                "ig": (803, 160, 642),
                "rw": (757, 151, 604),
                "lg": (733, 146, 586),
                "luo": (758, 151, 606),
                "mos": (757, 151, 604),
                "ny": (728, 145, 582),
                "pcm": (752, 150, 600),
                "sn": (747, 149, 596),
                "sw": (693, 138, 553),
                "tn": (754, 150, 602),
                "tw": (785, 157, 628),
                "wo": (782, 156, 625),
                "xh": (752, 150, 601),
                "yo": (893, 178, 713),
                "zu": (753, 150, 601),
            }.items()
        },
    },
)
