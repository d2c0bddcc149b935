"""What the scores of tasks with images are worth: beside those without the right images, without any, without texts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import comb

import polars as pl

from xstilts.analysis.contrasts import MEAN, Evidence
from xstilts.analysis.controls import CONTROLS, seeing
from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import ABSENT, MISSING, arm_name, count, language_name, points
from xstilts.analysis.results import ArmName, Items
from xstilts.analysis.stage_facts import Average, StageFacts
from xstilts.config.recipe import Recipe
from xstilts.metrics import metric
from xstilts.report.components import Entry, Head, Part, Row, Sidebar, Table
from xstilts.report.metrics_table import average_entry
from xstilts.report.provenance import Provenance
from xstilts.report.records import changed_entries
from xstilts.report.tables import language_entry, level_entry, ordered
from xstilts.store.facts import FewshotFacts, ImageControls, ItemScore, TargetFacts
from xstilts.tasks.task import item_flag_names

_NAMED = 3
"""Images that are named of those that could not be read."""
_ALONE = {"text": "texts alone", "images": "images alone"}


def image_parts(
    recipe: Recipe, recorded: StageFacts, items: Items, evidence: Evidence, provenance: Provenance
) -> Iterator[Part]:
    """The controls of one target with images."""
    yield worth_table(recipe, recorded, items, evidence, provenance)
    if any(arm.shots for arm in recorded.design.arms):
        yield shots_table(recorded, evidence, provenance)
    if _differ(recorded, items):
        yield items_table(recorded, items)
    if remarks := tuple(_unreadable(recorded)):
        yield Sidebar(title="Images that could not be read", remarks=remarks)


def worth_table(
    recipe: Recipe, recorded: StageFacts, items: Items, evidence: Evidence, provenance: Provenance
) -> Table:
    """Each arm beside what it scores with the images of other items, and what is reached with less."""
    design = recorded.design
    sights = [
        see for see in _ALONE if any(recipe.intermediate[arm.intermediate].modality == see for arm in design.arms)
    ]
    marks = [mark for mark in design.task.item_flags if _has_mark(recorded, items, mark)]
    captioned = design.task.spec.contrastive
    heads = (
        Head(text="score"),
        Head(text="images shuffled"),
        *(Head(text=_ALONE[see], note="an arm of its own") for see in sights),
        Head(text="chance" if captioned else "label prior"),
        *(Head(text="without", note=design.task.item_flags[mark]) for mark in marks),
    )
    arms = [arm for arm in _rows(design) if not recipe.intermediate[arm.intermediate].modality]
    return Table(
        caption=f"{design.task.name}: what the images are worth, over {count(len(design.headline), 'language')}, in "
        "points.",
        heads=((Head(text="arm", number=False), *heads),),
        rows=tuple(
            Row(
                entries=(
                    Entry(text=arm_name(arm), kind="head"),
                    _level(design.task.name, arm, evidence, provenance),
                    _control(recorded, arm, lambda controls: controls.shuffled_images, provenance),
                    *(_alone(recipe, design.arms, arm, see, design.task.name, evidence, provenance) for see in sights),
                    _chance_entry(recorded, items)
                    if captioned
                    else _control(recorded, arm, lambda controls: controls.label_prior, provenance),
                    *(_unmarked(recorded, items, arm, mark, provenance) for mark in marks),
                ),
                kind="apart" if design.is_control(arm) else "",
            )
            for arm in arms
        ),
        notes=(_worth_note(captioned, bool(sights)),),
    )


def shots_table(recorded: StageFacts, evidence: Evidence, provenance: Provenance) -> Table:
    """Few-shot arms: items whose text was among the shots apart from others, and what training did."""
    design, task = recorded.design, recorded.design.task.name
    heads = ("score", "texts in the shots", "other texts", "scores", "weights changed", "step kept")
    rows = []
    for arm in (arm for arm in _rows(design) if arm.shots):
        href = provenance.link(task, arm)
        keys = recorded.keys(arm)
        found = [manifest for key in keys if (manifest := recorded.manifests.get(key))]
        rows.append(
            Row(
                entries=(
                    Entry(text=arm_name(arm), kind="head"),
                    _level(task, arm, evidence, provenance),
                    *(_of_texts(recorded, arm, part, href) for part in ("seen", "unseen")),
                    Entry(text=f"{len(found)} of {len(keys)}", kind="number", href=href),
                    *changed_entries(found),
                ),
                kind="apart" if design.is_control(arm) else "",
            )
        )
    return Table(
        caption=f"{task}: texts that were among the shots and others, in points; what few-shot training did.",
        heads=((Head(text="arm", number=False), *(Head(text=text) for text in heads)),),
        rows=tuple(rows),
        notes=(
            "In small print the items of a run. Where no weight changed, few-shot is zero-shot under another name.",
        ),
    )


def items_table(recorded: StageFacts, items: Items) -> Table:
    """By language: scored items, candidates and chance of retrieval, marked items, images that could not be read."""
    design, task = recorded.design, recorded.design.task
    captioned = task.spec.contrastive
    heads = (
        *(Head(text=text) for text in (("captions", "distinct images", "chance") if captioned else ("items",))),
        *(Head(text="among them", note=what) for what in task.item_flags.values()),
        Head(text="unreadable images"),
    )
    rows = []
    for language in ordered(design):
        key = recorded.any_of(language)
        frame = items.get(key) if key else None
        if key is None or frame is None:
            rows.append(Row(entries=(language_entry(language), *[Entry(text=MISSING, kind="missing")] * len(heads))))
            continue
        texts = [f"{len(frame):,}"]
        if captioned:
            chance = _chance(frame, task.metric)
            texts += [f"{frame['gold'].n_unique():,}", ABSENT if chance is None else points(chance)]
        texts += [f"{_of_mark(frame, mark).sum():,}" for mark in task.item_flags]
        texts.append(f"{len(_unusable(recorded, key)):,}")
        rows.append(Row(entries=(language_entry(language), *(Entry(text=text, kind="number") for text in texts))))
    caption = "what is found among what, by language" if captioned else "what is scored, by language"
    return Table(
        caption=f"{task.name}: {caption}.",
        heads=((Head(text="language", number=False), *heads),),
        rows=tuple(rows),
        notes=("Scores of languages with other numbers of candidates cannot be compared.",) if captioned else (),
    )


def _differ(recorded: StageFacts, items: Items) -> bool:
    """Whether there is more to say of the items of languages than how many there are."""
    design = recorded.design
    unusable = any(_unusable(recorded, key) for language in design.languages if (key := recorded.any_of(language)))
    marked_ones = any(_has_mark(recorded, items, mark) for mark in design.task.item_flags)
    return design.task.spec.contrastive or unusable or marked_ones


def _rows(design: TaskDesign) -> Sequence[ArmName]:
    """Without what takes the place of a few-shot method: that is compared below."""
    return [arm for arm in design.arms if arm.method not in CONTROLS]


def _level(task: str, arm: ArmName, evidence: Evidence, provenance: Provenance) -> Entry:
    return level_entry(
        evidence.level(task, arm, MEAN), provenance.link(task, arm), absent=evidence.absent(task, arm, MEAN)
    )


def _control(
    recorded: StageFacts, arm: ArmName, read: Callable[[ImageControls], float | None], provenance: Provenance
) -> Entry:
    def score(key: str) -> float | None:
        facts = recorded.scored(key)
        return read(facts.controls) if facts and facts.controls else None

    average = recorded.mean(arm, score)
    return average_entry(average, provenance.link(recorded.design.task.name, arm), len(recorded.design.headline))


def _alone(
    recipe: Recipe,
    arms: Sequence[ArmName],
    arm: ArmName,
    see: str,
    task: str,
    evidence: Evidence,
    provenance: Provenance,
) -> Entry:
    """The score of the arm with as many shots that sees one side alone."""
    name = seeing(recipe, arm.intermediate, see)
    other = ArmName(intermediate=name or "", method=arm.method, shots=arm.shots)
    if other not in arms:
        return Entry(text=ABSENT, kind="absent", hint="the recipe has no such arm")
    return _level(task, other, evidence, provenance)


def _of_texts(recorded: StageFacts, arm: ArmName, part: str, href: str) -> Entry:
    def score_of(key: str) -> ItemScore | None:
        facts = recorded.scored(key)
        if not isinstance(facts, FewshotFacts) or facts.texts_of_shots is None:
            return None
        return facts.texts_of_shots.seen if part == "seen" else facts.texts_of_shots.unseen

    languages = len(recorded.design.headline)
    entry = average_entry(recorded.mean(arm, lambda key: (s := score_of(key)) and s.score), href, languages)
    number = recorded.mean(arm, lambda key: (s := score_of(key)) and s.items).value
    if number is None:
        return entry
    note = f"{number:,.0f}" + (f", {entry.note}" if entry.note else "")
    return Entry(text=entry.text, note=note, href=href, hint="items of a run", kind="number")


def _unmarked(recorded: StageFacts, items: Items, arm: ArmName, mark: str, provenance: Provenance) -> Entry:
    measure = metric(recorded.design.task.metric)

    def read(key: str) -> float | None:
        frame = items[key]
        kept = frame.filter(~_of_mark(frame, mark))
        return measure.score(kept) if len(kept) else None

    return average_entry(
        recorded.mean(arm, read), provenance.link(recorded.design.task.name, arm), len(recorded.design.headline)
    )


def _of_mark(frame: pl.DataFrame, mark: str) -> pl.Series:
    return frame["item"].str.ends_with(item_flag_names("", mark))


def _has_mark(recorded: StageFacts, items: Items, mark: str) -> bool:
    keys = (recorded.any_of(language) for language in recorded.design.headline)
    return any(bool(_of_mark(items[key], mark).any()) for key in keys if key)


def _chance_entry(recorded: StageFacts, items: Items) -> Entry:
    keys = [key for language in recorded.design.headline if (key := recorded.any_of(language))]
    found = [value for key in keys if (value := _chance(items[key], recorded.design.task.metric)) is not None]
    value = sum(found) / len(found) if found else None
    return average_entry(Average(value=value, languages=len(found)), "", len(recorded.design.headline))


def _chance(frame: pl.DataFrame, name: str) -> float | None:
    """What guessing is expected to reach at recall: of an image among all, of one of its captions among all."""
    side, at, most = name.rpartition("recall_at_")
    if not at or not len(frame):
        return None
    captions = frame["gold"].value_counts()["count"].to_list()
    whole = len(frame)
    drawn = min(int(most), whole)
    of_image = min(1.0, drawn / len(captions))
    of_text = sum(1 - comb(whole - own, drawn) / comb(whole, drawn) for own in captions) / len(captions)
    return {"image_": of_image, "text_": of_text}.get(side, (of_image + of_text) / 2)


def _worth_note(captioned: bool, alone: bool) -> str:
    told = ["Images shuffled: the same model, each text beside the images of another item."]
    if captioned:
        told.append("Chance: a guess among all candidates.")
    else:
        told.append("Label prior: the most frequent label of the training data as the answer to all.")
    if alone:
        told.append(
            "Texts alone, images alone: arms that were trained and scored so, with as many shots; without intermediate "
            "training, unless the recipe has such an arm with it."
        )
    return " ".join(told)


def _unreadable(recorded: StageFacts) -> Iterator[str]:
    """What could not be read, of the scored items by language and of the training data, the first few named."""
    scored: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for language in recorded.design.languages:
        if key := recorded.any_of(language):
            images = tuple(sorted(_unusable(recorded, key).items()))
            scored.setdefault(images, []).append(language_name(language))
    for broken, languages in scored.items():
        if broken:
            yield f"Scored items in {', '.join(languages)}, which leave out those that show {_listed(broken)}."
    trained: dict[str, str] = {}
    for manifest in recorded.manifests.values():
        facts = manifest.facts if manifest else None
        if isinstance(facts, TargetFacts) and facts.model.task == recorded.design.task.name:
            trained |= facts.unusable.images
    if trained:
        yield f"Training data, which leave out the examples that show {_listed(tuple(sorted(trained.items())))}."


def _unusable(recorded: StageFacts, key: str) -> Mapping[str, str]:
    facts = recorded.scored(key)
    return facts.unusable.images if facts else {}


def _listed(broken: Sequence[tuple[str, str]]) -> str:
    named = "; ".join(f"`{image}` ({why})" for image, why in broken[:_NAMED])
    more = len(broken) - _NAMED
    return f"{count(len(broken), 'image')}: {named}" + (f"; and {more:,} more" if more > 0 else "")
