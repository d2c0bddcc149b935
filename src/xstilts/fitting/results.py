"""Builds the report of a fit from its candidates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from xstilts.fitting.dataset import Dataset, Part
from xstilts.fitting.estimate import SCORES
from xstilts.fitting.held_out import (
    METRICS,
    Believability,
    Shares,
    arm_difference,
    arm_estimate,
    class_shares,
    english_score,
    held_out_rows,
    posterior_of,
    suspicious_rows,
    trivial_estimate,
    wrong_rows,
)
from xstilts.fitting.learning_curve import LearningCurve
from xstilts.fitting.model import FittedModel
from xstilts.fitting.report import (
    Arm,
    ClassScore,
    DataCounts,
    Estimate,
    FitReport,
    HeldOutRow,
    Neighbour,
    NextStep,
    Role,
)
from xstilts.fitting.search import Candidate, Search
from xstilts.fitting.sets import estimate_sets, label_counts
from xstilts.fitting.settings import FitSettings
from xstilts.plurals import plural

MOST_NEIGHBOURS = 3
FEW_ROWS = 8
"""Classes with fewer rows of the language are named first as those to label."""
NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A finished search: the selected candidate, and what was learnt about its probabilities."""

    dataset: Dataset
    settings: FitSettings
    search: Search
    chosen: Candidate
    believability: Believability
    curve: LearningCurve
    optimism: float
    """What selection among the arms adds to a score."""
    understood: Sequence[str]
    seconds: float


def build_report(fit: Fit, model: FittedModel) -> FitReport:
    """The report of a model that was fitted to all rows."""
    dataset, chosen = fit.dataset, fit.chosen
    shares = class_shares(dataset, fit.settings.prior)
    estimate, trivial, classes = None, None, ()
    confusion: dict[str, dict[str, int]] = {}
    if chosen.logits is not None:
        estimate = arm_estimate(dataset, chosen, shares.values, fit.optimism)
        trivial = trivial_estimate(dataset, shares.values)
        if dataset.problem == "classification":
            classes, confusion = _by_class(dataset, chosen, shares)
    wrong, suspicious = _rows_to_show(fit, model)
    metric, metric_name = METRICS[dataset.problem]
    name = dataset.language.name
    return FitReport(
        title=f"{dataset.columns['label']} of {name} texts",
        problem="pairs" if "pair" in dataset.columns else dataset.problem,
        language=dataset.language.code,
        language_name=name,
        metric=metric,
        metric_name=metric_name,
        encoder=fit.settings.encoder,
        encoder_licence=model.facts.licence,
        command=fit.settings.command,
        version=version("xstilts"),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        seconds=fit.seconds,
        labels=dataset.labels,
        understood=tuple(fit.understood),
        left_out=(*dataset.left_out, *_not_used(fit)),
        warnings=dataset.warnings,
        data=tuple(_counts(dataset)),
        estimate=estimate,
        no_estimate="" if estimate else _no_estimate(dataset),
        estimate_note=shares.note if estimate else "",
        rows_to_halve=4 * len(dataset.shots) if estimate else None,
        test=_test_estimate(dataset, model),
        trivial=trivial,
        arms=tuple(_arms(fit, shares, trivial)),
        classes=classes,
        confusion=confusion,
        wrong=wrong,
        suspicious=suspicious,
        calibration=fit.believability.report,
        curve=fit.curve.points,
        rows_to_gain=fit.curve.rows_to_gain,
        next_steps=tuple(_next_steps(fit, classes, suspicious)),
        long_texts=_long_texts(fit),
    )


def _by_class(
    dataset: Dataset, chosen: Candidate, shares: Shares
) -> tuple[tuple[ClassScore, ...], dict[str, dict[str, int]]]:
    assert chosen.logits is not None
    result = posterior_of(dataset, dataset.shots, np.nan_to_num(chosen.logits, nan=-np.inf).argmax(1), shares.values)
    english, labels = dataset.english.labels(), dataset.labels
    confusion = {
        labels[gold]: {labels[column]: int(count) for column, count in enumerate(row) if count}
        for gold, row in enumerate(result.confusion)
        if row.any()
    }
    return result.class_scores(labels, [english[label] for label in labels]), confusion


def _rows_to_show(fit: Fit, model: FittedModel) -> tuple[tuple[HeldOutRow, ...], tuple[HeldOutRow, ...]]:
    """Wrong held-out rows with their nearest training rows, and rows with a contradicted label."""
    dataset, held_out = fit.dataset, fit.believability.held_out
    if dataset.problem == "multi-label":
        return (), ()
    suspicious = suspicious_rows(dataset, fit.chosen, held_out, fit.believability.temperature)
    if held_out is None:
        return (), suspicious
    rows = wrong_rows(dataset, held_out)
    shown = held_out_rows(dataset, dataset.shots, held_out, rows)
    encoded = fit.chosen.space.encoded.shots
    assert encoded is not None
    similarity, nearest = model.training.nearest(encoded.vectors[rows[: len(shown)]], MOST_NEIGHBOURS + 1)
    wrong = tuple(
        row.model_copy(update={"nearest": tuple(_neighbours(model, row.text, values, numbers))})
        for row, values, numbers in zip(shown, similarity.tolist(), nearest.tolist(), strict=True)
    )
    return wrong, suspicious


def _neighbours(model: FittedModel, text: str, values: Sequence[float], numbers: Sequence[int]) -> list[Neighbour]:
    rows = model.training
    found = [
        Neighbour(text=rows.texts[row], label=rows.labels[row], language=rows.languages[row], similarity=value)
        for value, row in zip(values, numbers, strict=True)
        if rows.texts[row] != text
    ]
    return found[:MOST_NEIGHBOURS]


def _counts(dataset: Dataset) -> list[DataCounts]:
    code = dataset.language.code
    parts: list[tuple[str, Role, Part]] = [
        (dataset.source_language.code, "english", dataset.english),
        (code, "shots", dataset.shots),
        (code, "test", dataset.test),
    ]
    counts = [
        DataCounts(language=language, role=role, rows=len(part), by_label=dict(sorted(part.labels().items())))
        for language, role, part in parts
        if part
    ]
    if dataset.unlabelled:
        counts.append(DataCounts(language=code, role="unlabelled", rows=len(dataset.unlabelled), by_label={}))
    return counts


def _not_used(fit: Fit) -> list[str]:
    used, rows = len(fit.chosen.space.encoded.english_used), len(fit.dataset.english)
    source = fit.dataset.source_language.name
    notes = [f"{source}: {used:,} of {rows:,} rows used, as the budget allows"] if used < rows else []
    if fit.search.skipped:
        notes.append(f"not tried within the budget: {'; '.join(fit.search.skipped)}")
    return notes


def _no_estimate(dataset: Dataset) -> str:
    name = dataset.language.name
    if not dataset.shots:
        return f"You gave no labelled {name} rows, so nothing is known about the score on {name} texts."
    return f"A class has fewer than two {name} rows, so none can be held out to measure the score."


def _test_estimate(dataset: Dataset, model: FittedModel) -> Estimate | None:
    """The score of the final model on the test file."""
    if not dataset.test:
        return None
    pairs = "pair" in dataset.columns
    texts = [example.texts if pairs else example.texts[0] for example in dataset.test.examples]
    if dataset.problem == "multi-label":
        labels = dataset.labels_of(dataset.test)
        gold, predicted = (
            np.array([[label in own for label in labels] for own in rows], int)
            for rows in ([example.classes for example in dataset.test.examples], model.predict(texts))
        )
        groups = [example.group for example in dataset.test.examples]
        return estimate_sets(label_counts(gold, predicted), groups)
    score = SCORES[METRICS[dataset.problem][0]]
    return posterior_of(dataset, dataset.test, model.logits(texts).argmax(1).numpy(), None).estimate(score)


def _arms(fit: Fit, shares: Shares, trivial: Estimate | None) -> list[Arm]:
    arms = []
    if fit.dataset.shots:
        name = "most frequent class" if fit.dataset.problem == "classification" else "most frequent labels"
        arms.append(
            Arm(
                name=name, description=f"always the {name}", kind="trivial", estimate=trivial, english=None, seconds=0.0
            )
        )
    before: Candidate | None = None
    for candidate in fit.search.candidates:
        kind = "unlabelled" if candidate.arm.uses_unlabelled else "head" if candidate.space.dev is None else "encoder"
        arms.append(
            Arm(
                name=candidate.name,
                description=f"{candidate.arm.description}, {candidate.space.description}",
                kind=kind,
                estimate=None if candidate.logits is None else arm_estimate(fit.dataset, candidate, shares.values),
                english=english_score(fit.dataset, candidate),
                seconds=candidate.seconds + candidate.space.seconds,
                selected=candidate is fit.chosen,
                difference=None if before is None else arm_difference(fit.dataset, candidate, before),
            )
        )
        before = candidate
    return arms


def _next_steps(fit: Fit, classes: Sequence[ClassScore], suspicious: Sequence[HeldOutRow]) -> list[NextStep]:
    name, rows = fit.dataset.language.name, fit.dataset.shots
    steps = []
    if not rows:
        steps.append(NextStep(text=f"Label at least 8 {name} rows of each class, and pass them with --shots."))
    if suspicious:
        steps.append(NextStep(text=f"Check {plural(len(suspicious), 'row')} whose label the other rows contradict."))
    needed = fit.curve.rows_to_gain
    gain = "" if needed is None else f" The learning curve says that about {needed:,} raise the score by 2 points."
    weakest = sorted(classes, key=lambda one: (one.rows >= FEW_ROWS, one.f1))[:NAMED]
    if weakest:
        named = ", ".join(one.label for one in weakest)
        steps.append(
            NextStep(
                text=f"Label {max(10, len(rows) // 2)} more {name} rows drawn at random, most of all of {named}.{gain}",
            )
        )
    if rows and not fit.dataset.unlabelled:
        steps.append(NextStep(text=f"Give unlabelled {name} texts with --unlabelled; a few hundred are enough."))
    return steps


def _long_texts(fit: Fit) -> str:
    cut = fit.chosen.space.encoded.cut
    if not cut.windowed and not cut.truncated:
        return ""
    return f"{plural(cut.windowed, 'text')} read in several windows; {plural(cut.truncated, 'text')} cut off."
