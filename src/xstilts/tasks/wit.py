"""WIT in IGLUE: which caption of Wikipedia fits an image, and which image a caption, in eleven languages."""

from xstilts.formats.tables import Row, rows
from xstilts.tasks import _iglue as iglue
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

CANDIDATES = {
    "en": 685, "ar": 792, "bg": 806, "da": 814, "el": 540, "et": 780, "id": 853, "ja": 842, "ko": 889, "tr": 681,
    "vi": 869,
}  # fmt: skip


def caption(row: Row) -> Row | None:
    """A caption with the URL of its image; None for empty captions.

    URLs are compared without regard to http or https.
    """
    text = row["caption_reference_description"]
    if text.strip() in ("", "."):
        return None
    image = f"wit:https://{row['image_url'].partition('://')[2]}"
    return {"text": text, "image": image, "unit": image}


TASK = Task(
    name="wit",
    problem="image-retrieval",
    suite=("iglue",),
    languages=tuple(CANDIDATES),
    benchmark=Benchmark(
        native=(
            Native(
                read=rows,
                files={
                    "test": "wit/annotations/test_{language}.jsonl",
                    "test-mt": "wit/annotations_machine-translate/test_{language}_gmt.jsonl",
                },
                english={"train": "wit/annotations/train_en.jsonl", "dev": "wit/annotations/val_en.jsonl"},
                fields=caption,
            ),
        ),
        hub=(),
        groups=iglue.group_by_unit,
    ),
    images=("wit",),
    retrieval_pool_size=CANDIDATES,
    licence="CC-BY-SA-3.0",
    citation="Srinivasan et al. 2021, WIT: Wikipedia-based Image Text Dataset for Multimodal Multilingual Machine "
    "Learning; splits of Bugliarello et al. 2022 (IGLUE)",
    url="https://arxiv.org/abs/2103.01913",
    weaknesses=(
        "zero-shot only: no few-shot set is published",
        "candidates are the images of a language's own captions, 540 in el to 889 in ko, so scores of different "
        "languages are not comparable",
        "blank captions (one each in el and id) and an Arabic caption that is only a full stop are dropped; each "
        "removes an image that is a candidate in IGLUE",
        "some captions occur twice with the same image (1 to 33 per language, el to et)",
        "images are identified by URL, and many URLs are dead",
        "IGLUE trains on 500,000 captions, English only",
    ),
    sizes=published_sizes("wit"),
)
