"""The report as Chromium shows it."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from tests.unit.report.fixture import make_experiment, toy_recipe
from tests.unit.report.page import Page
from tests.unit.report.pictured import make_pictured, pictured_recipe

from xstilts.config.recipe import Fewshot, Target
from xstilts.data.images import ImageLocations
from xstilts.report import Summary, build

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
]

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=3000",
)
_PROBE = """<script>
parent.postMessage(JSON.stringify({
  scroll: document.documentElement.scrollWidth,
  width: document.documentElement.clientWidth,
  clipped: [...document.querySelectorAll("p, h1, h2, h3, dd, figcaption, .scroll, .grid")]
    .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length,
  loaded: performance.getEntriesByType("resource").length,
  drawn: [...document.querySelectorAll("svg")].filter(e => e.getBoundingClientRect().width > 50).length,
  pictures: [...document.querySelectorAll("img")].filter(e => e.complete && e.naturalWidth > 20).length,
  folded: [...document.querySelectorAll("details")].filter(e => !e.open).length,
}), "*");
</script></body>"""
_FRAME = """<!doctype html><body><iframe src="probed.html{hash}" style="width:{width}px;height:900px"></iframe>
<script>addEventListener("message", event => {{ document.body.dataset.found = event.data; }});</script></body>"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    folder = tmp_path_factory.mktemp("report")
    recipe = toy_recipe(
        targets={
            "toy-intent": Target(languages=("de", "fi", "zh", "el")),
            "toy-bitext": Target(languages=("de", "fi")),
        },
        fewshot=Fewshot(shots=(1, 4), draws=1, more_english=True),
    )
    experiment = make_experiment(folder / "store", recipe)
    graph, store, tasks = experiment.graph, experiment.store, experiment.tasks
    return build(recipe, graph, store, folder / "report.html", resamples=200, tasks=tasks)


def test_what_is_on_the_page(told: Summary, tmp_path: Path) -> None:
    page = Page(_dom(told.path, tmp_path))
    assert told.primary in page.text
    assert all(sentence in page.text for sentence in told.sentences)
    languages = [
        row[0] for row in page.rows if row and re.fullmatch(r"(English|German|Finnish|Chinese|Greek) .*", row[0])
    ]
    assert languages[:5] == ["English en, source", "German de", "Finnish fi", "Chinese zh", "Greek el, development"]
    assert len(page.row("mean")) == 1 + 2 * 5
    assert page.tags["svg"] == 1 + 1 + 5 + 2 + 1 + 2


@pytest.mark.parametrize("width", [390, 1200])
def test_it_fits_a_phone_and_a_desk_and_loads_nothing(told: Summary, tmp_path: Path, width: int) -> None:
    found = _probe(told.path, tmp_path, width)
    assert found["width"] <= width
    assert found["scroll"] == found["width"] and found["clipped"] == 0
    assert found["loaded"] == 0
    assert found["drawn"] == 12


def test_a_link_to_an_artifact_opens_the_fold_that_it_is_in(told: Summary, tmp_path: Path) -> None:
    page = Page(told.path.read_text(encoding="utf-8"))
    artifact = next(name for name in page.ids if name.startswith("a-"))
    assert _probe(told.path, tmp_path, 800)["folded"] == page.tags["details"]
    assert _probe(told.path, tmp_path, 800, f"#{artifact}")["folded"] == page.tags["details"] - 1


@pytest.mark.parametrize("width", [390, 1200])
def test_pictures_are_shown_and_fit(tmp_path: Path, width: int) -> None:
    experiment = make_pictured(tmp_path, pictured_recipe(seeds=(0,), fewshot=Fewshot(shots=(4,), draws=1)))
    places = ImageLocations(cache=tmp_path / "cache", offline=True)
    out, tasks = tmp_path / "report.html", experiment.tasks
    build(experiment.recipe, experiment.graph, experiment.store, out, resamples=60, tasks=tasks, places=places)
    found = _probe(out, tmp_path, width)
    assert found["pictures"] == Page(out.read_text(encoding="utf-8")).tags["img"] > 20
    assert found["scroll"] == found["width"] and found["clipped"] == 0


def test_it_prints(told: Summary, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    _chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}", told.path.as_uri())
    assert paper.read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type ?/Page\b", paper.read_bytes())) > 2


def _probe(path: Path, folder: Path, width: int, fragment: str = "") -> dict[str, int]:
    """What the page, in a frame of that width, says of itself."""
    script = _PROBE.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    html = path.read_text(encoding="utf-8").replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    (folder / "probed.html").write_text(html.replace("</body>", _PROBE), encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(_FRAME.format(width=width, hash=fragment), encoding="utf-8")
    found = re.search(r'data-found="([^"]*)"', _dom(frame, folder))
    assert found, "the page said nothing"
    return json.loads(unescape(found[1]))


def _dom(path: Path, folder: Path) -> str:
    return _chromium(folder, "--dump-dom", path.as_uri())


def _chromium(folder: Path, *arguments: str) -> str:
    profile = folder / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    command = [str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=120, encoding="utf-8").stdout
