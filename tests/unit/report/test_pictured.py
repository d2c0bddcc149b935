"""The report of a recipe with image tasks."""

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


def test_images_are_embedded_and_at_most_60_are_different(page: Page) -> None:
    sources = page.values("src")
    assert page.tags["img"] == len(sources) > 20
    assert all(re.match(r"data:image/(png|jpeg);base64,", source) for source in sources)
    assert len(set(sources)) <= 60
    assert "img-src data:;" in page.html and not re.search(r"url\(|@import", page.html)


def test_items_have_their_language_and_the_answers_of_arms(page: Page) -> None:
    texts = re.findall(r'<p class="text" lang="(\w+)" dir="auto">([^<]*)</p>', page.html)
    assert {language for language, _ in texts} == set(HEADLINE)
    assert all(sum(other == language for other, _ in texts) == 2 * 4 for language in HEADLINE)
    assert EVIL not in page.html and "&lt;b&gt;bold&lt;/b&gt;" in page.html
    assert {"wrong, then right", "right in both"} <= set(re.findall(r'class="kind">([^<]*)<', page.html))
    assert re.search(r"rank\s\d+", page.html) and "right answer: <b>true</b>" in page.html
    assert "20 candidate images" in page.text and "Licence: CC BY-SA 4.0" in page.text


def test_an_answer_is_marked_right_if_half_of_the_runs_are(page: Page) -> None:
    answers = re.findall(r'class="(right|wrong)">.</span>&nbsp;([\w\s]+) <small[^>]*>(\d+)/(\d+)<', page.html)
    assert len(answers) >= 4 * len(HEADLINE) * 4
    assert all((mark == "right") == (2 * int(right) >= int(runs)) for mark, _, right, runs in answers)
    assert {int(runs) for *_, runs in answers} == {2, 4}


def test_without_data_the_page_gives_the_reason(experiment: Experiment, tmp_path: Path) -> None:
    def unread(paths: object, language: str) -> object:
        raise SourceError("the wheel is not in the cache", "fetch it")

    tasks = {name: replace(task, read=unread) for name, task in experiment.tasks.items()}  # type: ignore[arg-type]
    unreadable = replace(experiment, tasks=tasks)
    _, page = _report(unreadable, tmp_path / "report.html", ImageLocations(cache=tmp_path / "cache", offline=True))
    assert "img" not in page.tags
    assert "German, Arabic, Finnish: the wheel is not in the cache." in page.text
    _, page = _report(experiment, tmp_path / "report.html", None)
    assert "img" not in page.tags and "All languages: the location of the data is unknown." in page.text


def test_an_unreadable_image_has_a_placeholder(experiment: Experiment, tmp_path: Path) -> None:
    def lost(paths: object, language: str) -> object:
        examples = experiment.tasks["toy-verify"].read({}, language)["test"]
        return {"test": [replace(example, images=("file:/nowhere.png",)) for example in examples]}  # type: ignore[call-arg]

    tasks = {**experiment.tasks, "toy-verify": replace(experiment.tasks["toy-verify"], read=lost)}  # type: ignore[arg-type]
    _, page = _report(
        replace(experiment, tasks=tasks),
        tmp_path / "report.html",
        ImageLocations(cache=tmp_path / "cache", offline=True),
    )
    assert page.html.count('class="missing-image"') == 4 * len(HEADLINE)


def test_the_overview_has_a_row_for_every_intermediate_arm_and_k(experiment: Experiment, page: Page) -> None:
    rows = _table(page, "intermediate, shots", "neither", "MDE")[1:]
    assert [row[0] for row in rows] == ["toy-read, 2-shot", "toy-read, 4-shot"]
    assert rows[1][6] == "primary"
    arms = [
        arm_items(experiment.graph.cells, experiment.store, "toy-verify", ArmName(intermediate=i, method=m, shots=k))
        for i in ("none", "toy-read")
        for m, k in (("zero-shot", 0), ("full", 2))
    ]
    interaction = stats.contrast(
        list(zip((1, -1, -1, 1), arms, strict=True)), "accuracy", languages=HEADLINE, resamples=60
    )
    assert rows[0][7].split()[0] == f"{100 * interaction.value:+.1f}".replace("-", "−").replace("+0.0", "0.0")
    assert rows[0][9] == points(interaction.minimum_detectable_effect)
    means = [float(cell.split()[0]) for cell in rows[0][1:5]]
    assert means[3] - means[2] - means[1] + means[0] == pytest.approx(100 * interaction.value, abs=0.25)


def test_interactions_in_single_languages_are_one_holm_family(experiment: Experiment, page: Page) -> None:
    start = next(n for n, row in enumerate(page.rows) if row[:2] == ["language", "neither"])
    rows = page.rows[start + 1 : start + 1 + len(HEADLINE)]
    assert [row[0] for row in rows] == ["German de", "Arabic ar", "Finnish fi"]
    assert page.text.count("interactions in single languages,") == 2
    assert "Of 6 interactions in single languages" in page.text
    assert all(re.fullmatch(r"0\.\d{3}|1\.000|< 0\.001", row[6]) for row in rows)


def test_scores_are_compared_with_shuffled_images_and_priors(experiment: Experiment, page: Page) -> None:
    rows = {row[0]: row for row in _table(page, "arm", "images shuffled", "label prior")}
    blind = next(row for row in page.rows if row[0] == "mean" and len(row) == 1 + 4 * 3)
    assert rows["none → zero-shot"][3] == rows["toy-read → zero-shot"][3] == blind[7]
    assert rows["none → 4-shot"][4] == "50.0"
    assert "blind → zero-shot" not in rows and "shuffled → zero-shot" in rows
    shuffled = [
        experiment.store.manifest(cell.artifact).facts.controls.shuffled_images  # type: ignore[union-attr]
        for cell in experiment.graph.cells
        if cell.task == "toy-verify" and cell.language in HEADLINE and ArmName.of(cell) == ArmName(intermediate="none")
    ]
    assert rows["none → zero-shot"][2] == points(fmean(shuffled))


def test_retrieval_is_compared_with_chance_and_scored_without_flagged_items(experiment: Experiment, page: Page) -> None:
    rows = {row[0]: row for row in _table(page, "arm", "images shuffled", "chance")}
    assert rows["none → zero-shot"][3] == "5.0"
    recall, frames = metric("recall_at_1"), load_items(experiment.graph.cells, experiment.store)
    scores = [
        recall.score(frame.filter(~frame["item"].str.ends_with("#same")))
        for cell in experiment.graph.cells
        if cell.task == "toy-find" and cell.language in HEADLINE and ArmName.of(cell) == ArmName(intermediate="none")
        for frame in [frames[cell.artifact]]
    ]
    assert rows["none → zero-shot"][4] == points(fmean(scores))
    languages = {row[0]: row for row in _table(page, "captions", "distinct images")}
    assert languages["German de"][1:] == [str(ITEMS), "20", "5.0", "10", "0"]
    assert languages["English en"][4] == "0"
    assert {"recall@1 both directions", "recall@1 text → image", "recall@1 image → text"} <= set(
        _table(page, "recall@1 both directions")[0]
    )


def test_scores_on_texts_of_the_shots_and_on_others(page: Page) -> None:
    rows = {row[0]: row for row in _table(page, "arm", "texts in the shots", "other texts")}
    seen, unseen = rows["none → 4-shot"][2:4]
    assert seen.endswith(" 10") and unseen.endswith(f" {ITEMS - 10}")
    assert rows["none → 4-shot"][4:] == ["12 of 12", "12 of 12", "40"]


def test_unreadable_images_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.unit.report import fixture

    broken = {f"toy:{number}": "it is damaged" for number in range(5)}
    monkeypatch.setattr(fixture, "UNUSABLE", UnusableImages(images=broken, items=5))
    _, page = _report(make_pictured(tmp_path), tmp_path / "report.html", None)
    assert "5 images: toy:0 (it is damaged); toy:1 (it is damaged); toy:2 (it is damaged); and 2 more." in page.text
    assert {row[0]: row for row in _table(page, "items", "unreadable images")}["German de"][2] == "5"
