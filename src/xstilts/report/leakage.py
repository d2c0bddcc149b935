"""Remarks on what training may have seen of the scored items."""

from collections.abc import Iterator, Mapping, Sequence

from xstilts.planning.stage import Cell
from xstilts.store.facts import LeakFacts, ScoredFacts, TargetFacts
from xstilts.store.files import IMAGES_OF, MASKED_TEXTS
from xstilts.store.store import Manifest


def leak_remarks(cells: Sequence[Cell], manifests: Mapping[str, Manifest | None]) -> tuple[str, ...]:
    """Which splits overlap, what could not be checked, and how many scored images occur in training data or in few-shot
    sets."""
    unchecked = {name for manifest in manifests.values() if (leaks := _leaks(manifest)) for name in leaks.unchecked}
    return (
        *overlap_remarks(cells, manifests),
        *_unchecked_remarks(sorted(unchecked)),
        *_shared_image_remarks(cells, manifests),
        *_shot_image_remarks(cells, manifests),
    )


def overlap_remarks(cells: Sequence[Cell], manifests: Mapping[str, Manifest | None]) -> tuple[str, ...]:
    """Items that published splits of a benchmark share, and scored items in the pools of shots."""
    scored: dict[str, dict[str, tuple[int, int]]] = {}
    pools: dict[str, dict[str, tuple[int, int]]] = {}
    for cell in cells:
        if (leaks := _leaks(manifest := manifests.get(cell.artifact))) is None:
            continue
        if leaks.items_trained_on and manifest and isinstance(manifest.facts, ScoredFacts):
            share = leaks.items_trained_on, manifest.facts.scores.items
            languages = scored.setdefault(f"{cell.task} {cell.split}", {})
            languages[cell.language] = max(share, languages.get(cell.language, share))
        if leaks.pool_scored:
            pools.setdefault(cell.task, {})[cell.language] = leaks.pool_scored, leaks.pool
    return (
        *_dev_remarks(manifests),
        *(
            f"Items of {name} that share a text or group with the training data: {_by_language(languages)}. The "
            "splits are used as published."
            for name, languages in sorted(scored.items())
        ),
        *(
            f"Examples in the pools of shots of {task} that share a text or group with scored items, and are never "
            f"sampled: {_by_language(languages)}."
            for task, languages in sorted(pools.items())
        ),
    )


def _dev_remarks(manifests: Mapping[str, Manifest | None]) -> Iterator[str]:
    shares: dict[str, dict[str, tuple[int, int]]] = {}
    for manifest in manifests.values():
        if manifest and isinstance(facts := manifest.facts, TargetFacts) and facts.dev_items_trained_on:
            languages = shares.setdefault(facts.model.task, {})
            languages[facts.model.language] = facts.dev_items_trained_on, facts.dev_items
    for task, languages in sorted(shares.items()):
        yield (
            f"Items of {task} dev, on which checkpoints are selected, that share a text or group with the training "
            f"data: {_by_language(languages)}. The splits are used as published."
        )


def _by_language(shares: Mapping[str, tuple[int, int]]) -> str:
    return "; ".join(f"{language}: {count:,} of {total:,}" for language, (count, total) in sorted(shares.items()))


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
