import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.unit.report.fixture import make_experiment
from tests.unit.report.xtreme import SINGLE, xtreme_recipe, xtreme_tasks

from xstilts import cli
from xstilts.analysis.claims import load_statements, shipped_statements
from xstilts.api import results as api
from xstilts.config.recipe import Intermediate, Target
from xstilts.errors import UserError
from xstilts.tasks.suites import XTREME

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory):
    """A store that lacks its last scores, of the retrieval task."""
    arms = {"none": Intermediate(), "squad": SINGLE["squad"]}
    targets = {"xnli": Target(), "tydiqa": Target(), "tatoeba": Target()}
    recipe, tasks = xtreme_recipe(intermediate=arms, targets=targets), xtreme_tasks(("en", "de"))
    experiment = make_experiment(tmp_path_factory.mktemp("store"), recipe, tasks, without=1)
    loaded = SimpleNamespace(tasks=tasks)
    return SimpleNamespace(recipe=recipe, graph=experiment.graph, store=experiment.store, loaded=loaded)


def test_there_are_nine_claims_about_the_suite() -> None:
    found = load_statements("phang2020")
    assert [claim.number for claim in found.claims] == list(range(1, 10))
    assert found.intermediates == XTREME.intermediates
    assert shipped_statements() == ("phang2020",)


def test_figures_without_a_source_are_marked() -> None:
    published = [
        item for claim in load_statements("phang2020").claims for part in claim.parts for item in part.published
    ]
    unsourced = {item.text: str(item) for item in published if item.source is None}
    assert {"+8.2 points", "+7.5 points", "+7.0 points", "+8.7 points"} <= unsourced.keys()
    assert all("not found" in text for text in unsourced.values())
    assert "+5.4 points on XTREME (abstract of 2005.13013v2)" in map(str, published)


def test_unknown_statements_are_refused() -> None:
    with pytest.raises(UserError, match="'phang2020'"):
        load_statements("phang2021")


def test_the_command_prints_published_measured_and_verdict(
    opened: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(api, "reopen", lambda *_: opened)
    assert cli.call(["claims"]) == 0
    output = capsys.readouterr().out
    assert "1. SQuAD, MNLI and HellaSwag as intermediate tasks raise the average." in output
    assert "published  +8.2 points (" in output
    assert "not tested: tatoeba: 1 score missing" in output
    assert "xlm-roberta-large; Hub, test: xnli 2 of 2, tydiqa 2 of 2 languages" in output
    assert "pawsx, udpos, panx, xquad, mlqa" in output
    assert output.splitlines()[-1] == "9 not tested"


def test_the_command_prints_json(opened: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(api, "reopen", lambda *_: opened)
    assert cli.call(["claims", "--json"]) == 0
    claims = json.loads(capsys.readouterr().out)
    assert [claim["verdict"] for claim in claims] == ["not tested"] * 9
    part = claims[4]["parts"][1]
    assert part["verdict"] in ("consistent", "inconsistent", "inconclusive here")
    (found,) = part["measured"]
    assert found["low"] <= found["difference"] <= found["high"]
    assert part["settings"][0] == {"task": "xnli", "data": "Hub", "split": "test", "languages": 2, "all_languages": 2}


def test_claims_need_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.call(["claims"]) == 2
    assert "store/" in capsys.readouterr().err
