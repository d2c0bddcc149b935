"""Episodes whose head is a classifier of frozen states, fitted to the English examples and the shots."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.leave_one_out import Rows
from xstilts.methods.method import StatesClassifier
from xstilts.models.frozen_states import FrozenStatesModel, labelled_states, numbered_states
from xstilts.models.generic_head import linear_model
from xstilts.models.heads import head_parameters
from xstilts.models.inputs import ModelInputs
from xstilts.models.linear_layer import with_last_layer
from xstilts.models.split import backbone
from xstilts.planning.specs import FewshotStage
from xstilts.problems import PROBLEMS, Example, ProblemName
from xstilts.stages.artifacts import weights_digest
from xstilts.stages.fewshot.episode import (
    MAX_CACHED_POOL,
    EpisodeResult,
    TrainingOutcome,
    example_inputs,
    shot_inputs,
)
from xstilts.stages.fewshot.episode_model import EpisodeModel, split_inputs
from xstilts.stages.fewshot.unlabelled import unlabelled_offset
from xstilts.stages.job_context import JobContext


def fit_head(
    classifier: StatesClassifier,
    spec: FewshotStage,
    context: JobContext,
    episode_model: EpisodeModel,
    shots: Sequence[Example],
) -> EpisodeResult:
    """The episode's encoder with the fitted head."""
    trained_part, problem = episode_model.trainable.trained_part, episode_model.trainable.problem
    classes = len(episode_model.labels)
    english = _english_summary(classifier, spec, context, episode_model) if spec.trains_on_source else None
    summary = settings = None
    own = shots
    if spec.multilingual and english is not None and isinstance(classifier, FrozenStatesMethod):
        own = [shot for shot in shots if shot.language == spec.evaluation.language]
        for other in _summaries_of_others(classifier, spec, context, episode_model, shots):
            english = classifier.with_language(english, other, classes)
    rows = _rows(episode_model, shot_inputs(spec, context, episode_model, own), own) if own else None
    offset = None
    if english is not None and isinstance(classifier, FrozenStatesMethod):
        offset = unlabelled_offset(classifier, english, spec, context, episode_model)
    if rows is not None:
        rows = rows if offset is None else rows._replace(vectors=rows.vectors - offset)
        summary = classifier.summarise([(rows.vectors, rows.labels)], classes)
        if isinstance(classifier, FrozenStatesMethod) and len(own) == len(shots):
            settings = classifier.select(rows, english, lambda: _english_rows(rows, spec, context, episode_model))
            classifier = classifier if settings is None else classifier.with_settings(settings)
    head = classifier.fit(summary, english, classes)
    if offset is not None:
        head["bias"] = (head["bias"] - head["weight"].double() @ offset).float()
    model = _with_head(episode_model, problem, classifier, head)
    before, after = (
        weights_digest({name: parameter.detach() for name, parameter in head_parameters(module).items()})
        for module in (trained_part, model)
    )
    return TrainingOutcome(fitted=None, before=before, after=after, settings=settings), model


def _summaries_of_others(
    classifier: StatesClassifier,
    spec: FewshotStage,
    context: JobContext,
    episode_model: EpisodeModel,
    shots: Sequence[Example],
) -> Iterator[tuple[Tensor, ...]]:
    """The shots of each language of a multilingual episode but the scored one."""
    for language in dict.fromkeys(shot.language for shot in shots):
        if language != spec.evaluation.language:
            others = [shot for shot in shots if shot.language == language]
            rows = _rows(episode_model, shot_inputs(spec, context, episode_model, others), others)
            yield classifier.summarise([(rows.vectors, rows.labels)], len(episode_model.labels))


def _with_head(
    episode_model: EpisodeModel, problem: ProblemName, classifier: StatesClassifier, head: Mapping[str, Tensor]
) -> nn.Module:
    """The frozen encoder with the head: a linear layer like that of a trained model where the classifier is linear."""
    trained_part, pooling = episode_model.trainable.trained_part, episode_model.pooling
    encoder = backbone(trained_part)
    if PROBLEMS[problem].has_images:
        model = with_last_layer(trained_part, head["weight"], head["bias"])
    elif classifier.linear:
        model = linear_model(encoder, problem, pooling, head["weight"], head["bias"])
    else:
        model = FrozenStatesModel(encoder, problem, pooling, classifier, head)
    return model.to(episode_model.trainable.device)


def _rows(episode_model: EpisodeModel, inputs: ModelInputs, examples: Sequence[Example]) -> Rows:
    """The states of examples with their classes and groups."""
    batches = numbered_states(episode_model.trainable.trained_part, inputs, episode_model.pooling)
    vectors, labels, numbers = zip(*batches, strict=True)
    groups = [examples[number].group for batch in numbers for number in batch]
    return Rows(torch.cat(vectors), torch.cat(labels), groups)


def _english_rows(shots: Rows, spec: FewshotStage, context: JobContext, episode_model: EpisodeModel) -> Rows:
    """The source-language training examples that share a group with a shot."""
    examples, groups = context.examples(spec.data, "train"), set(shots.groups)
    numbers = [number for number, example in enumerate(examples) if example.group in groups]
    if not numbers:
        return shots.subset([])
    shared = [examples[number] for number in numbers]
    if len(examples) <= MAX_CACHED_POOL:
        inputs = split_inputs(spec.data, "train", context, episode_model, spec.modality).subset(numbers)
    else:
        inputs = example_inputs(spec, episode_model, shared)
    return _rows(episode_model, inputs, shared)


def _english_summary(
    classifier: StatesClassifier, spec: FewshotStage, context: JobContext, episode_model: EpisodeModel
) -> tuple[Tensor, ...]:
    """The summary of the source-language training data, shared by jobs of all languages and by methods with the same
    `summarise`."""
    trained_part, train = episode_model.trainable.trained_part, episode_model.trainable.train
    summary_kind: str = type(classifier).summarise.__qualname__
    if isinstance(classifier, FrozenStatesMethod) and classifier.selects_on_english:
        summary_kind = str(classifier.model_dump())

    def make() -> tuple[Tensor, ...]:
        inputs = split_inputs(spec.data, "train", context, episode_model, spec.modality)
        classes = len(episode_model.labels)
        if isinstance(classifier, FrozenStatesMethod) and classifier.selects_on_english:
            return classifier.select_on_english(
                _rows(episode_model, inputs, context.examples(spec.data, "train")), classes
            )
        return classifier.summarise(labelled_states(trained_part, inputs, episode_model.pooling), classes)

    key = (
        summary_kind,
        spec.parent,
        spec.data,
        train.max_length,
        spec.modality,
        train.precision,
        episode_model.labels,
        torch.get_num_threads(),
    )
    return context.activation_cache.get(key, make)
