"""The page of `xstilts serve` as Chromium shows it and its keys work."""

import csv
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.chromium import CHROMIUM, Tab, open_tab
from tests.unit.serving.models import fitted_model

from xstilts.fitting.facts import Calibration
from xstilts.serving.app import Limits, build_app
from xstilts.serving.corrections import Corrections

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
]
MANY = tuple(f"class {number}" for number in range(60))
DROP = """{
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([%s], "texts.csv"));
  document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
}"""
ARABIC = "قال الطبيب إن المرض ينتشر بسرعة"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with open_tab(tmp_path_factory.mktemp("chromium")) as tab:
        yield tab


@contextmanager
def served(folder: Path, **model: Any) -> Iterator[str]:
    """The URL of a running server; its corrections are in `folder`."""
    fitted = fitted_model(folder / "encoder", **model)
    corrections = Corrections(folder / "corrections.csv", fitted.facts)
    server = uvicorn.Server(
        uvicorn.Config(build_app(fitted, corrections, Limits(texts=500, bytes=100_000)), log_level="warning")
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


def saved(folder: Path) -> list[dict[str, str]]:
    with (folder / "corrections.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def predict(tab: Tab, url: str, text: str, *, split: bool = False, **view: Any) -> None:
    """Open the page, write a text and predict it by keyboard."""
    tab.open(url, **view)
    tab.wait_for("!document.getElementById('about').textContent.includes('being read')")
    if split:
        tab.evaluate("document.getElementById('split').click(); document.getElementById('text').focus()")
    tab.write(text)
    tab.press("Enter", ctrl=True)
    tab.wait_for("document.activeElement.matches('.item')")


def status(tab: Tab) -> str:
    return tab.evaluate("document.getElementById('status').textContent")


def test_two_keys_correct_a_label_and_one_undoes_it(tab: Tab, tmp_path: Path):
    with served(tmp_path) as url:
        predict(tab, url, "turn on the light")
        tab.press("c")
        tab.press("2")
        tab.wait_for("document.querySelector('.new')?.textContent === 'corrected: politics'")
        [row] = saved(tmp_path)
        assert (row["headline"], row["category"]) == ("turn on the light", "politics")
        assert "corrections.csv" in status(tab)
        tab.press("u")
        tab.wait_for("!document.querySelector('.new')")
        assert not (tmp_path / "corrections.csv").exists()


def test_keys_of_other_layouts_work(tab: Tab, tmp_path: Path):
    with served(tmp_path) as url:
        predict(tab, url, "turn on the light")
        tab.press("ؤ", code="KeyC")
        tab.press("٣", code="Digit3")
        tab.wait_for("document.querySelector('.new')?.textContent === 'corrected: sport'")


def test_many_classes_are_filtered(tab: Tab, tmp_path: Path):
    with served(tmp_path, labels=MANY) as url:
        predict(tab, url, "turn on the light")
        assert tab.evaluate("document.querySelectorAll('.shares .bar').length") == 5
        tab.press("c")
        tab.write("CLASS 4")
        tab.wait_for("document.querySelectorAll('[role=option]').length === 11")
        tab.press("ArrowDown")
        chosen = tab.evaluate("document.querySelector('.at').textContent")
        tab.press("Enter")
        tab.wait_for("document.querySelector('.new')")
        assert [row["category"] for row in saved(tmp_path)] == [chosen]


def test_several_labels_are_switched(tab: Tab, tmp_path: Path):
    calibration = Calibration(thresholds=(0.0, 0.0, 1.0))
    with served(tmp_path, problem="multi-label", calibration=calibration) as url:
        predict(tab, url, "turn on the light")
        for key in ("c", "1", "3", "Enter"):
            tab.press(key)
        tab.wait_for("document.querySelector('.new')?.textContent === 'corrected: politics, sport'")
        [row] = saved(tmp_path)
        assert (row["category"], row["predicted"]) == ('["politics", "sport"]', '["health", "politics"]')


def test_pairs_have_two_boxes(tab: Tab, tmp_path: Path):
    with served(tmp_path, columns={"text": "premise", "pair": "hypothesis"}) as url:
        tab.open(url)
        tab.wait_for("!document.getElementById('pair-box').hidden")
        tab.evaluate("document.getElementById('pair').focus()")
        tab.write("so it is light")
        tab.evaluate("document.getElementById('text').focus()")
        tab.write("turn on the light")
        tab.press("Enter", ctrl=True)
        tab.wait_for("document.activeElement.matches('.item')")
        tab.press("c")
        tab.press("1")
        tab.wait_for("document.querySelector('.new')")
        [row] = saved(tmp_path)
        assert (row["premise"], row["hypothesis"], row["label"]) == ("turn on the light", "so it is light", "health")


def test_a_file_is_dropped_and_its_results_are_no_formulas(tab: Tab, tmp_path: Path):
    cells = ["=1+1", "+1", "-1", "@A1", "<img src=x onerror=document.title=1>", *(f"text {n}" for n in range(100))]
    content = "\n".join(["id,headline", *(f"1,{cell}" for cell in cells), "1,"])
    with served(tmp_path) as url:
        tab.open(url)
        tab.wait_for("!document.getElementById('about').textContent.includes('being read')")
        tab.evaluate(DROP % json.dumps(content))
        tab.wait_for("document.activeElement.matches('.item')")
        assert tab.evaluate("document.querySelectorAll('.item').length") == 50
        assert tab.evaluate("document.querySelectorAll('#list img').length") == 0
        assert tab.evaluate("document.querySelector('#left-out li').textContent").startswith("line 107:")
        rows = list(csv.reader(tab.evaluate("csv()").removeprefix("\ufeff").splitlines()))
        assert [row[1] for row in rows[1:6]] == ["'=1+1", "'+1", "'-1", "'@A1", cells[4]]
        assert len(rows) == 106 and [row[0] for row in rows[1:3]] == ["2", "3"]
        tab.evaluate("document.getElementById('more').click()")
        assert tab.evaluate("document.querySelectorAll('.item').length") == 100


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_its_scripts_are_not_blocked(tab: Tab, tmp_path: Path, width: int, dark: bool):
    text = "\n".join([ARABIC, "long" * 100, "turn on the light"])
    with served(tmp_path, labels=MANY, calibration=Calibration(least_probability=1.0, least_similarity=1.0)) as url:
        predict(tab, url, text, split=True, width=width, dark=dark)
        assert tab.evaluate("[...document.querySelectorAll('details')].filter(e => e.open).length") == 3
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate("getComputedStyle(document.querySelector('.item .text')).direction") == "rtl"
        assert tab.evaluate("document.querySelectorAll('.badge').length") == 6
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") != dark
        unnamed = (
            "[...document.querySelectorAll('input, textarea, select')].filter(e => !e.labels.length && !e.ariaLabel)"
        )
        assert tab.evaluate(f"{unnamed}.length") == 0


def test_a_server_that_has_ended_is_told(tab: Tab, tmp_path: Path):
    with served(tmp_path) as url:
        tab.open(url)
        tab.wait_for("!document.getElementById('about').textContent.includes('being read')")
    time.sleep(0.1)
    tab.write("abc")
    tab.press("Enter", ctrl=True)
    tab.wait_for("!document.getElementById('problem').hidden")
    assert "xstilts serve" in tab.evaluate("document.getElementById('problem').textContent")
