"""Display names of languages, arms, metrics and numbers."""

from babel import Locale, UnknownLocaleError

from xstilts.analysis.controls import CONTROL_METHODS
from xstilts.analysis.results import ZERO_SHOT, ArmName
from xstilts.config.recipe import FIXED_SHOTS, FROZEN, MAJORITY, Intermediate
from xstilts.config.training import Translate
from xstilts.methods import METHODS
from xstilts.problems import PROBLEMS, ProblemName

_METRICS = {
    "em_f1": "mean of exact match and F1",
    "accuracy_f1": "mean of accuracy and F1",
    "from_english": "accuracy from English",
    "to_english": "accuracy to English",
    **{
        f"{prefix}recall_at_{k}": f"recall@{k} {direction}"
        for prefix, direction in (
            ("", "both directions"),
            ("image_", "text \u2192 image"),
            ("text_", "image \u2192 text"),
        )
        for k in (1, 5, 10)
    },
}
MISSING = "missing"
"""Shown for a score of the recipe that is not in the store."""
ABSENT = "\u2013"
"""Shown for what the recipe does not have or a stage does not record."""
_MINUS = "\u2212"


def language_name(code: str) -> str:
    """English name of a language, or its code if CLDR has no name."""
    try:
        return Locale.parse(code, sep="-" if "-" in code else "_").get_display_name("en") or code
    except (UnknownLocaleError, ValueError):
        return code


def shots_name(arm: ArmName, problem: ProblemName = "classification") -> str:
    """The shots and the method of an arm, such as "4-shot, LoRA"; `problem` names its trivial baseline."""
    if arm.method == ZERO_SHOT:
        return "zero-shot"
    if arm.method in CONTROL_METHODS and not arm.shots:
        return arm.method
    method = method_name(arm.method, problem)
    if arm.method == MAJORITY and not arm.shots:
        return method
    return (f"{arm.shots}-shot" if arm.shots else ZERO_SHOT) + (f", {method}" if method else "")


def method_name(method: str, problem: ProblemName = "classification") -> str:
    """The name of a few-shot method; empty for plain fine-tuning. `problem` names its trivial baseline."""
    if method.startswith(f"{FIXED_SHOTS}-"):
        return f"fixed set {method.removeprefix(f'{FIXED_SHOTS}-')}"
    if method == FIXED_SHOTS:
        return "fixed set"
    if method == FROZEN:
        return "frozen encoder"
    if method == MAJORITY:
        return PROBLEMS[problem].trivial_baseline or method
    return METHODS[method].label if method in METHODS else method


def arm_name(arm: ArmName, problem: ProblemName = "classification") -> str:
    return f"{arm.intermediate} \u2192 {shots_name(arm, problem)}"


def training_name(arm: Intermediate) -> str:
    """What an intermediate arm trains on, in order; empty for the baseline and its controls."""
    alignment = [f"alignment on {arm.align.task}"] if arm.align else []
    mlm = [f"MLM in {', '.join(arm.mlm.texts)}"] if arm.mlm else []
    tasks = [f"{', '.join(arm.tasks)} {_translation(arm.translate)}"] if arm.translate else arm.tasks
    return "; ".join([*alignment, ", ".join([*tasks, *mlm])]).strip("; ")


def _translation(translate: Translate) -> str:
    languages = ", ".join(map(language_name, translate.to))
    if translate.model is None:
        return f"translated to {languages}, from files"
    return f"machine-translated to {languages} by {translate.model}"


def points(value: float) -> str:
    """A score from 0 to 1 as points out of 100."""
    return f"{100 * value:.1f}"


def signed(value: float) -> str:
    """A difference in points with its sign."""
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", _MINUS)


def short_key(key: str) -> str:
    return key[:10]


def seconds_name(seconds: float) -> str:
    """A duration in seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.1f}\u00a0s"
    if seconds < 3600:
        return f"{seconds / 60:.1f}\u00a0min"
    return f"{seconds / 3600:.1f}\u00a0h"


def metric_name(metric: str) -> str:
    return _METRICS.get(metric, metric.replace("_", " ").replace("f1", "F1"))
