"""Tatoeba: sentences and their English translations, in 36 languages."""

from xstilts.formats.benchmarks import aligned_files, sorted_translations
from xstilts.formats.tables import Row
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes

LANGUAGES = {
    "af": "afr", "ar": "ara", "bg": "bul", "bn": "ben", "de": "deu", "el": "ell", "es": "spa", "et": "est",
    "eu": "eus", "fa": "pes", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hu": "hun", "id": "ind",
    "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat", "kk": "kaz", "ko": "kor", "ml": "mal", "mr": "mar",
    "nl": "nld", "pt": "por", "ru": "rus", "sw": "swh", "ta": "tam", "te": "tel", "th": "tha", "tl": "tgl",
    "tr": "tur", "ur": "urd", "vi": "vie", "zh": "cmn",
}  # fmt: skip


def _hub(row: Row) -> Row:
    return {"text": row["source_sentence"], "english": row["target_sentence"]}


TASK = Task(
    name="tatoeba",
    problem="retrieval",
    suite=("xtreme",),
    languages=tuple(LANGUAGES),
    benchmark=Benchmark(
        native=(
            Native(
                read=aligned_files(".eng"),
                files={"test": ("tatoeba/tatoeba.{language}-eng.{language}", "tatoeba.{language}-eng.{language}")},
                names=LANGUAGES,
            ),
            Native(read=sorted_translations, files={"test": "tatoeba/{language}-en.{language}"}, has_labels=False),
        ),
        hub=(
            Hub(
                repository="google/xtreme",
                revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
                config="tatoeba.{language}",
                splits={"test": "validation"},
                names=LANGUAGES,
                fields=_hub,
            ),
        ),
        groups=group_by("english"),
    ),
    metrics=("from_english", "to_english", "retrieval_accuracy"),
    licence="CC-BY-2.0-FR",
    citation="Artetxe and Schwenk 2019, Massively Multilingual Sentence Embeddings (arXiv 1812.10464)",
    url="https://aclanthology.org/Q19-1038",
    weaknesses=(
        "as in XTREME, each English sentence retrieves its translation; the other direction is also reported",
        "no development set: the layer is selected on other text, or on the other languages",
        "scores depend strongly on layer and pooling: compare differences within one implementation",
    ),
    sizes=published_sizes("tatoeba"),
)
