"""What a recipe asks of tasks that show images, and of their encoder."""

from collections.abc import Iterable, Iterator

from xstilts.config import Recipe, Target
from xstilts.encoders import find_card, reads
from xstilts.engine.flaw import Flaw
from xstilts.tasks.task import Task


def sighted(at: tuple[str, ...], recipe: Recipe, task: Task) -> Iterator[Flaw]:
    """A task that shows images, with an encoder that is known to read texts alone."""
    if task.spec.images and reads(recipe.encoder) == "text":
        message = f"{task.name!r} shows images, and {recipe.encoder} reads none"
        yield Flaw(at, f"{message}; name an encoder that does, such as e5-small+efficientnet-lite0")


def hidden(at: tuple[str, ...], recipe: Recipe, arms: Iterable[str], task: Task) -> Iterator[Flaw]:
    """Controls without images or texts where there are none, or where one is looked for by the other."""
    if task.problem == "image-text":
        return
    for name in arms:
        if (arm := recipe.intermediate.get(name)) and arm.see:
            yield Flaw(
                (*at, "intermediates"), f"{name!r} hides texts or images, which makes no sense for {task.name!r}"
            )


def as_it_is(at: tuple[str, ...], recipe: Recipe, target: Target, task: Task) -> Iterator[Flaw]:
    """Targets that are to be scored without training."""
    if not target.untrained:
        return
    where = (*at, "untrained")
    if task.problem != "image-retrieval":
        yield Flaw(where, f"is for image retrieval; the problem of {task.name!r} is {task.problem}")
    elif find_card(recipe.encoder).kind == "fused":
        message = f"the images of {recipe.encoder} find no text before its projection of images is trained"
        yield Flaw(where, f"{message}; name a dual encoder, such as a CLIP or SigLIP, or remove this")
    for name in target.intermediates or ():
        if (arm := recipe.intermediate.get(name)) and arm.steps_of:
            yield Flaw((*at, "intermediates"), f"{name!r} adds steps to the target's training, and there is none")
