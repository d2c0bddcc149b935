"""Remarks on scored images and texts that training may have used."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tests.facts import ENCODER, SCORES, TEXTS

from xstilts.planning.stage import Cell
from xstilts.report.leakage import leak_remarks
from xstilts.store.facts import EvaluateFacts, LeakFacts


def cell(artifact: str, language: str) -> Cell:
    return Cell(
        artifact=artifact,
        encoder="e",
        task="xflickrco",
        language=language,
        split="test",
        intermediate="snli-ve",
        method="zero-shot",
        shots=0,
        draw=None,
        seed=0,
    )


def scored(leaks: LeakFacts) -> Any:
    return SimpleNamespace(
        facts=EvaluateFacts(encoder=ENCODER, scores=SCORES, texts=TEXTS, step_kept=None, leaks=leaks)
    )


def test_remarks_on_unchecked_texts_unchecked_images_and_shared_images() -> None:
    unchecked = ["gqa", "images of gqa (gqa) against xflickrco (coco)", "masked texts"]
    leaks = {
        "a": LeakFacts(unchecked=tuple(unchecked), images_shared={"snli-ve": 900, "nlvr2": 0}),
        "b": LeakFacts(unchecked=(), images_shared={"snli-ve": 1000}),
    }
    manifests = {key: scored(facts) for key, facts in leaks.items()} | {"c": None}
    texts, masked, images, shared = leak_remarks([cell("a", "de"), cell("b", "ja"), cell("c", "tr")], manifests)
    assert "gqa:" in texts and "images of" not in texts
    assert "masked-language modelling" in masked
    assert images.endswith(": images of gqa (gqa) against xflickrco (coco).")
    assert all(word in shared for word in ("snli-ve", "1,000", "xflickrco"))


def test_scored_images_in_a_fixed_few_shot_set_give_one_remark_per_set() -> None:
    cells = [replace(cell(name, "zh"), task="marvl", method="fixed-shots", shots=10) for name in "ab"]
    leaks = LeakFacts(unchecked=(), images_shared={}, images_of_shots_scored=5)
    manifests = {"a": scored(leaks), "b": scored(leaks)}
    (remark,) = leak_remarks(cells, manifests)
    assert remark.startswith("5 of the images that marvl is scored on in zh") and "10-shot" in remark


def test_no_leaks_give_no_remarks() -> None:
    assert leak_remarks([cell("a", "de")], {"a": None}) == ()
