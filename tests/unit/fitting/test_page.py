import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from tests.unit.fitting import parts, reports
from tests.unit.report.page import Page

from xstilts.fitting.page import report_page
from xstilts.fitting.report import FitReport


def page_of(report: FitReport) -> Page:
    return Page(report_page(report))


@pytest.fixture(scope="module")
def swahili() -> Page:
    return page_of(reports.swahili())


@pytest.mark.parametrize("make", reports.ALL)
def test_the_page_loads_nothing_and_runs_nothing(make: Callable[[], FitReport]):
    page = page_of(make())
    assert not {"script", "img", "iframe", "link", "object", "base", "form"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("style", "src")]
    assert all(value.startswith("#") for value in page.values("href"))
    assert max(page.ids.values()) == 1
    assert {value.removeprefix("#") for value in page.values("href")} <= set(page.ids)


@pytest.mark.parametrize("make", reports.ALL)
def test_the_policy_allows_only_the_style_of_the_page(make: Callable[[], FitReport]):
    page = page_of(make())
    style = re.search(r"<style>(.*?)</style>", page.html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = dict(part.split(" ", 1) for part in page.values("content")[0].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_texts_of_the_user_are_escaped():
    html = report_page(reports.hostile())
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("</style>") == 1
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") > 20
    assert "{{ 7*7 }}" in html
    assert "w" * 601 not in html
    assert "\x1b" not in html


def test_the_headline_has_the_estimate_and_its_interval(swahili: Page):
    heading = re.search(r"<h1>(.*?)</h1>", swahili.html)
    assert heading is not None
    assert heading[1] == "Expect macro F1 72 (66 to 78) on new Swahili texts like yours"


def test_next_steps_and_the_comparison_come_before_the_contents(swahili: Page):
    top = swahili.html.partition("<nav")[0]
    assert "Label about 40 more Swahili rows of <code>health</code>" in top
    assert re.findall(r'<p class="value">(.*?)</p>', top) == [
        "72 (66 to 78)",
        "70 (61 to 79)",
        "73 (67 to 79)",
        "61 (55 to 68)",
        "17 (15 to 19)",
    ]
    whisker = re.search(r'<line class="whisker" x1="([\d.]+)%" x2="([\d.]+)%"', top)
    assert whisker is not None
    assert whisker.groups() == ("66.0", "78.0")


def test_every_number_of_the_report_is_on_the_page(swahili: Page):
    assert swahili.row("all rows") == ["all rows", "900", "140", "60", "4,210"]
    assert swahili.row("health") == ["health", "300", "21", "12", ""]
    assert ["politics", "sport", "10 of 64"] in swahili.rows
    assert ["politics", "4", "50", "10"] in swahili.rows
    assert swahili.row("both (selected)")[1:] == ["73.4 67.6 to 79.2", "+12.2 +4.8 to +19.0", "87.9", "3.9\u00a0s"]
    assert swahili.row("both+adapt")[2] == "\u22120.5 \u22124.0 to +3.1"
    assert ["62%", "81%", "91%"] in swahili.rows
    assert ["280", "76.0 69.0 to 82.0", "forecast"] in swahili.rows
    assert swahili.row("Bunge lapitisha")[1:4] == ["sport 6%", "politics 91%", "politics, politics"]
    report = reports.swahili()
    for text in ("3.1 points (95% interval 1.8 to 7.4)", "63.5 and 80.5", "560 labelled rows", report.command):
        assert text in swahili.text
    for text in (report.long_texts, report.made, "Waziri alijiuzulu baada ya kura", "similarity 93", "swahili.csv:41"):
        assert text in swahili.text


def test_weakest_classes_come_first(swahili: Page):
    section = swahili.html.partition('id="classes"')[2].partition("</section>")[0]
    assert re.findall(r'class="name" dir="auto">(\w+)', section) == ["health", "politics", "sport"]
    assert "21 rows, 300 English; precision 62.3, recall 54.3" in section


def test_the_plots_have_a_mark_for_every_bin_and_forecast(swahili: Page):
    report = reports.swahili()
    assert report.calibration is not None
    assert len(re.findall(r"<title>\d+ rows of probability", swahili.html)) == len(report.calibration.bins)
    assert len(re.findall(r"<title>\d+ rows: [\d.]+ \([\d.]+ to [\d.]+\), ", swahili.html)) == len(report.curve)


def test_many_classes_are_numbered_and_folded():
    page = page_of(reports.intents())
    heads = next(row for row in page.rows if row[:4] == ["label", "1", "2", "3"])
    assert heads[-1] == "60"
    assert page.row("60 report_a_problem_with_volume")[-1] == "8"
    assert "45 more classes" in page.text
    assert "24 more wrong predictions" in page.text


def test_few_classes_are_named(swahili: Page):
    assert ["label", "health", "politics", "sport"] in swahili.rows


def test_without_an_estimate_the_page_says_why_and_shows_english_scores():
    page = page_of(reports.no_estimate())
    top = page.html.partition("<nav")[0]
    assert "<h1>No score can be given for new Swahili texts</h1>" in top
    assert "<code>swahili.csv</code> has 2 labelled rows of <code>health</code>; cross-validation needs 5" in top
    assert re.findall(r'<p class="value">(.*?)</p>', top) == ["87.9", "88.1", "86.0", "16.7"]
    assert 'class="whisker"' not in page.html
    assert not {"score", "classes", "confusion", "wrong", "labels", "calibration", "curve"} & set(page.ids)


def test_a_test_score_without_an_estimate_is_the_headline():
    report = reports.no_estimate().model_copy(update={"test": parts.estimate(0.7, 0.09)})
    assert "<h1>Macro F1 70 (61 to 79) on the Swahili texts of your test file</h1>" in report_page(report)


def test_a_model_that_may_be_no_better_than_the_baseline_is_told():
    assert "may be no better" in page_of(reports.arabic()).text
    assert "may be no better" not in page_of(reports.swahili()).text


def test_multi_label_models_have_no_confusion_matrix_and_may_have_no_threshold():
    page = page_of(reports.multi_label())
    assert "confusion" not in page.ids
    assert "No threshold reaches 90% right predictions" in page.text


def test_texts_choose_their_own_direction():
    page = page_of(reports.arabic())
    assert re.search(r'<p class="text" lang="ar" dir="auto">وزارة الصحة', page.html)
    assert '<bdi dir="ltr">أخبار.csv:12</bdi>' in page.html


def test_without_paired_differences_scores_are_subtracted():
    arms = tuple(arm.model_copy(update={"difference": None}) for arm in parts.arms())
    page = page_of(reports.swahili().model_copy(update={"arms": arms}))
    assert page.row("both (selected)")[2] == "+12.2 "


def test_a_minimal_report_is_a_page():
    report = reports.no_estimate().model_copy(
        update={"arms": (), "data": (), "understood": (), "warnings": (), "left_out": (), "next_steps": ()}
    )
    assert "No arm has a score." in page_of(report).text


def test_what_a_page_has_no_room_for_is_counted():
    names = [f"class {number}" for number in range(120)]
    report = reports.swahili().model_copy(
        update={
            "labels": tuple(names),
            "confusion": {name: {name: 2, names[0]: 1} for name in names},
            "wrong": reports.swahili().wrong * 60,
            "suspicious": reports.swahili().suspicious * 101,
        }
    )
    page = page_of(report)
    assert "matrix" not in page.values("class")
    assert "With 120 classes" in page.text
    assert "94 more wrong predictions" in page.text
    assert "20 others: see wrong in report.json" in page.text
    assert "1 other: see suspicious in report.json" in page.text
    assert len([row for row in page.rows if row[0].startswith("Bunge")]) == 100
