"""Remarks on what training may have seen of the scored items."""

from collections.abc import Iterator, Mapping, Sequence

from xstilts.planning.stage import Cell
from xstilts.store.facts import LeakFacts, ScoredFacts
from xstilts.store.files import IMAGES_OF, MASKED_TEXTS
from xstilts.store.store import Manifest


def leak_remarks(cells: Sequence[Cell], manifests: Mapping[str, Manifest | None]) -> tuple[str, ...]:
    """What could not be checked, and how many scored images occur in training data or in few-shot sets."""
    unchecked = {name for manifest in manifests.values() if (leaks := _leaks(manifest)) for name in leaks.unchecked}
    return (
        *_unchecked_remarks(sorted(unchecked)),
        *_shared_image_remarks(cells, manifests),
        *_shot_image_remarks(cells, manifests),
    )


def _leaks(manifest: Manifest | None) -> LeakFacts | None:
    return manifest.facts.leaks if manifest and isinstance(manifest.facts, ScoredFacts) else None


def _unchecked_remarks(names: Sequence[str]) -> Iterator[str]:
    images = [name for name in names if name.startswith(IMAGES_OF)]
    if tasks := [name for name in names if name != MASKED_TEXTS and name not in images]:
        yield (
            f"Training on {', '.join(tasks)}: texts of eight or more words that occur verbatim in a target would have "
            "stopped the run. Shared translations or paraphrases are not checked, because the groups of these data "
            "sets are not comparable."
        )
    if MASKED_TEXTS in names:
        yield "The texts for masked-language modelling are not checked for scored items."
    if images:
        yield (
            "Not checked, because their collections identify photographs in ways that cannot be matched: "
            f"{'; '.join(images)}."
        )


def _shared_image_remarks(cells: Sequence[Cell], manifests: Mapping[str, Manifest | None]) -> Iterator[str]:
    """Scored images that training used, as the maximum over languages."""
    max_shared: dict[tuple[str, str], int] = {}
    for cell in cells:
        leaks = _leaks(manifests.get(cell.artifact))
        for task, shared in leaks.images_shared.items() if leaks else ():
            max_shared[task, cell.task] = max(shared, max_shared.get((task, cell.task), 0))
    for (task, scored), shared in sorted(max_shared.items()):
        if shared:
            yield f"Training on {task} used up to {shared:,} of the images that {scored} is scored on in one language."


def _shot_image_remarks(cells: Sequence[Cell], manifests: Mapping[str, Manifest | None]) -> Iterator[str]:
    """Fixed few-shot sets that share images with the scored items; they are used unchanged."""
    shared_images: dict[tuple[str, str, str, int], int] = {}
    for cell in cells:
        leaks = _leaks(manifests.get(cell.artifact))
        if leaks and (shared := leaks.images_of_shots_scored):
            shared_images[cell.task, cell.language, cell.method, cell.shots] = shared
    for (task, language, _, shots), shared in sorted(shared_images.items()):
        yield (
            f"{shared:,} of the images that {task} is scored on in {language} also occur in its fixed {shots:,}-shot "
            "set, which is used unchanged."
        )
