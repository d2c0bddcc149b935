"""A gallery of items with their images: items on which two arms differ, and items that both get right or wrong."""

from collections.abc import Iterator, Mapping, Sequence

from xstilts.analysis.design import TaskDesign
from xstilts.analysis.item_selection import (
    ITEMS_PER_LANGUAGE,
    OUTCOME_KINDS,
    ArmAnswers,
    Candidate,
    Candidates,
    candidates_of,
    select_items,
    shown_arms,
)
from xstilts.analysis.names import arm_name, language_name, shots_name
from xstilts.analysis.results import ArmItems, ArmName, Items, arm_items
from xstilts.config.recipe import Recipe
from xstilts.data.images import ImageLocations
from xstilts.data.load import load
from xstilts.errors import UserError
from xstilts.planning.stage import Cell
from xstilts.plurals import plural
from xstilts.problems import Caption
from xstilts.report.components import Card, CardGallery, CardRow, Component, ItemAnswer, Section, Sidebar
from xstilts.report.thumbnails import Thumbnails
from xstilts.store.store import Store

MAX_IMAGES = 60
"""Approximate number of different images on a page."""
MAX_LANGUAGES = 16
"""Languages shown per target."""
_MAX_CHARACTERS = 240
"""Longer texts are truncated."""


def gallery_section(
    recipe: Recipe,
    design: TaskDesign,
    cells: Sequence[Cell],
    store: Store,
    items: Items,
    image_locations: ImageLocations | None,
    max_images: int,
) -> Section:
    """A few items of each headline language with at most `max_images` different images, or the reason why there are
    none."""
    parts: list[Component] = []
    languages_by_reason: dict[str, list[str]] = {}
    arms = shown_arms(recipe, design)
    if image_locations is None:
        languages_by_reason["the location of the data is unknown"] = []
    elif len(arms) < 2:
        languages_by_reason["there are not two arms to compare"] = []
    else:
        split = recipe.targets[design.task.name].split
        scored = [arm_items(cells, store, design.task.name, arm, items) for arm in arms]
        candidates = _candidates(design, split, scored, image_locations, languages_by_reason)
        selected = {language: shown for language, shown in select_items(candidates, max_images).items() if shown}
        if selected:
            parts.append(_gallery(design, arms, selected, candidates, Thumbnails(places=image_locations), max_images))
        elif not languages_by_reason:
            languages_by_reason["scores of the compared arms are missing"] = []
    if languages_by_reason:
        remarks = (
            f"{', '.join(map(language_name, languages)) or 'All languages'}: {reason}."
            for reason, languages in languages_by_reason.items()
        )
        parts.append(Sidebar(title="Items not shown", remarks=tuple(remarks)))
    return Section(anchor=f"examples-{design.task.name}", title="Example items", parts=tuple(parts))


def _candidates(
    design: TaskDesign,
    split: str,
    scored: Sequence[ArmItems],
    image_locations: ImageLocations,
    languages_by_reason: dict[str, list[str]],
) -> Candidates:
    """The candidates by language; a language whose examples cannot be read is added to `languages_by_reason`."""
    candidates = {}
    for language in design.headline[:MAX_LANGUAGES]:
        try:
            examples = load(design.task, language, split, cache=image_locations.cache, offline=True)
        except (UserError, OSError) as error:
            languages_by_reason.setdefault(str(error).partition("\n")[0], []).append(language)
        else:
            candidates[language] = candidates_of(examples, scored, language)
    return candidates


def _gallery(
    design: TaskDesign,
    arms: Sequence[ArmName],
    selected: Mapping[str, Sequence[Candidate]],
    candidates: Candidates,
    thumbnails: Thumbnails,
    max_images: int,
) -> CardGallery:
    captioned = design.task.spec.is_contrastive
    return CardGallery(
        caption=_caption(arms, captioned),
        rows=tuple(
            CardRow(
                title=language_name(language),
                note=_candidate_note(candidates[language]) if captioned else language,
                cards=tuple(_card(candidate, arms, thumbnails) for candidate in shown),
            )
            for language, shown in selected.items()
        ),
        notes=tuple(_notes(design, max_images)),
    )


def _caption(arms: Sequence[ArmName], captioned: bool) -> str:
    legend = (
        "the median rank of the right image, and the number of runs that rank it first"
        if captioned
        else "the most frequent answer, and the number of runs with the right answer"
    )
    return (
        f"Items on which {arm_name(arms[0])} and {arm_name(arms[1])} differ, then items that both get right or wrong; "
        f"at most {ITEMS_PER_LANGUAGE} per language. These are examples: they do not show how frequent each case is. "
        f"For each arm: {legend}."
    )


def _candidate_note(candidates: Sequence[Candidate]) -> str:
    images = {image for candidate in candidates for image in candidate.example.shown_images}
    return f"{plural(len(images), 'candidate image')}"


def _notes(design: TaskDesign, max_images: int) -> Iterator[str]:
    yield (
        f"Within each kind, items are chosen by a hash of their ids. At most {max_images} different images of this "
        "task are shown to keep the page small."
    )
    if (more := len(design.headline) - MAX_LANGUAGES) > 0:
        yield f"Only the first {MAX_LANGUAGES} languages are shown; {more} more {'has' if more == 1 else 'have'} items."
    yield f"Images (scaled down) and texts: {design.task.citation}. Licence: {design.task.licence}."


def _card(candidate: Candidate, arms: Sequence[ArmName], thumbnails: Thumbnails) -> Card:
    captioned = isinstance(candidate.example, Caption)
    text = str(getattr(candidate.example, "text", ""))
    columns = tuple(dict.fromkeys(map(shots_name, arms)))
    answers = {(arm.intermediate, shots_name(arm)): runs for arm, runs in zip(arms, candidate.answers, strict=True)}
    return Card(
        kind=OUTCOME_KINDS[candidate.kind],
        images=tuple(thumbnails.of(image) for image in candidate.example.shown_images),
        text=text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}\u2026",
        language=candidate.example.language,
        gold="" if captioned else str(candidate.gold),
        columns=columns,
        answers=tuple(
            (name, tuple(_answer(answers.get((name, shots)), captioned) for shots in columns))
            for name in dict.fromkeys(arm.intermediate for arm in arms)
        ),
    )


def _answer(runs: ArmAnswers | None, captioned: bool) -> ItemAnswer | None:
    if runs is None:
        return None
    answer = f"rank\u00a0{runs.rank:,}" if captioned else str(runs.answer)
    return ItemAnswer(answer=answer, right=runs.mostly_right, right_of_total=runs.right_of_total)
