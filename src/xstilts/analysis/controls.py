"""Which arms of a recipe are controls, and the arm that each control is compared with."""

from collections.abc import Iterator, Sequence

from xstilts.analysis.results import ZERO_SHOT, ArmName
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


def controls_of(recipe: Recipe, arms: Sequence[ArmName]) -> Iterator[tuple[ArmName, ArmName, str]]:
    """Each control with the arm that it is compared with and a description, if `arms` contain both."""
    compared = {name: arm for name in recipe.intermediate if (arm := _compared_arm(recipe, name))}
    first_method = str(recipe.fewshot.methods[0]) if recipe.fewshot else ""
    for control in arms:
        if description := CONTROL_METHODS.get(control.method):
            method = first_method if control.shots else ZERO_SHOT
            arm = ArmName(intermediate=control.intermediate, method=method, shots=control.shots)
        elif control.intermediate in compared:
            name, description = compared[control.intermediate]
            arm = ArmName(intermediate=name, method=control.method, shots=control.shots)
        else:
            continue
        if arm in arms:
            yield control, arm, description


def single_modality_arm(recipe: Recipe, name: str, modality: str) -> str | None:
    """The arm that is trained like `name` on one modality only (`text` or `images`), else the one-modality arm without
    intermediate training, else None."""
    arm = recipe.intermediate[name].model_copy(update={"modality": modality})
    untrained = Intermediate(modality=modality)  # type: ignore[arg-type]
    return _arm_trained_like(recipe, arm) or _arm_trained_like(recipe, untrained)


def _compared_arm(recipe: Recipe, name: str) -> tuple[str, str] | None:
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
    compared = _arm_trained_like(recipe, arm.model_copy(update=changed))
    return (compared, description) if compared else None


def _arm_trained_like(recipe: Recipe, arm: Intermediate) -> str | None:
    settings = _training_settings(arm)
    return next((name for name, other in recipe.intermediate.items() if _training_settings(other) == settings), None)


def _training_settings(arm: Intermediate) -> tuple[object, ...]:
    return arm.tasks, arm.translate, arm.mlm, arm.align, arm.match_steps_of, arm.shuffle_labels, arm.modality
