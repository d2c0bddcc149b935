"""Controls for image tasks: shuffled images, one modality only, priors, and texts that were among the shots."""

from collections.abc import Callable, Iterator, Sequence

from xstilts.analysis.contrasts import MEAN, Estimates
from xstilts.analysis.controls import CONTROL_METHODS, single_modality_arm
from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import ABSENT, arm_name
from xstilts.analysis.results import ArmName, Items
from xstilts.analysis.stage_facts import FactMean, StageFacts
from xstilts.config.recipe import MAJORITY, Recipe
from xstilts.metrics import metric
from xstilts.plurals import plural
from xstilts.report.components import Component, Entry, Head, Row, Sidebar, Table
from xstilts.report.metrics_table import fact_entry
from xstilts.report.provenance import Provenance
from xstilts.report.records import changed_entries
from xstilts.report.scored_items import (
    any_flagged,
    chance_recall,
    is_flagged,
    items_differ,
    items_table,
    unreadable_remarks,
)
from xstilts.report.tables import arm_mean_entry
from xstilts.store.facts import FewshotFacts, ImageControls, ItemScore

_MODALITY_HEADS = {"text": "texts only", "images": "images only"}


def image_parts(
    recipe: Recipe, facts: StageFacts, items: Items, estimates: Estimates, provenance: Provenance
) -> Iterator[Component]:
    """The controls of one target with images."""
    yield image_ablation_table(recipe, facts, items, estimates, provenance)
    if any(arm.shots for arm in facts.design.arms):
        yield seen_texts_table(facts, estimates, provenance)
    if items_differ(facts, items):
        yield items_table(facts, items)
    if remarks := tuple(unreadable_remarks(facts)):
        yield Sidebar(title="Images that could not be read", remarks=remarks)


def image_ablation_table(
    recipe: Recipe, facts: StageFacts, items: Items, estimates: Estimates, provenance: Provenance
) -> Table:
    """Each arm's score, its score with shuffled images, and the scores reached with less information."""
    design, task = facts.design, facts.design.task
    modalities = [
        modality
        for modality in _MODALITY_HEADS
        if any(recipe.intermediate[arm.intermediate].modality == modality for arm in design.arms)
    ]
    flags = [flag for flag in task.item_flags if any_flagged(facts, items, flag)]
    captioned = task.spec.is_contrastive
    heads = (
        Head(text="score"),
        Head(text="images shuffled"),
        *(Head(text=_MODALITY_HEADS[modality], note="separate arm") for modality in modalities),
        Head(text="chance" if captioned else "label prior"),
        *(Head(text="excluding", note=task.item_flags[flag]) for flag in flags),
    )
    rows = []
    for arm in _method_arms(design):
        if recipe.intermediate[arm.intermediate].modality:
            continue
        href = provenance.link(task.name, arm)
        prior = (
            _chance_entry(facts, items)
            if captioned
            else _control_entry(facts, arm, lambda controls: controls.label_prior, href)
        )
        rows.append(
            Row(
                entries=(
                    Entry(text=arm_name(arm), kind="head"),
                    _score_entry(task.name, arm, estimates, provenance),
                    _control_entry(facts, arm, lambda controls: controls.shuffled_images, href),
                    *(_single_modality_entry(recipe, design, arm, m, estimates, provenance) for m in modalities),
                    prior,
                    *(_unflagged_entry(facts, items, arm, flag, href) for flag in flags),
                ),
                kind="muted" if design.is_control(arm) else "",
            )
        )
    return Table(
        caption=f"{task.name}: how much the scores depend on the images, in points, mean over "
        f"{plural(len(design.headline), 'language')}.",
        heads=((Head(text="arm", number=False), *heads),),
        rows=tuple(rows),
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
                    _score_entry(task, arm, estimates, provenance),
                    _texts_entry(facts, arm, "seen", href),
                    _texts_entry(facts, arm, "unseen", href),
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


def _method_arms(design: TaskDesign) -> Sequence[ArmName]:
    """The arms without control methods, which have their own table, and without the trivial baseline, which reads no
    image."""
    return [arm for arm in design.arms if arm.method not in (*CONTROL_METHODS, MAJORITY)]


def _score_entry(task: str, arm: ArmName, estimates: Estimates, provenance: Provenance) -> Entry:
    absent = estimates.not_in_recipe(task, arm, MEAN)
    return arm_mean_entry(estimates.arm_mean(task, arm, MEAN), provenance.link(task, arm), absent)


def _control_entry(facts: StageFacts, arm: ArmName, read: Callable[[ImageControls], float | None], href: str) -> Entry:
    def score(key: str) -> float | None:
        scored = facts.scored(key)
        return read(scored.controls) if scored and scored.controls else None

    return fact_entry(facts.mean(arm, score), href, len(facts.design.headline))


def _single_modality_entry(
    recipe: Recipe, design: TaskDesign, arm: ArmName, modality: str, estimates: Estimates, provenance: Provenance
) -> Entry:
    """The score of the one-modality arm with the same shots."""
    name = single_modality_arm(recipe, arm.intermediate, modality)
    control = ArmName(intermediate=name or "", method=arm.method, shots=arm.shots)
    if control not in design.arms:
        return Entry(text=ABSENT, kind="absent", tooltip="the recipe has no such arm")
    return _score_entry(design.task.name, control, estimates, provenance)


def _texts_entry(facts: StageFacts, arm: ArmName, group: str, href: str) -> Entry:
    """The score on the texts that were among the shots (`seen`) or on the others (`unseen`)."""

    def item_score(key: str) -> ItemScore | None:
        scored = facts.scored(key)
        if not isinstance(scored, FewshotFacts) or scored.texts_of_shots is None:
            return None
        return scored.texts_of_shots.seen if group == "seen" else scored.texts_of_shots.unseen

    entry = fact_entry(
        facts.mean(arm, lambda key: (s := item_score(key)) and s.score), href, len(facts.design.headline)
    )
    items = facts.mean(arm, lambda key: (s := item_score(key)) and s.items).value
    if items is None:
        return entry
    note = f"{items:,.0f}" + (f", {entry.note}" if entry.note else "")
    return Entry(text=entry.text, note=note, href=href, tooltip="items per run", kind="number")


def _unflagged_entry(facts: StageFacts, items: Items, arm: ArmName, flag: str, href: str) -> Entry:
    scorer = metric(facts.design.task.metric)

    def score(key: str) -> float | None:
        unflagged = items[key].filter(~is_flagged(items[key], flag))
        return scorer.score(unflagged) if len(unflagged) else None

    return fact_entry(facts.mean(arm, score), href, len(facts.design.headline))


def _chance_entry(facts: StageFacts, items: Items) -> Entry:
    keys = [key for language in facts.design.headline if (key := facts.any_artifact(language))]
    chances = [chance for key in keys if (chance := chance_recall(items[key], facts.design.task.metric)) is not None]
    mean = FactMean(value=sum(chances) / len(chances) if chances else None, languages=len(chances))
    return fact_entry(mean, "", len(facts.design.headline))


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
