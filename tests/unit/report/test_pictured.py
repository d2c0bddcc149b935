"""The page of a recipe whose targets show pictures."""

import re
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from tests.unit.report.fixture import Experiment
from tests.unit.report.page import Page
from tests.unit.report.pictured import EVIL, ITEMS, LANGUAGES, make_pictured

from xstilts.analysis import stats
from xstilts.analysis.names import points
from xstilts.analysis.results import ArmName, arm_items, load_items
from xstilts.data.images import ImageLocations
from xstilts.errors import SourceError
from xstilts.metrics import metric
from xstilts.report import Summary, build
from xstilts.store.facts import UnusableImages

HEADLINE = LANGUAGES[1:]


def _report(experiment: Experiment, out: Path, places: ImageLocations | None) -> tuple[Summary, Page]:
    summary = build(
        experiment.recipe,
        experiment.graph,
        experiment.store,
        out,
        resamples=60,
        tasks=experiment.tasks,
        text="name: x",
        places=places,
    )
    return summary, Page(out.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return make_pictured(tmp_path_factory.mktemp("pictured"))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageLocations:
    return ImageLocations(cache=tmp_path_factory.mktemp("cache"), offline=True)


@pytest.fixture(scope="module")
def page(experiment: Experiment, places: ImageLocations, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return _report(experiment, tmp_path_factory.mktemp("out") / "report.html", places)[1]


def _table(page: Page, *heads: str) -> list[list[str]]:
    """The rows below the first header that has all these cells."""
    start = next(n for n, row in enumerate(page.rows) if set(heads) <= set(row))
    width = len(page.rows[start])
    end = next((n for n, row in enumerate(page.rows[start + 1 :], start + 1) if len(row) != width), len(page.rows))
    return page.rows[start:end]


def test_every_picture_is_in_the_page_and_few_are_different(page: Page) -> None:
    sources = page.values("src")
    assert page.tags["img"] == len(sources) > 20
    assert all(re.match(r"data:image/(png|jpeg);base64,", source) for source in sources)
    assert len(set(sources)) <= 60
    assert "img-src data:;" in page.html and not re.search(r"url\(|@import", page.html)


def test_items_stand_in_their_language_with_what_arms_answered(page: Page) -> None:
    said = re.findall(r'<p class="text" lang="(\w+)" dir="auto">([^<]*)</p>', page.html)
    assert {language for language, _ in said} == set(HEADLINE)
    assert all(len([1 for own, _ in said if own == language]) == 2 * 4 for language in HEADLINE)
    assert EVIL not in page.html and "&lt;b&gt;bold&lt;/b&gt;" in page.html
    assert {"wrong, then right", "right in both"} <= set(re.findall(r'class="kind">([^<]*)<', page.html))
    assert re.search(r"rank\s\d+", page.html) and "right answer: <b>true</b>" in page.html
    assert "20 candidate images" in page.text and "Licence: CC BY-SA 4.0" in page.text


def test_the_mark_agrees_with_the_share_of_right_runs(page: Page) -> None:
    found = re.findall(r'class="(right|wrong)">.</span>&nbsp;([\w\s]+) <small[^>]*>(\d+)/(\d+)<', page.html)
    assert len(found) >= 4 * len(HEADLINE) * 4
    assert all((mark == "right") == (2 * int(right) >= int(runs)) for mark, _, right, runs in found)
    assert {int(runs) for *_, runs in found} == {2, 4}


def test_without_data_the_page_says_so_and_goes_on(experiment: Experiment, tmp_path: Path) -> None:
    def unread(paths: object, language: str) -> object:
        raise SourceError("the wheel is not in the cache", "fetch it")

    tasks = {name: replace(task, read=unread) for name, task in experiment.tasks.items()}  # type: ignore[arg-type]
    gone = replace(experiment, tasks=tasks)
    _, page = _report(gone, tmp_path / "report.html", ImageLocations(cache=tmp_path / "cache", offline=True))
    assert "img" not in page.tags
    assert "German, Arabic, Finnish: the wheel is not in the cache." in page.text
    _, page = _report(experiment, tmp_path / "report.html", None)
    assert "img" not in page.tags and "All languages: the location of the data is unknown." in page.text


def test_a_picture_that_cannot_be_read_has_its_place(experiment: Experiment, tmp_path: Path) -> None:
    def lost(paths: object, language: str) -> object:
        whole = experiment.tasks["toy-verify"].read({}, language)
        return {"test": [replace(one, images=("file:/nowhere.png",)) for one in whole["test"]]}  # type: ignore[call-arg]

    tasks = {**experiment.tasks, "toy-verify": replace(experiment.tasks["toy-verify"], read=lost)}  # type: ignore[arg-type]
    _, page = _report(
        replace(experiment, tasks=tasks),
        tmp_path / "report.html",
        ImageLocations(cache=tmp_path / "cache", offline=True),
    )
    assert page.html.count('class="missing-image"') == 4 * len(HEADLINE)


def test_every_intermediate_arm_and_every_k_has_its_two_by_two(experiment: Experiment, page: Page) -> None:
    rows = _table(page, "intermediate, shots", "neither", "MDE")[1:]
    assert [row[0] for row in rows] == ["toy-read, 2-shot", "toy-read, 4-shot"]
    assert rows[1][6] == "primary"
    arms = [
        arm_items(experiment.graph.cells, experiment.store, "toy-verify", ArmName(intermediate=i, method=m, shots=k))
        for i in ("none", "toy-read")
        for m, k in (("zero-shot", 0), ("full", 2))
    ]
    found = stats.contrast(list(zip((1, -1, -1, 1), arms, strict=True)), "accuracy", languages=HEADLINE, resamples=60)
    assert rows[0][7].split()[0] == f"{100 * found.value:+.1f}".replace("-", "−").replace("+0.0", "0.0")
    assert rows[0][9] == points(found.minimum_detectable_effect)
    means = [float(cell.split()[0]) for cell in rows[0][1:5]]
    assert means[3] - means[2] - means[1] + means[0] == pytest.approx(100 * found.value, abs=0.25)


def test_interactions_of_single_languages_are_corrected_among_themselves(experiment: Experiment, page: Page) -> None:
    start = next(n for n, row in enumerate(page.rows) if row[:2] == ["language", "neither"])
    rows = page.rows[start + 1 : start + 1 + len(HEADLINE)]
    assert [row[0] for row in rows] == ["German de", "Arabic ar", "Finnish fi"]
    assert page.text.count("interactions in single languages,") == 2
    assert "Of 6 interactions in single languages" in page.text
    assert all(re.fullmatch(r"0\.\d{3}|1\.000|< 0\.001", row[6]) for row in rows)


def test_scores_stand_beside_what_is_reached_with_less(experiment: Experiment, page: Page) -> None:
    rows = {row[0]: row for row in _table(page, "arm", "images shuffled", "label prior")}
    blind = next(row for row in page.rows if row[0] == "mean" and len(row) == 1 + 4 * 3)
    assert rows["none → zero-shot"][3] == rows["toy-read → zero-shot"][3] == blind[7]
    assert rows["none → 4-shot"][4] == "50.0"
    assert "blind → zero-shot" not in rows and "shuffled → zero-shot" in rows
    recorded = [
        experiment.store.manifest(cell.artifact).facts.controls.shuffled_images  # type: ignore[union-attr]
        for cell in experiment.graph.cells
        if cell.task == "toy-verify" and cell.language in HEADLINE and ArmName.of(cell) == ArmName(intermediate="none")
    ]
    assert rows["none → zero-shot"][2] == points(fmean(recorded))


def test_retrieval_stands_beside_chance_and_without_marked_items(experiment: Experiment, page: Page) -> None:
    rows = {row[0]: row for row in _table(page, "arm", "images shuffled", "chance")}
    assert rows["none → zero-shot"][3] == "5.0"
    measure, frames = metric("recall_at_1"), load_items(experiment.graph.cells, experiment.store)
    kept = [
        measure.score(frame.filter(~frame["item"].str.ends_with("#same")))
        for cell in experiment.graph.cells
        if cell.task == "toy-find" and cell.language in HEADLINE and ArmName.of(cell) == ArmName(intermediate="none")
        for frame in [frames[cell.artifact]]
    ]
    assert rows["none → zero-shot"][4] == points(fmean(kept))
    languages = {row[0]: row for row in _table(page, "captions", "distinct images")}
    assert languages["German de"][1:] == [str(ITEMS), "20", "5.0", "10", "0"]
    assert languages["English en"][4] == "0"
    assert {"recall@1 both directions", "recall@1 text → image", "recall@1 image → text"} <= set(
        _table(page, "recall@1 both directions")[0]
    )


def test_texts_of_the_shots_are_told_apart_from_others(page: Page) -> None:
    rows = {row[0]: row for row in _table(page, "arm", "texts in the shots", "other texts")}
    seen, unseen = rows["none → 4-shot"][2:4]
    assert seen.endswith(" 10") and unseen.endswith(f" {ITEMS - 10}")
    assert rows["none → 4-shot"][4:] == ["12 of 12", "12 of 12", "40"]


def test_images_that_could_not_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.unit.report import fixture

    broken = {f"toy:{number}": "it is damaged" for number in range(5)}
    monkeypatch.setattr(fixture, "UNUSABLE", UnusableImages(images=broken, items=5))
    _, page = _report(make_pictured(tmp_path), tmp_path / "report.html", None)
    assert "5 images: toy:0 (it is damaged); toy:1 (it is damaged); toy:2 (it is damaged); and 2 more." in page.text
    assert {row[0]: row for row in _table(page, "items", "unreadable images")}["German de"][2] == "5"
