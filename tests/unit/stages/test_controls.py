import polars as pl

from xstilts.problems import ImageText, Labelled
from xstilts.problems.features import Feature
from xstilts.stages.controls import _shuffled, most_frequent_label, scores_by_seen_text
from xstilts.store.facts import ItemScore, TextsOfShots
from xstilts.tasks import load_task

COMMON = {"group": "g", "language": "en"}


def _items(count: int) -> list[ImageText]:
    return [ImageText(id=str(n), text=f"t{n % 3}", images=(f"c:{n}",), label="true", **COMMON) for n in range(count)]


def test_ties_for_the_most_frequent_label_go_to_the_first():
    labels = ["b", "a", "b", "a", "c"]
    examples = [Labelled(id=str(n), text="t", label=label, **COMMON) for n, label in enumerate(labels)]
    assert most_frequent_label(examples) == "a"
    assert most_frequent_label(examples[:1]) == "b"
    assert most_frequent_label([]) is None


def test_shuffled_images_are_a_derangement():
    items = _items(7)
    features = [Feature(example=n, ids=([1],), images=item.images) for n, item in enumerate(items)]
    shuffled = [feature.images for feature in _shuffled(features, items)]
    assert sorted(shuffled) == sorted(item.images for item in items)
    assert all(image != item.images for image, item in zip(shuffled, items, strict=True))
    assert shuffled == [feature.images for feature in _shuffled(features, items)]


def test_items_with_seen_and_unseen_texts_have_separate_scores():
    task, items = load_task("number-verify"), _items(6)
    frame = pl.DataFrame({"gold": ['"true"'] * 6, "predicted": ['"true"'] * 6, "correct": [1.0, 0, 0, 1, 1, 1]})
    scores = scores_by_seen_text(frame, items, items[:1], task)
    assert scores == TextsOfShots(seen=ItemScore(items=2, score=1.0), unseen=ItemScore(items=4, score=0.5))
    assert scores_by_seen_text(frame, items, items[:1], load_task("xnli")) is None
