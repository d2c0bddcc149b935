"""What training may have seen of the scored items, in sentences."""

from collections.abc import Iterator, Mapping, Sequence

from xstilts.planning.stage import Cell
from xstilts.store.facts import LeakFacts, ScoredFacts
from xstilts.store.files import IMAGES_OF, MASKED_TEXTS
from xstilts.store.store import Manifest


def leak_remarks(cells: Sequence[Cell], manifests: Mapping[str, Manifest | None]) -> tuple[str, ...]:
    """What could not be checked, and how many scored images were trained on with other texts, or shown by shots."""
    names = sorted({name for manifest in manifests.values() if (leaks := _leaks(manifest)) for name in leaks.unchecked})
    return (*_unchecked(names), *_shared_images(cells, manifests), *_shown_by_shots(cells, manifests))


def _leaks(manifest: Manifest | None) -> LeakFacts | None:
    return manifest.facts.leaks if manifest and isinstance(manifest.facts, ScoredFacts) else None


def _unchecked(names: Sequence[str]) -> Iterator[str]:
    images = [name for name in names if name.startswith(IMAGES_OF)]
    if tasks := [name for name in names if name != MASKED_TEXTS and name not in images]:
        told = ", ".join(tasks)
        yield (
            f"With {told}, a text of eight words or more that a target shares word for word would have been refused. "
            "Whether they share translations or paraphrases is unchecked: their groups differ in kind."
        )
    if MASKED_TEXTS in names:
        yield "Whether the masked texts hold what the targets are scored on is unchecked."
    if images:
        told = "; ".join(images)
        yield f"Unchecked, because their collections name the same photographs in ways that cannot be mapped: {told}."


def _shared_images(cells: Sequence[Cell], manifests: Mapping[str, Manifest | None]) -> Iterator[str]:
    """The most over languages, where it is any."""
    most: dict[tuple[str, str], int] = {}
    for cell in cells:
        leaks = _leaks(manifests.get(cell.artifact))
        for task, shared in leaks.images_shared.items() if leaks else ():
            most[task, cell.task] = max(shared, most.get((task, cell.task), 0))
    for (task, scored), shared in sorted(most.items()):
        if shared:
            yield f"Training on {task} showed {shared:,} of the images that {scored} is scored on in a language."


def _shown_by_shots(cells: Sequence[Cell], manifests: Mapping[str, Manifest | None]) -> Iterator[str]:
    """Published sets that share images with what is scored: they are used as they are."""
    found: dict[tuple[str, str, str, int], int] = {}
    for cell in cells:
        leaks = _leaks(manifests.get(cell.artifact))
        if leaks and (shared := leaks.images_of_shots_scored):
            found[cell.task, cell.language, cell.method, cell.shots] = shared
    for (task, language, _, shots), shared in sorted(found.items()):
        yield (
            f"Of the images that {task} is scored on in {language}, {shared:,} are shown by its published set of "
            f"{shots:,} as well; it is used as published."
        )
