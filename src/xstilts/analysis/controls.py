"""Which arms of a recipe are controls, and the arm that each control is compared with."""

from collections.abc import Iterator, Sequence

from xstilts.analysis.results import ArmName
from xstilts.config.recipe import Intermediate, Recipe

CONTROL_METHODS = {
    "more-english": "the shots replaced by as many additional English examples",
    "translate-test": "the same items machine-translated to English",
    "multilingual": "one model for all languages, trained on the shots of all of them",
    "without-target": "the shots alone, on an encoder that was not fine-tuned on the task in English",
    "english-dev": "the checkpoint that scored best on English development data",
    "own-layer": "layer and pooling chosen for this arm's encoder instead of one choice for all arms",
}
"""Controls that appear in place of a few-shot method, with their descriptions."""

_SINGLE_MODALITY = {
    "text": "trained and scored on the texts only, without images",
    "images": "trained and scored on the images only, without texts",
}


def is_control(arm: Intermediate) -> bool:
    """Whether an intermediate arm is a control: it is compared with, but never selected."""
    return bool(arm.modality or arm.shuffle_labels or arm.match_steps_of)


def controls_of(recipe: Recipe, arms: Sequence[ArmName]) -> Iterator[tuple[ArmName, ArmName, str]]:
    """Each control with the arm that it stands controlled, and what it is; none whose other arm is not among `arms`."""
    controlled = {name: other for name in recipe.intermediate if (other := _controlled_arm(recipe, name))}
    first = str(recipe.fewshot.methods[0]) if recipe.fewshot else ""
    for arm in arms:
        if arm.method in CONTROL_METHODS and not arm.shots:
            other, description = ArmName(intermediate=arm.intermediate), CONTROL_METHODS[arm.method]
        elif arm.method in CONTROL_METHODS:
            other, description = (
                ArmName(intermediate=arm.intermediate, method=first, shots=arm.shots),
                CONTROL_METHODS[arm.method],
            )
        elif arm.intermediate in controlled:
            name, description = controlled[arm.intermediate]
            other = ArmName(intermediate=name, method=arm.method, shots=arm.shots)
        else:
            continue
        if other in arms:
            yield arm, other, description


def single_modality_arm(recipe: Recipe, name: str, modality: str) -> str | None:
    """The arm that is trained like `name` on one modality only (`text` or `images`), else the one-modality arm without
    intermediate training, else None."""
    same = _training_settings(recipe.intermediate[name].model_copy(update={"modality": modality}))
    alternatives = (same, _training_settings(Intermediate(modality=modality)))  # type: ignore[arg-type]
    settings_by_arm = {other: _training_settings(arm) for other, arm in recipe.intermediate.items()}
    return next(
        (
            other
            for alternative in alternatives
            for other, settings in settings_by_arm.items()
            if settings == alternative
        ),
        None,
    )


def _controlled_arm(recipe: Recipe, name: str) -> tuple[str, str] | None:
    """The arm that an intermediate control is compared with, and a description of the control."""
    arm = recipe.intermediate[name]
    if arm.modality:
        changed, description = {"modality": None}, _SINGLE_MODALITY[arm.modality]
    elif arm.match_steps_of:
        return arm.match_steps_of, "the same number of steps, all on the target task"
    elif arm.shuffle_labels:
        changed, description = {"shuffle_labels": False}, "the same intermediate training on shuffled labels"
    else:
        return None
    settings = _training_settings(arm.model_copy(update=changed))
    controlled = next(
        (other for other, candidate in recipe.intermediate.items() if _training_settings(candidate) == settings), None
    )
    return (controlled, description) if controlled else None


def _training_settings(arm: Intermediate) -> tuple[object, ...]:
    return arm.tasks, arm.translate, arm.mlm, arm.align, arm.match_steps_of, arm.shuffle_labels, arm.modality
