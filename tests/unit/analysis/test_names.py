from dataclasses import replace

import pytest

from xstilts.analysis.names import arm_name, language_name, metric_name, points, seconds_name, signed, training_name
from xstilts.analysis.results import ArmName
from xstilts.config.recipe import Intermediate
from xstilts.config.training import Mlm, Translate


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("fi", "Finnish"),
        ("zh-TW", "Chinese (Traditional, Taiwan)"),
        ("zh_Hant", "Chinese (Traditional)"),
        ("sr-Latn", "Serbian (Latin)"),
        ("xx", "xx"),
        ("not a language", "not a language"),
        ("", ""),
    ],
)
def test_language_names_are_english_names_or_codes(code: str, name: str) -> None:
    assert language_name(code) == name


def test_arm_names() -> None:
    assert arm_name(ArmName(intermediate="none")) == "none → zero-shot"
    assert arm_name(ArmName(intermediate="boolq", method="full", shots=4)) == "boolq → 4-shot"
    assert arm_name(ArmName(intermediate="boolq", method="lora", shots=16)) == "boolq → 16-shot, LoRA"
    assert arm_name(ArmName(intermediate="none", method="more-english", shots=4)) == "none → 4-shot, more-english"


def test_the_problem_names_the_trivial_baseline() -> None:
    arm = ArmName(intermediate="none", method="majority")
    assert arm_name(arm) == arm_name(arm, "image-text") == "none → majority class"
    assert arm_name(arm, "tagging") == "none → most frequent tag"
    assert arm_name(replace(arm, shots=4), "tagging") == "none → 4-shot, most frequent tag"


def test_training_names_mention_translation() -> None:
    by_model = Translate(to=("en", "sw"), model="someone/mt")
    arm = Intermediate(tasks=("boolq", "quac"), translate=by_model, mlm=Mlm(texts={"de": "de.txt"}))
    assert training_name(arm) == ("boolq, quac machine-translated to English, Swahili by someone/mt, MLM in de")
    by_files = Translate(to=("sw",), files={"boolq": "sw.csv"})
    assert (
        training_name(Intermediate(tasks=("boolq",), translate=by_files)) == "boolq translated to Swahili, from files"
    )


def test_recall_metrics_name_their_direction() -> None:
    assert metric_name("recall_at_1") == "recall@1 both directions"
    assert metric_name("image_recall_at_5") == "recall@5 text \u2192 image"
    assert metric_name("text_recall_at_10") == "recall@10 image \u2192 text"


def test_numbers_in_points_of_100() -> None:
    assert points(0.6149) == "61.5"
    assert (signed(0.012), signed(-0.034), signed(-0.0001)) == ("+1.2", "−3.4", "0.0")


def test_counts_and_durations() -> None:
    assert (seconds_name(5.04), seconds_name(90), seconds_name(5400)) == ("5.0\u00a0s", "1.5\u00a0min", "1.5\u00a0h")
