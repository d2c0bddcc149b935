"""Items with their pictures: what few-shot training mended and broke, what both arms get right and get wrong."""

from collections.abc import Iterator, Mapping, Sequence

from xstilts.analysis.design import TaskDesign
from xstilts.analysis.item_selection import EACH, KINDS, Candidate, Candidates, Runs, candidates_of, chosen, shown_arms
from xstilts.analysis.names import arm_name, count, language_name, shots_name
from xstilts.analysis.results import ArmName, Items, arm_items
from xstilts.config.recipe import Recipe
from xstilts.data.images import Places
from xstilts.data.load import load
from xstilts.errors import UserError
from xstilts.planning.stage import Cell
from xstilts.problems import Caption
from xstilts.report.components import Card, CardRow, CardSection, Part, Section, Sidebar, Verdict
from xstilts.report.thumbnails import Thumbnails
from xstilts.store.store import Store

PICTURES = 60
"""Different pictures on a page, about."""
LANGUAGES = 16
"""Of a target."""
_LONGEST = 240
"""Characters of a text."""


def pictures_section(
    recipe: Recipe,
    design: TaskDesign,
    cells: Sequence[Cell],
    store: Store,
    items: Items,
    places: Places | None,
    most: int,
) -> Section:
    """A few items of each headline language, with at most so many different pictures; or why there are none."""
    parts: list[Part] = []
    reasons: dict[str, list[str]] = {}
    arms = shown_arms(recipe, design)
    if places is None:
        reasons["it is not known where their data lie"] = []
    elif len(arms) < 2:
        reasons["there are no two arms to compare"] = []
    else:
        split = recipe.targets[design.task.name].split
        candidates = _candidates(design, split, arms, cells, store, items, places, reasons)
        picked = {language: own for language, own in chosen(candidates, most).items() if own}
        if picked:
            parts.append(_album(design, arms, picked, candidates, Thumbnails(places=places), most))
        elif not reasons:
            reasons["scores of the compared arms are missing"] = []
    if reasons:
        parts.append(Sidebar(title="Items that are not shown", remarks=tuple(map(_reason, reasons.items()))))
    return Section(anchor=f"pictures-{design.task.name}", title="Items with their pictures", parts=tuple(parts))


def _candidates(
    design: TaskDesign,
    split: str,
    arms: Sequence[ArmName],
    cells: Sequence[Cell],
    store: Store,
    items: Items,
    places: Places,
    reasons: dict[str, list[str]],
) -> Candidates:
    """By language; `reasons` get why there are none, with the languages."""
    scored = [arm_items(cells, store, design.task.name, arm, items) for arm in arms]
    found = {}
    for language in design.headline[:LANGUAGES]:
        try:
            examples = load(design.task, language, split, cache=places.cache, offline=True)
        except (UserError, OSError) as error:
            reasons.setdefault(str(error).partition("\n")[0], []).append(language)
        else:
            found[language] = candidates_of(examples, scored, language)
    return found


def _reason(reason: tuple[str, Sequence[str]]) -> str:
    why, languages = reason
    return f"{', '.join(map(language_name, languages)) or 'All languages'}: {why}."


def _album(
    design: TaskDesign,
    arms: Sequence[ArmName],
    picked: Mapping[str, Sequence[Candidate]],
    candidates: Candidates,
    thumbnails: Thumbnails,
    most: int,
) -> CardSection:
    captioned = design.task.spec.contrastive
    return CardSection(
        caption=_caption(arms, captioned),
        rows=tuple(
            CardRow(
                title=language_name(language),
                note=_among(candidates[language]) if captioned else language,
                cards=tuple(_card(one, arms, thumbnails) for one in cards),
            )
            for language, cards in picked.items()
        ),
        notes=tuple(_notes(design, most)),
    )


def _caption(arms: Sequence[ArmName], captioned: bool) -> str:
    beside = (
        "the median rank that it gave the picture, and in how many of its runs that came first"
        if captioned
        else "its most frequent answer, and in how many of its runs it was right"
    )
    return (
        f"Items on which {arm_name(arms[0])} and {arm_name(arms[1])} differ, then such that both get right or wrong, "
        f"at most {EACH} in a language: examples of what happens, not a measure of how often. Beside each arm {beside}."
    )


def _among(candidates: Sequence[Candidate]) -> str:
    images = {image for one in candidates for image in one.example.shown_images}
    return f"{count(len(images), 'picture')} to choose from"


def _notes(design: TaskDesign, most: int) -> Iterator[str]:
    yield (
        f"Of each kind, items are chosen by their ids alone. At most {most} different pictures of this task are shown, "
        "so that the page stays small."
    )
    if (more := len(design.headline) - LANGUAGES) > 0:
        yield f"Items are shown in the first {LANGUAGES} languages; {more} more would not fit."
    yield f"Pictures (made smaller) and texts: {design.task.citation}. Licence: {design.task.licence}."


def _card(one: Candidate, arms: Sequence[ArmName], thumbnails: Thumbnails) -> Card:
    captioned = isinstance(one.example, Caption)
    text = str(getattr(one.example, "text", ""))
    shots = tuple(dict.fromkeys(map(shots_name, arms)))
    found = {(arm.intermediate, shots_name(arm)): runs for arm, runs in zip(arms, one.runs, strict=True)}
    return Card(
        kind=KINDS[one.kind],
        pictures=tuple(thumbnails.of(image) for image in one.example.shown_images),
        text=text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\u2026",
        language=one.example.language,
        gold="" if captioned else str(one.gold),
        shots=shots,
        verdicts=tuple(
            (name, tuple(_verdict(found.get((name, k)), captioned) for k in shots))
            for name in dict.fromkeys(arm.intermediate for arm in arms)
        ),
    )


def _verdict(runs: Runs | None, captioned: bool) -> Verdict | None:
    if runs is None:
        return None
    answer = f"rank\u00a0{runs.rank:,}" if captioned else str(runs.answer)
    return Verdict(answer=answer, right=runs.mostly, runs=runs.shares)
