"""Which arms of a recipe are controls, and the arm that each stands beside."""

from collections.abc import Iterator, Sequence

from xstilts.analysis.results import ArmName
from xstilts.config.recipe import Intermediate, Recipe

CONTROLS = {
    "more-english": "as many more English examples instead of the shots",
    "translate-test": "the same items in machine-made English",
    "multilingual": "one model for all languages, on the shots of all of them together",
    "without-target": "the shots on an encoder that was not trained on the task in English",
    "english-dev": "the step that was best on English development data",
    "own-layer": "the layer and pooling that the arm's own encoder would have chosen, instead of one choice for all",
}
"""Those that take the place of a few-shot method."""

_HIDDEN = {
    "text": "trained and scored on the texts alone, without any image",
    "images": "trained and scored on the images alone, without any text",
}


def is_control(arm: Intermediate) -> bool:
    """Whether an intermediate arm is there to be compared with, and never to be chosen."""
    return bool(arm.modality or arm.shuffle_labels or arm.match_steps_of)


def controls_of(recipe: Recipe, arms: Sequence[ArmName]) -> Iterator[tuple[ArmName, ArmName, str]]:
    """Each control with the arm that it stands beside, and what it is; none whose other arm is not among `arms`."""
    beside = {name: other for name in recipe.intermediate if (other := _counterpart(recipe, name))}
    first = str(recipe.fewshot.methods[0]) if recipe.fewshot else ""
    for arm in arms:
        if arm.method in CONTROLS and not arm.shots:
            other, what = ArmName(intermediate=arm.intermediate), CONTROLS[arm.method]
        elif arm.method in CONTROLS:
            other, what = ArmName(intermediate=arm.intermediate, method=first, shots=arm.shots), CONTROLS[arm.method]
        elif arm.intermediate in beside:
            name, what = beside[arm.intermediate]
            other = ArmName(intermediate=name, method=arm.method, shots=arm.shots)
        else:
            continue
        if other in arms:
            yield arm, other, what


def seeing(recipe: Recipe, name: str, see: str) -> str | None:
    """The arm that trains as arm `name` does and sees only the texts, or only the images; else one that does so
    without intermediate training; None where the recipe has neither."""
    same = _likeness(recipe.intermediate[name].model_copy(update={"modality": see}))
    wanted = (same, _likeness(Intermediate(modality=see)))  # type: ignore[arg-type]
    likeness = {other: _likeness(arm) for other, arm in recipe.intermediate.items()}
    return next((other for like in wanted for other, own in likeness.items() if own == like), None)


def _counterpart(recipe: Recipe, name: str) -> tuple[str, str] | None:
    """The arm that an intermediate control stands beside, and what was changed."""
    arm = recipe.intermediate[name]
    if arm.modality:
        changed, what = {"modality": None}, _HIDDEN[arm.modality]
    elif arm.match_steps_of:
        return arm.match_steps_of, "the same number of steps, all on the target task"
    elif arm.shuffle_labels:
        changed, what = {"shuffle_labels": False}, "the same intermediate training with shuffled labels"
    else:
        return None
    wanted = _likeness(arm.model_copy(update=changed))
    twin = next((other for other, one in recipe.intermediate.items() if _likeness(one) == wanted), None)
    return (twin, what) if twin else None


def _likeness(arm: Intermediate) -> tuple[object, ...]:
    return arm.tasks, arm.translate, arm.mlm, arm.align, arm.match_steps_of, arm.shuffle_labels, arm.modality
