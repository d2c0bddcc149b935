"""The layout of NusaX sentiment, which AfriSenti's English is also read from."""

from xstilts.formats.benchmarks import quoted_csv
from xstilts.formats.tables import Row
from xstilts.tasks.benchmark import Hub, Native

LANGUAGES = {
    "en": ("english", "eng"), "ace": ("acehnese", "ace"), "ban": ("balinese", "ban"), "bbc": ("toba_batak", "bbc"),
    "bjn": ("banjarese", "bjn"), "bug": ("buginese", "bug"), "id": ("indonesian", "ind"), "jv": ("javanese", "jav"),
    "mad": ("madurese", "mad"), "min": ("minangkabau", "min"), "nij": ("ngaju", "nij"), "su": ("sundanese", "sun"),
}  # fmt: skip
"""The names of languages in the repository's folders and on the Hub."""
_FILES = {"train": "train", "dev": "valid", "test": "test"}
LABELS = ("negative", "neutral", "positive")
"""In the order of the Hub's label ids."""


def hub_fields(row: Row) -> Row:
    return {"text": row["text"], "label": LABELS[row["label"]]}


NATIVE = Native(
    read=quoted_csv,
    files={split: f"nusax/{{language}}/{name}.csv" for split, name in _FILES.items()},
    names={language: folder for language, (folder, _) in LANGUAGES.items()},
    fields=lambda row: {"text": row["text"], "label": row["label"]},
)
ENGLISH = Native(
    read=quoted_csv,
    english={split: f"nusax/english/{name}.csv" for split, name in _FILES.items()},
    fields=NATIVE.fields,
)
HUB = Hub(
    repository="mteb/NusaX-senti",
    revision="7b2ff4facde8a6473f667a38edef1d03ce9ca0dc",
    config="{language}",
    splits={"train": "train", "dev": "validation", "test": "test"},
    names={language: name for language, (_, name) in LANGUAGES.items()},
    fields=hub_fields,
)
