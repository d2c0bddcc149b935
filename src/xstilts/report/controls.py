"""Controls for image tasks: shuffled images, one modality only, priors, and items seen in the shots."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import comb

import polars as pl

from xstilts.analysis.contrasts import MEAN, Estimates
from xstilts.analysis.controls import CONTROL_METHODS, single_modality_arm
from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import ABSENT, MISSING, arm_name, language_name, plural, points
from xstilts.analysis.results import ArmName, Items
from xstilts.analysis.stage_facts import FactMean, StageFacts
from xstilts.config.recipe import Recipe
from xstilts.metrics import metric
from xstilts.report.components import Component, Entry, Head, Row, Sidebar, Table
from xstilts.report.metrics_table import fact_entry
from xstilts.report.provenance import Provenance
from xstilts.report.records import changed_entries
from xstilts.report.tables import arm_mean_entry, language_entry, language_order
from xstilts.store.facts import FewshotFacts, ImageControls, ItemScore, TargetFacts
from xstilts.tasks.task import flagged_id

_MAX_NAMED = 3
"""How many unreadable images are listed by name."""
_MODALITY_HEADS = {"text": "texts only", "images": "images only"}


def image_parts(
    recipe: Recipe, facts: StageFacts, items: Items, estimates: Estimates, provenance: Provenance
) -> Iterator[Component]:
    """The controls of one target with images."""
    yield image_ablation_table(recipe, facts, items, estimates, provenance)
    if any(arm.shots for arm in facts.design.arms):
        yield seen_texts_table(facts, estimates, provenance)
    if _items_differ(facts, items):
        yield items_table(facts, items)
    if remarks := tuple(_unreadable_remarks(facts)):
        yield Sidebar(title="Images that could not be read", remarks=remarks)


def image_ablation_table(
    recipe: Recipe, facts: StageFacts, items: Items, estimates: Estimates, provenance: Provenance
) -> Table:
    """Each arm's score, its score with shuffled images, and the scores reached with less information."""
    design = facts.design
    modalities = [
        modality
        for modality in _MODALITY_HEADS
        if any(recipe.intermediate[arm.intermediate].modality == modality for arm in design.arms)
    ]
    flags = [flag for flag in design.task.item_flags if _any_flagged(facts, items, flag)]
    captioned = design.task.spec.contrastive
    heads = (
        Head(text="score"),
        Head(text="images shuffled"),
        *(Head(text=_MODALITY_HEADS[modality], note="separate arm") for modality in modalities),
        Head(text="chance" if captioned else "label prior"),
        *(Head(text="excluding", note=design.task.item_flags[flag]) for flag in flags),
    )
    arms = [arm for arm in _method_arms(design) if not recipe.intermediate[arm.intermediate].modality]
    return Table(
        caption=f"{design.task.name}: how much the scores depend on the images, in points, mean over "
        f"{plural(len(design.headline), 'language')}.",
        heads=((Head(text="arm", number=False), *heads),),
        rows=tuple(
            Row(
                entries=(
                    Entry(text=arm_name(arm), kind="head"),
                    _arm_mean_entry(design.task.name, arm, estimates, provenance),
                    _control_entry(facts, arm, lambda controls: controls.shuffled_images, provenance),
                    *(
                        _single_modality_entry(
                            recipe, design.arms, arm, modality, design.task.name, estimates, provenance
                        )
                        for modality in modalities
                    ),
                    _chance_entry(facts, items)
                    if captioned
                    else _control_entry(facts, arm, lambda controls: controls.label_prior, provenance),
                    *(_unflagged_entry(facts, items, arm, flag, provenance) for flag in flags),
                ),
                kind="muted" if design.is_control(arm) else "",
            )
            for arm in arms
        ),
        notes=(_image_ablation_note(captioned, bool(modalities)),),
    )


def seen_texts_table(facts: StageFacts, estimates: Estimates, provenance: Provenance) -> Table:
    """Few-shot arms: scores on items whose text was among the shots and on others, and facts about training."""
    design, task = facts.design, facts.design.task.name
    heads = ("score", "texts in the shots", "other texts", "runs", "weights changed", "selected step")
    rows = []
    for arm in (arm for arm in _method_arms(design) if arm.shots):
        href = provenance.link(task, arm)
        keys = facts.keys(arm)
        manifests = [manifest for key in keys if (manifest := facts.manifests.get(key))]
        rows.append(
            Row(
                entries=(
                    Entry(text=arm_name(arm), kind="head"),
                    _arm_mean_entry(task, arm, estimates, provenance),
                    *(_text_group_entry(facts, arm, text_group, href) for text_group in ("seen", "unseen")),
                    Entry(text=f"{len(manifests)} of {len(keys)}", kind="number", href=href),
                    *changed_entries(manifests),
                ),
                kind="muted" if design.is_control(arm) else "",
            )
        )
    return Table(
        caption=f"{task}: scores on texts that were among the shots and on other texts, in points.",
        heads=((Head(text="arm", number=False), *(Head(text=text) for text in heads)),),
        rows=tuple(rows),
        notes=("Small print: items per run. If no weights changed, the few-shot model equals the zero-shot model.",),
    )


def items_table(facts: StageFacts, items: Items) -> Table:
    """By language: items, candidates and chance level of retrieval, flagged items, unreadable images."""
    design, task = facts.design, facts.design.task
    captioned = task.spec.contrastive
    heads = (
        *(Head(text=text) for text in (("captions", "distinct images", "chance") if captioned else ("items",))),
        *(Head(text="of these", note=description) for description in task.item_flags.values()),
        Head(text="unreadable images"),
    )
    rows = []
    for language in language_order(design):
        key = facts.any_artifact(language)
        frame = items.get(key) if key else None
        if key is None or frame is None:
            rows.append(Row(entries=(language_entry(language), *[Entry(text=MISSING, kind="missing")] * len(heads))))
            continue
        texts = [f"{len(frame):,}"]
        if captioned:
            chance = _chance(frame, task.metric)
            texts += [f"{frame['gold'].n_unique():,}", ABSENT if chance is None else points(chance)]
        texts += [f"{_has_flag(frame, flag).sum():,}" for flag in task.item_flags]
        texts.append(f"{len(_unusable(facts, key)):,}")
        rows.append(Row(entries=(language_entry(language), *(Entry(text=text, kind="number") for text in texts))))
    caption = "captions and candidate images by language" if captioned else "scored items by language"
    return Table(
        caption=f"{task.name}: {caption}.",
        heads=((Head(text="language", number=False), *heads),),
        rows=tuple(rows),
        notes=("Do not compare scores of languages with different numbers of candidates.",) if captioned else (),
    )


def _items_differ(facts: StageFacts, items: Items) -> bool:
    """Whether the items table says more than the number of items."""
    design = facts.design
    unusable = any(_unusable(facts, key) for language in design.languages if (key := facts.any_artifact(language)))
    marked_ones = any(_any_flagged(facts, items, flag) for flag in design.task.item_flags)
    return design.task.spec.contrastive or unusable or marked_ones


def _method_arms(design: TaskDesign) -> Sequence[ArmName]:
    """The arms without control methods, which have a table of their own."""
    return [arm for arm in design.arms if arm.method not in CONTROL_METHODS]


def _arm_mean_entry(task: str, arm: ArmName, estimates: Estimates, provenance: Provenance) -> Entry:
    return arm_mean_entry(
        estimates.arm_mean(task, arm, MEAN), provenance.link(task, arm), absent=estimates.not_in_recipe(task, arm, MEAN)
    )


def _control_entry(
    facts: StageFacts, arm: ArmName, read: Callable[[ImageControls], float | None], provenance: Provenance
) -> Entry:
    def score(key: str) -> float | None:
        scored = facts.scored(key)
        return read(scored.controls) if scored and scored.controls else None

    average = facts.mean(arm, score)
    return fact_entry(average, provenance.link(facts.design.task.name, arm), len(facts.design.headline))


def _single_modality_entry(
    recipe: Recipe,
    arms: Sequence[ArmName],
    arm: ArmName,
    modality: str,
    task: str,
    estimates: Estimates,
    provenance: Provenance,
) -> Entry:
    """The score of the one-modality arm with the same shots."""
    name = single_modality_arm(recipe, arm.intermediate, modality)
    other = ArmName(intermediate=name or "", method=arm.method, shots=arm.shots)
    if other not in arms:
        return Entry(text=ABSENT, kind="absent", tooltip="the recipe has no such arm")
    return _arm_mean_entry(task, other, estimates, provenance)


def _text_group_entry(facts: StageFacts, arm: ArmName, text_group: str, href: str) -> Entry:
    def score_of(key: str) -> ItemScore | None:
        scored = facts.scored(key)
        if not isinstance(scored, FewshotFacts) or scored.texts_of_shots is None:
            return None
        return scored.texts_of_shots.seen if text_group == "seen" else scored.texts_of_shots.unseen

    languages = len(facts.design.headline)
    entry = fact_entry(facts.mean(arm, lambda key: (s := score_of(key)) and s.score), href, languages)
    number = facts.mean(arm, lambda key: (s := score_of(key)) and s.items).value
    if number is None:
        return entry
    note = f"{number:,.0f}" + (f", {entry.note}" if entry.note else "")
    return Entry(text=entry.text, note=note, href=href, tooltip="items per run", kind="number")


def _unflagged_entry(facts: StageFacts, items: Items, arm: ArmName, flag: str, provenance: Provenance) -> Entry:
    measure = metric(facts.design.task.metric)

    def read(key: str) -> float | None:
        frame = items[key]
        kept = frame.filter(~_has_flag(frame, flag))
        return measure.score(kept) if len(kept) else None

    return fact_entry(facts.mean(arm, read), provenance.link(facts.design.task.name, arm), len(facts.design.headline))


def _has_flag(frame: pl.DataFrame, flag: str) -> pl.Series:
    return frame["item"].str.ends_with(flagged_id("", flag))


def _any_flagged(facts: StageFacts, items: Items, flag: str) -> bool:
    keys = (facts.any_artifact(language) for language in facts.design.headline)
    return any(bool(_has_flag(items[key], flag).any()) for key in keys if key)


def _chance_entry(facts: StageFacts, items: Items) -> Entry:
    keys = [key for language in facts.design.headline if (key := facts.any_artifact(language))]
    chances = [value for key in keys if (value := _chance(items[key], facts.design.task.metric)) is not None]
    value = sum(chances) / len(chances) if chances else None
    return fact_entry(FactMean(value=value, languages=len(chances)), "", len(facts.design.headline))


def _chance(frame: pl.DataFrame, name: str) -> float | None:
    """The expected recall of random guessing: for images given a caption, and for captions given an image."""
    side, at, k = name.rpartition("recall_at_")
    if not at or not len(frame):
        return None
    captions = frame["gold"].value_counts()["count"].to_list()
    total = len(frame)
    drawn = min(int(k), total)
    of_image = min(1.0, drawn / len(captions))
    of_text = sum(
        1 - comb(total - captions_of_image, drawn) / comb(total, drawn) for captions_of_image in captions
    ) / len(captions)
    return {"image_": of_image, "text_": of_text}.get(side, (of_image + of_text) / 2)


def _image_ablation_note(captioned: bool, single_modality: bool) -> str:
    sentences = ["Images shuffled: the same model, with each text paired with the images of another item."]
    if captioned:
        sentences.append("Chance: random guessing among all candidates.")
    else:
        sentences.append("Label prior: always answering with the most frequent label of the training data.")
    if single_modality:
        sentences.append(
            "Texts only, images only: arms that were trained and scored on one modality with the same shots. They have "
            "no intermediate training unless the recipe has a one-modality arm with it."
        )
    return " ".join(sentences)


def _unreadable_remarks(facts: StageFacts) -> Iterator[str]:
    """Unreadable images among the scored items, by language, and in the training data; the first few by name."""
    scored: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for language in facts.design.languages:
        if key := facts.any_artifact(language):
            images = tuple(sorted(_unusable(facts, key).items()))
            scored.setdefault(images, []).append(language_name(language))
    for broken, languages in scored.items():
        if broken:
            yield (
                f"Scored items in {', '.join(languages)}: items with these images are excluded. {_list_images(broken)}."
            )
    trained: dict[str, str] = {}
    for manifest in facts.manifests.values():
        recorded = manifest.facts if manifest else None
        if isinstance(recorded, TargetFacts) and recorded.model.task == facts.design.task.name:
            trained |= recorded.unusable.images
    if trained:
        yield (
            f"Training data: examples with these images are excluded. {_list_images(tuple(sorted(trained.items())))}."
        )


def _unusable(facts: StageFacts, key: str) -> Mapping[str, str]:
    scored = facts.scored(key)
    return scored.unusable.images if scored else {}


def _list_images(broken: Sequence[tuple[str, str]]) -> str:
    named = "; ".join(f"`{image}` ({why})" for image, why in broken[:_MAX_NAMED])
    more = len(broken) - _MAX_NAMED
    return f"{plural(len(broken), 'image')}: {named}" + (f"; and {more:,} more" if more > 0 else "")
