"""Part-of-speech tagging: Universal Dependencies 2.5 with XTREME's splits, in 33 languages."""

from xstilts.formats.benchmarks import tagged_sentences
from xstilts.formats.tables import Row
from xstilts.formats.xtreme_pos import xtreme_treebank
from xstilts.tasks.benchmark import LABELS_ON_HUB, Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes

LANGUAGES = {
    "en": "English", "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "de": "German", "el": "Greek",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "kk": "Kazakh", "ko": "Korean", "mr": "Marathi", "nl": "Dutch", "pt": "Portuguese", "ru": "Russian",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "ur": "Urdu", "vi": "Vietnamese",
    "yo": "Yoruba", "zh": "Chinese",
}  # fmt: skip
_TAGS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
    "SYM", "VERB", "X",
)  # fmt: skip
"""In the order of the Hub's label ids."""


def _hub(row: Row) -> Row:
    tags = [tag if isinstance(tag, str) else _TAGS[tag] for tag in row["pos_tags"]]
    return {"words": row["tokens"], "tags": tags}


def _with_words(row: Row) -> Row | None:
    """The row, if its text is published: XTREME drops sentences in which all words, or all but one, are "_"."""
    return None if row["withheld"] else {"words": row["words"], "tags": row["tags"]}


NATIVES = (
    Native(
        read=tagged_sentences,
        files={
            split: (f"udpos/{split}-{{language}}.tsv", f"udpos_xtreme/{split}-{{language}}.tsv")
            for split in ("train", "dev", "test")
        },
    ),
    Native(
        read=xtreme_treebank,
        files={
            split: (f"udpos/{{language}}_*-ud-{split}.conllu", f"**/{{language}}_*-ud-{split}.conllu")
            for split in ("train", "dev", "test")
        },
        fields=_with_words,
    ),
)
HUB = Hub(
    repository="google/xtreme",
    revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
    config="udpos.{language}",
    splits={"train": "train", "dev": "validation", "test": "test"},
    names=LANGUAGES,
    fields=_hub,
)


TASK = Task(
    name="udpos",
    problem="tagging",
    suite=("xtreme",),
    languages=tuple(LANGUAGES),
    benchmark=Benchmark(
        native=NATIVES,
        hub=(HUB,),
        groups=group_by("words"),
        labels_from=LABELS_ON_HUB,
    ),
    licence="as the treebanks: CC-BY-SA-4.0 for most, CC-BY-NC-SA for some",
    citation="Zeman et al. 2019, Universal Dependencies 2.5; as in XTREME (Hu et al. 2020, arXiv 2003.11080)",
    url="https://universaldependencies.org",
    weaknesses=(
        "XTREME's F1 is span F1 over runs of equal tags; token accuracy is also reported",
        "by design, tags are compared as by seqeval 0.0.12, with which XTREME was published; scores by seqeval 1.2.2 "
        "differ, because it drops the first letter of a tag: CCONJ and SCONJ are one type, and a final X is lost",
        "parallel treebanks (PUD) are not recognised: a translated sentence is a separate group",
        "no dev split in kk, th, tl, yo; the test split of tl has 55 sentences, that of mr 47",
    ),
    code_version=2,
    sizes=published_sizes("udpos"),
)
