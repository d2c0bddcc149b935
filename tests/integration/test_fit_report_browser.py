"""The report of a fit as Chromium shows it on a phone and on a desk."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from tests.unit.fitting import reports

from xstilts.fitting.page import report_page

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
]
_PROBE = """<script>
document.querySelectorAll("details").forEach(e => e.open = true);
const width = document.documentElement.clientWidth;
const inside = e => e.closest(".scroll") || e.getBoundingClientRect().right <= width + 1;
parent.postMessage([...location.search.slice(1).split("-"), {
  wide: document.documentElement.scrollWidth - width,
  outside: [...document.querySelectorAll("p, h1, h2, li, dd, svg, pre, td, .card *")].filter(e => !inside(e)).length,
  flat: [...document.querySelectorAll(".bar:not(.axis) svg")].filter(e => e.getBoundingClientRect().width < 80).length,
  next: document.querySelector("#next") && document.querySelector("#next").getBoundingClientRect().top,
  loaded: performance.getEntriesByType("resource").length,
}], "*");
</script></body>"""
_OUTER = """<!doctype html><body><script>
const found = [];
addEventListener("message", event => {
  found.push(event.data);
  document.body.dataset.found = JSON.stringify(found);
});
</script>"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], dict[str, int]]:
    """What each page reports, by name and width."""
    folder = tmp_path_factory.mktemp("fit")
    for make in reports.ALL:
        html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report_page(make()))
        (folder / f"{make.__name__}.html").write_text(html.replace("</body>", _PROBE), encoding="utf-8")
    frames = "".join(
        f'<iframe src="{make.__name__}.html?{make.__name__}-{width}" style="width:{width}px;height:900px"></iframe>'
        for make in reports.ALL
        for width in (390, 1280)
    )
    (folder / "outer.html").write_text(_OUTER + frames, encoding="utf-8")
    return {(name, int(width)): values for name, width, values in _ask(folder)}


@pytest.mark.parametrize("make", reports.ALL)
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(make, width: int, found: dict[tuple[str, int], dict[str, int]]):
    shown = found[make.__name__, width]
    assert shown["wide"] <= 0
    assert shown["outside"] == 0
    assert shown["flat"] == 0
    assert shown["loaded"] == 0


def test_what_to_do_next_is_on_the_first_screen_of_a_desk(found: dict[tuple[str, int], dict[str, int]]):
    tops = [found[make.__name__, 1280]["next"] for make in reports.ALL if make is not reports.hostile]
    assert 0 < min(tops) <= max(tops) < 450


def _ask(folder: Path) -> list[tuple[str, str, dict[str, int]]]:
    command = (
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000"),
        *(f"--user-data-dir={folder / 'profile'}", "--dump-dom", (folder / "outer.html").as_uri()),
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    data = re.search(r'data-found="([^"]*)"', done.stdout)
    assert data is not None, done.stderr[-2000:]
    return json.loads(unescape(data[1]))
