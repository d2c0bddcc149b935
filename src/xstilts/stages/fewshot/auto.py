"""Selects the candidate of an episode with the method `auto`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
import polars as pl

from xstilts.methods.auto import FOLDS, Auto, AutoSelection, select
from xstilts.metrics import metric
from xstilts.metrics.metric import gold_classes
from xstilts.models.inputs import ModelInputs
from xstilts.planning.candidates import candidate_episodes
from xstilts.planning.specs import FewshotStage
from xstilts.problems import Example
from xstilts.stages.fewshot.adapt import adapted, thresholds_of
from xstilts.stages.fewshot.episode import example_inputs
from xstilts.stages.fewshot.episode_model import EpisodeModel, load_episode_model, split_inputs
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.shots import draw_shots
from xstilts.stages.training import scored_items
from xstilts.tasks.task import Task
from xstilts.train.predict import predict

MIN_GROUPS = 8
"""With fewer groups of shots to leave out, only the English development data select."""
BY_EXAMPLE = {"macro_f1": "accuracy", "accuracy_f1": "accuracy"}
"""The metric of single examples, where the task's metric has no value for them."""

Scores = Mapping[str, float]
"""Mean scores (0 to 1) by group."""

ENGLISH_SCORES = Slot[str, Scores]("scores of candidates on English development data, by the key of the episode")


def select_candidate(spec: FewshotStage, context: JobContext) -> tuple[FewshotStage, AutoSelection | None]:
    """The episode to run: the spec itself, or that of the candidate that `auto` selects."""
    if not isinstance(spec.method, Auto):
        return spec, None
    episodes = candidate_episodes(spec, context.task(spec.evaluation.task))
    english = {} if spec.fresh_head else {name: _english_scores(one, context) for name, one in episodes.items()}
    folds = _folds(spec, context)
    left_out = {name: _left_out_scores(one, folds, context) for name, one in episodes.items()} if folds else {}
    by_group = [{name: list(scores.values()) for name, scores in part.items()} for part in (english, left_out)]
    selected, default = select([*episodes], by_group[0], by_group[1], spec.shots)
    means = [{name: fmean(values) for name, values in part.items()} for part in by_group]
    selection = AutoSelection(
        candidate=selected,
        default=default,
        metric=_metric_of_examples(context.task(spec.evaluation.task)),
        english=means[0],
        left_out=means[1],
        groups=sum(len({shot.group for shot in fold}) for fold in folds),
    )
    return episodes[selected], selection


def _english_scores(spec: FewshotStage, context: JobContext) -> Scores:
    """Of the candidate without shots, on the development data of the source language, which has no language offset."""
    without_shots = replace(spec.without_shots(), unlabelled=None)

    def make() -> Scores:
        episode_model = load_episode_model(without_shots, context)
        inputs = split_inputs(spec.data, "dev", context, episode_model, spec.modality)
        return _scores(without_shots, context, episode_model, (), inputs, context.examples(spec.data, "dev"))

    return context.cached(ENGLISH_SCORES, without_shots.key, make)


def _folds(spec: FewshotStage, context: JobContext) -> Sequence[Sequence[Example]]:
    """The shots that are left out together; empty if there are too few. Groups in the order of their first shot go to
    one fold after the other.

    Shots in a group of English training data stay: the translation of such a shot is training data of the model.
    """
    if not spec.shots or spec.multilingual:
        return ()
    episodes = candidate_episodes(spec, context.task(spec.evaluation.task)).values()
    labels = load_episode_model(next(iter(episodes)), context).labels
    seen = {example.group for example in context.examples(spec.data, "train")} if spec.trains_on_source else set()
    shots = [shot for shot in draw_shots(spec, context, labels) if shot.group not in seen]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(shot.group for shot in shots))}
    if len(numbers) < MIN_GROUPS:
        return ()
    return [[shot for shot in shots if numbers[shot.group] % FOLDS == fold] for fold in range(FOLDS)]


def _left_out_scores(spec: FewshotStage, folds: Sequence[Sequence[Example]], context: JobContext) -> Scores:
    """Of every left-out group, by the candidate that is adapted to the other shots."""
    scores: dict[str, float] = {}
    for fold in folds:
        episode_model = load_episode_model(spec, context)
        left_out = {shot.id for shot in fold}
        shots = [shot for shot in draw_shots(spec, context, episode_model.labels) if shot.id not in left_out]
        scores |= _scores(spec, context, episode_model, shots, example_inputs(spec, episode_model, fold), fold)
    return scores


def _scores(
    spec: FewshotStage,
    context: JobContext,
    episode_model: EpisodeModel,
    shots: Sequence[Example],
    inputs: ModelInputs,
    examples: Sequence[Example],
) -> Scores:
    with adapted(spec, context, episode_model, shots) as (_, model):
        predicted = predict(model, inputs, examples, episode_model.labels, thresholds_of(spec, episode_model))
    task = context.task(spec.evaluation.task)
    return _by_group(scored_items(task, examples, predicted), task)


def _metric_of_examples(task: Task) -> str:
    return BY_EXAMPLE.get(task.metric, task.metric)


def _by_group(frame: pl.DataFrame, task: Task) -> Scores:
    measure = metric(_metric_of_examples(task))
    statistics = measure.encode(frame, gold_classes(frame))
    # an item without gold spans and without predicted ones is right
    values = np.where((statistics == 0).all(1), 1.0, measure.value(statistics))
    means = frame.select("group", value=pl.Series(values)).group_by("group", maintain_order=True).mean()
    return dict(means.iter_rows())
