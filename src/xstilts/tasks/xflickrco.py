"""xFlickr&CO: which of 2,000 captions fits an image, and which image a caption, in eight languages."""

from xstilts.formats.image_annotations import captions, first_captions
from xstilts.tasks import _iglue as iglue
from xstilts.tasks._captions import FAMILY, caption
from xstilts.tasks.benchmark import Benchmark, Native
from xstilts.tasks.task import Task, published_sizes

LANGUAGES = ("en", "de", "es", "id", "ja", "ru", "tr", "zh")
SHOT_SIZES = ("1", "5", "10", "25", "50", "100")
"""Images of Flickr30k's training set, one caption each."""
LONG_SHOT_SIZES = (*SHOT_SIZES, "100x5", "200", "200x5", "500", "1000", "1500")
"""As in German and Japanese; `x5` are images with five captions."""
BLANK = ("de", "id")
"""Languages in which one of the 2,000 captions is empty."""
_SHOTS = "xFlickrCO/annotations/{language}/train_{k}.jsonl"

TASK = Task(
    name="xflickrco",
    problem="image-retrieval",
    suite=("iglue",),
    languages=LANGUAGES,
    benchmark=Benchmark(
        native=(
            Native(
                read=captions,
                files={
                    "train": iglue.largest_first(_SHOTS, [k for k in LONG_SHOT_SIZES if "x" not in k]),
                    "test": "xFlickrCO/annotations/{language}/test.jsonl",
                    "test-mt": "xFlickrCO/annotations_machine-translate/{language}/test_gmt.jsonl",
                    **iglue.fixed_shot_files(_SHOTS, LONG_SHOT_SIZES),
                },
                english={
                    "train": "flickr30k/annotations/train_ann.jsonl",
                    "dev": "flickr30k/annotations/valid_ann.jsonl",
                },
                fields=caption,
            ),
            Native(
                read=first_captions,
                files={"dev-mt": "flickr30k/annotations_machine-translate/valid-{language}_gmt.jsonl"},
                fields=caption,
            ),
        ),
        hub=(),
        groups=iglue.group_by_unit,
    ),
    images=("flickr30k", "coco"),
    fixed_shot_sizes={name: LONG_SHOT_SIZES if name in ("de", "ja") else SHOT_SIZES for name in LANGUAGES[1:]},
    retrieval_pool_size={name: 1999 if name in BLANK else 2000 for name in LANGUAGES},
    split_family=FAMILY,
    licence="not stated upstream; images and English captions are Flickr30k's and COCO's, under terms of their own",
    citation=iglue.CITATION,
    url=iglue.URL,
    weaknesses=(
        "every caption is scored against all 2,000 images and every image against all captions; half are from "
        "Flickr30k, half from COCO",
        "one caption each in de and id is empty and dropped with its image; IGLUE keeps both",
        "captions were written, not translated, for the same images in every language; an image is one group",
        "English train and dev are Flickr30k's; the training set of another language is its largest published few-shot "
        "file with one caption per image, 100 images (de and ja: 1,500); draws are sampled from it",
        "`dev-mt`, Flickr30k's dev set machine-translated, has only the first caption of each image; `test-mt` is the "
        "test set machine-translated into English",
    ),
    sizes=published_sizes("xflickrco"),
)
