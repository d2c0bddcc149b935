"""Random gold values and predictions, the same for every version of Python: what official evaluations were run on."""

import random
from collections.abc import Sequence

UPOS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM"),
    *("PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
)
BIO = (*(f"{begin}-{kind}" for begin in "BI" for kind in ("LOC", "ORG", "PER")), "O", "O", "O")
TEXTS = {
    "ar": "البيت بيت الكبير، والسلام والسلام؟ كتاب ال 12 القاهرة! مصر؛ النيل",
    "de": "Der Hund, die „Katze“ ein HAUS einer der-Straße in 1.5 §12 Köln. – des",
    "en": "the Cat, a dog's an (House) the in «1990» don't – THE the-end U.S.",
    "es": "¿El gato? la casa, un perro ¡unos los días! de Las niñas un-día 3,5 el",
    "hi": "यह बिल्ली, घर। एक बड़ा घर॥ दिल्ली! 1947 में “ताज” the महल में।",
    "vi": "Của con mèo, là cái nhà những chiếc xe! Hà-Nội là “thủ” đô 1945 của",
    "zh": "北京、上海 ，iPhone6 “中国” 大学。 2008年 the U.S. 长江 · ！",
}


def draw(rng: random.Random, values: Sequence) -> str:
    return values[int(rng.random() * len(values))]


def tagged(seed: int, tags: Sequence[str], sentences: int = 60) -> tuple[list[list[str]], list[list[str]]]:
    rng = random.Random(seed)
    gold = [[draw(rng, tags) for _ in range(1 + int(rng.random() * 12))] for _ in range(sentences)]
    return gold, [[tag if rng.random() < 0.7 else draw(rng, tags) for tag in line] for line in gold]


def answered(seed: int, language: str, questions: int = 80) -> tuple[list[list[str]], list[str]]:
    """Acceptable answers and a prediction for each question; some predictions repeat an answer in other letters."""
    rng = random.Random(seed)
    words = TEXTS[language].split()

    def answer() -> str:
        return draw(rng, [" ", " ", ""]).join(draw(rng, words) for _ in range(1 + int(rng.random() * 4)))

    gold = [[answer() for _ in range(1 + int(rng.random() * 3))] for _ in range(questions)]
    guesses = [f"{answers[-1].upper()} ." if rng.random() < 0.3 else answer() for answers in gold]
    return gold, guesses


def labelled(seed: int, classes: int, items: int = 90) -> tuple[list[str], list[str]]:
    rng = random.Random(seed)
    gold = [str(int(rng.random() * classes)) for _ in range(items)]
    return gold, [label if rng.random() < 0.5 else str(int(rng.random() * classes)) for label in gold]


def paired(seed: int, sentences: int = 70) -> tuple[dict[str, str], dict[str, str]]:
    """The English translation of a foreign sentence, gold and predicted, each of some of the sentences."""
    rng = random.Random(seed)
    names = [f"xx-{number:09d}" for number in range(sentences)]
    gold = {name: f"en-{number:09d}" for number, name in enumerate(names) if rng.random() < 0.6}
    guesses = {name: draw(rng, [gold.get(name, "en-none"), "en-other"]) for name in names if rng.random() < 0.7}
    return gold, guesses


Side = dict[str, tuple[str, list[float]]]
"""The text and the vector of each sentence by its id."""


def collections(seed: int, size: int = 70, hidden: int = 6) -> tuple[Side, Side, dict[str, str]]:
    """Two collections and their gold pairs. Some texts come twice; the vectors of translations are near each other."""
    rng = random.Random(seed)

    def vector(near: list[float] | None = None) -> list[float]:
        noise = [rng.random() - 0.5 for _ in range(hidden)]
        return noise if near is None else [a + 0.6 * b for a, b in zip(near, noise, strict=True)]

    foreign: Side = {f"xx-{i}": (f"satz {i % (size - 5)}", vector()) for i in range(size)}
    names = list(foreign)
    foreign |= {name: (text, foreign[f"xx-{text.split()[1]}"][1]) for name, (text, _) in foreign.items()}
    gold = {name: f"en-{i}" for i, name in enumerate(names) if rng.random() < 0.6}
    english: Side = {f"en-{i}": (f"sentence {i}", vector()) for i in range(size + 20)}
    english |= {other: (english[other][0], vector(foreign[name][1])) for name, other in gold.items()}
    english["en-3"] = "sentence 4", english["en-4"][1]
    return foreign, english, gold


def scored_pairs(seed: int, captions: int = 60, images: int = 40) -> tuple[list[list[float]], list[int]]:
    """A matrix of scores [captions, images] and the image of each caption; every image has one, some have several."""
    rng = random.Random(seed)
    own = [*range(images), *(int(rng.random() * images) for _ in range(captions - images))]
    own.sort(key=lambda _: rng.random())
    return [[rng.random() + (column == image) * 0.4 for column in range(images)] for image in own], own


ANSWERS = ("yes", "no", "left", "dog", "blue")


def logits(seed: int, classes: int, items: int = 90) -> tuple[list[list[float]], list[int | None]]:
    """Scores of classes, and the right class of each item; None for the one item in ten that has none."""
    rng = random.Random(seed)
    gold = [None if rng.random() < 0.1 else int(rng.random() * classes) for _ in range(items)]
    return [[rng.random() + (index == right) * 0.4 for index in range(classes)] for right in gold], gold
