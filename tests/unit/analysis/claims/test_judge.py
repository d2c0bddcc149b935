"""Every predicate with every outcome, on synthetic scores."""

from functools import cache
from typing import Any

import pytest
from tests.unit.report.xtreme import SINGLE, Effects, make_transfer, xtreme_recipe, xtreme_tasks

from xstilts.analysis.claims.check import CheckedPart, Verdict, check_claims
from xstilts.analysis.claims.evidence import Evidence
from xstilts.analysis.claims.statements import (
    Beats,
    Best,
    BestPerTarget,
    Claim,
    ClaimPart,
    ConsistentGain,
    Encoder,
    Gain,
    Intermediates,
    Most,
    NoGain,
    Phases,
    Predicate,
    Statements,
)
from xstilts.analysis.transfer import Transfer
from xstilts.config.files import Partition
from xstilts.config.recipe import Intermediate, Target
from xstilts.config.training import Mlm, Train, Translate

TASKS = ("squad", "mnli", "qqp")
ARMS = {
    "none": Intermediate(),
    **{name: SINGLE[name] for name in TASKS},
    "together": Intermediate(tasks=TASKS),
    "squad-mlm": Intermediate(tasks=("squad",), train=Train(epochs=2)),
    "squad-translated": Intermediate(tasks=("squad",), train=Train(epochs=3)),
}
TWO = {name: ARMS[name] for name in ("none", "squad")}
ADDED = {
    "squad-mlm": Intermediate(tasks=("squad",), mlm=Mlm(texts={"de": "de.txt"})),
    "squad-translated": Intermediate(tasks=("squad",), translate=Translate(to=("de",), model="someone/mt")),
}
LANGUAGES = ("en", "de")


def as_published(task: str, arm: str) -> float:
    """Retrieval +16, XNLI nothing, the others +6; more with all tasks together, less with an addition."""
    base = 0.16 if task in ("bucc2018", "tatoeba") else 0.0 if task == "xnli" else 0.06
    return base + (0.02 if arm == "together" else -0.02 if arm in ADDED else 0.0)


def contrary(task: str, arm: str) -> float:
    base = -0.05 if task in ("bucc2018", "tatoeba", "tydiqa") else 0.05 if task == "xnli" else -0.02
    return base + (-0.02 if arm == "together" else 0.02 if arm in ADDED else 0.0)


def nothing(task: str, arm: str) -> float:
    """A few items of 400, which could be chance; a point is four."""
    return {"xnli": 0.0125, "tydiqa": 0.0075}.get(task, 0.0025 * (arm in ("together", "squad")))


def transfer_of(effects: Effects, **changes: Any) -> Transfer:
    recipe = xtreme_recipe(**{"intermediate": dict(ARMS)} | changes)
    transfer = make_transfer(effects, recipe, tasks=xtreme_tasks(LANGUAGES))
    recipe.intermediate.update({name: arm for name, arm in ADDED.items() if name in recipe.intermediate})
    return transfer


@cache
def scene(effects: Effects, encoder: str) -> Transfer:
    return transfer_of(effects, encoder=encoder)


LARGE, SMALL = "xlm-roberta-large", "e5-small"


def statements(*predicates: Predicate) -> Statements:
    parts = tuple(ClaimPart(text="part", predicate=predicate) for predicate in predicates)
    return Statements(
        name="toy",
        title="A toy",
        citation="none",
        encoder=LARGE,
        suite="xtreme",
        intermediates=TASKS,
        claims=(Claim(number=1, text="whole", parts=parts),),
    )


def verdict(transfer: Transfer, *predicates: Predicate) -> Verdict:
    return check_claims(statements(*predicates), transfer)[0].verdict


def part_of(transfer: Transfer, predicate: Predicate) -> CheckedPart:
    return check_claims(statements(predicate), transfer)[0].parts[0]


MEASURED: dict[str, Predicate] = {
    "gain": Gain(kind="gain", tasks=("squad",), figure=7.6),
    "trained": Gain(kind="gain", tasks=("squad",), over="trained"),
    "together": Gain(kind="gain", tasks=TASKS),
    "best": Best(kind="best", tasks=TASKS),
    "most": Most(kind="most", targets=("bucc2018", "tatoeba")),
    "consistent": ConsistentGain(kind="consistent_gain", target="tydiqa"),
    "no gain": NoGain(kind="no_gain", target="xnli"),
    "best per target": BestPerTarget(kind="best_per_target", over="trained"),
    "mlm": Beats(kind="beats", other="mlm"),
    "translated": Beats(kind="beats", other="translate"),
}
OPEN = ("consistent", "no gain", "best")


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize(
    ("effects", "encoder", "expected"),
    [
        (as_published, LARGE, "verified"),
        (contrary, LARGE, "refuted"),
        (as_published, SMALL, "consistent"),
        (contrary, SMALL, "inconsistent"),
    ],
)
def test_each_predicate_with_each_verdict(effects: Effects, encoder: str, expected: str, name: str) -> None:
    part = part_of(scene(effects, encoder), MEASURED[name])
    assert part.verdict == expected, part


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("encoder", [LARGE, SMALL])
def test_an_interval_with_both_outcomes_is_inconclusive(encoder: str, name: str) -> None:
    part = part_of(scene(nothing, encoder), MEASURED[name])
    assert part.verdict == "inconclusive here", part


PROTOCOL = {
    "encoder": Encoder(kind="encoder", encoder=LARGE),
    "phases": Phases(kind="phases"),
    "intermediates": Intermediates(kind="intermediates", tasks=TASKS),
}


@pytest.mark.parametrize("name", PROTOCOL)
def test_the_protocol_of_the_recipe_is_verified(name: str) -> None:
    assert verdict(scene(as_published, LARGE), PROTOCOL[name]) == "verified"


def test_another_protocol_does_not_test_the_claim() -> None:
    small = scene(as_published, SMALL)
    assert verdict(small, PROTOCOL["encoder"]) == "not tested"
    assert verdict(small, PROTOCOL["phases"]) == "not tested"
    assert verdict(small, PROTOCOL["intermediates"]) == "consistent"
    part = part_of(small, Intermediates(kind="intermediates", tasks=(*TASKS, "ccg")))
    assert part.verdict == "not tested"
    assert "3 of 4" in part.why and part.why.endswith("ccg")


def test_a_published_figure_counts_only_in_the_setting_of_the_paper() -> None:
    figure = Gain(kind="gain", tasks=("squad",), figure=20.0)
    part = part_of(scene(as_published, LARGE), figure)
    assert part.verdict == "refuted"
    assert part.why.endswith("+20.0")
    assert verdict(scene(as_published, SMALL), figure) == "consistent"


def test_the_verdict_of_a_claim_follows_from_its_parts() -> None:
    published, small = scene(as_published, LARGE), scene(as_published, SMALL)
    wrong = Gain(kind="gain", tasks=("squad",), figure=20.0)
    assert verdict(published, MEASURED["gain"], MEASURED["mlm"]) == "verified"
    assert verdict(published, MEASURED["gain"], wrong) == "refuted"
    assert verdict(small, MEASURED["gain"], MEASURED["no gain"]) == "consistent"
    (whole,) = check_claims(statements(MEASURED["gain"], PROTOCOL["encoder"]), small)
    assert [part.verdict for part in whole.parts] == ["consistent", "not tested"]
    assert whole.verdict == "not tested"


ALL = tuple(xtreme_recipe().targets)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": (0, 1)}, "2 seeds"),
        ({"partition": {"xnli": Partition()}}, "xnli official splits (partition)"),
        ({"partition": {"squad": Partition()}}, "squad official splits squad"),
        ({"targets": {name: Target() for name in ("xnli", "tydiqa")}}, "targets pawsx, udpos,"),
        ({"targets": {name: Target(max_items=9) for name in ALL}}, "xnli subset"),
        ({"intermediate": TWO | {"squad": Intermediate(tasks=("squad",), max_examples=9)}}, "squad subset"),
    ],
)
def test_a_deviation_is_listed_and_prevents_verification(changes: dict[str, Any], words: str) -> None:
    same = part_of(transfer_of(as_published, intermediate=TWO), MEASURED["trained"])
    part = part_of(transfer_of(as_published, **{"intermediate": TWO} | changes), MEASURED["trained"])
    assert part.verdict == "consistent"
    added = set(part.deviations) - set(same.deviations)
    assert any(all(word in deviation for word in words.split()) for deviation in added), added


def test_missing_languages_prevent_verification() -> None:
    targets = {name: Target(languages=("de",)) for name in ("xnli", "tydiqa")}
    transfer = make_transfer(as_published, xtreme_recipe(intermediate=TWO, targets=targets))
    part = part_of(transfer, MEASURED["trained"])
    assert part.verdict == "consistent"
    assert "xnli has 2 of 3 languages" in part.deviations
    assert [(place.languages, place.all_languages, place.data) for place in part.settings] == [(2, 3, "Hub")] * 2


@pytest.mark.parametrize("name", [*MEASURED, *PROTOCOL])
def test_missing_scores_are_not_tested(name: str) -> None:
    recipe = xtreme_recipe(intermediate=dict(ARMS))
    incomplete = make_transfer(as_published, recipe, tasks=xtreme_tasks(LANGUAGES), missing=lambda cell: cell.seed == 2)
    part = part_of(incomplete, (MEASURED | PROTOCOL)[name])
    assert (part.verdict, part.measured) == ("not tested", ())
    assert "missing" in part.why or name in ("mlm", "translated")


def test_missing_arms_and_targets_are_not_tested() -> None:
    transfer = transfer_of(as_published, intermediate=TWO, targets={"xnli": Target(), "tatoeba": Target()})
    why = {name: part_of(transfer, predicate).why for name, predicate in MEASURED.items()}
    assert verdict(transfer, MEASURED["together"]) == "not tested"
    for name, word in {"together": "together", "most": "bucc2018", "consistent": "tydiqa", "mlm": "`mlm`"}.items():
        assert word in why[name]
    assert "mnli" in part_of(transfer, Gain(kind="gain", tasks=("mnli",))).why
    assert part_of(transfer, BestPerTarget(kind="best_per_target", figure=5.4)).why.startswith("tatoeba: ")


def test_two_arms_are_too_few_for_a_consistent_gain() -> None:
    arms = {name: ARMS[name] for name in ("none", "squad", "mnli")}
    transfer = transfer_of(as_published, intermediate=arms, targets={"tydiqa": Target()})
    part = part_of(transfer, MEASURED["consistent"])
    assert part.verdict == "not tested"
    assert part.why.startswith("2 arms") and "at least 3" in part.why


def test_arms_are_identified_by_their_settings():
    evidence = Evidence(scene(as_published, LARGE), statements(Beats(kind="beats", other="translate")))
    assert evidence.english_arms() == [*TASKS, "together"]
    assert evidence.arm_pairs("mlm") == [("squad", "squad-mlm")]
    assert evidence.arm_pairs("translate") == [("squad", "squad-translated")]
