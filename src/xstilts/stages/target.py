"""Target training in the source language with a fresh head. The best checkpoint on development data is kept."""

from functools import partial

from xstilts.data.features import featurise
from xstilts.data.leakage import Identity, check_disjoint, count_shared
from xstilts.data.load import check_labels
from xstilts.data.tokenised import feature_lengths, token_ids
from xstilts.errors import StageError
from xstilts.planning.specs import TargetStage
from xstilts.stages.artifacts import (
    base_encoder,
    build_model,
    cached_tokenizer,
    encoder_folder,
    save_weights,
    total_steps,
    trainable_tensors,
    weights_digest,
)
from xstilts.stages.controls import most_frequent_label
from xstilts.stages.head_start import refit_head, start_head
from xstilts.stages.job_context import JobContext
from xstilts.stages.tokenise import load_features
from xstilts.stages.training import count_untouched_layers, make_trainable, scorer, training_facts
from xstilts.store.facts import TargetFacts
from xstilts.store.model_facts import ModelFacts
from xstilts.store.store import Draft
from xstilts.tasks.task import overlap_as_published
from xstilts.train.fit import Objective, examples_used, fit, seed_of, steps_of
from xstilts.train.optim import decay_of_unused_weights
from xstilts.train.predict import fit_thresholds


def run(spec: TargetStage, draft: Draft, context: JobContext) -> None:
    store, environment = context.store, context.environment
    task = context.task(spec.data.task)
    examples, dev = context.examples(spec.data, "train"), context.examples(spec.data, "dev")
    check_labels(examples, task, "train")
    check_labels(dev, task, "dev")
    published = overlap_as_published(task, "dev", task, "train")
    if not published:
        check_disjoint(examples, dev, task.name)
    labels = context.labels(spec.data)
    tokenizer = cached_tokenizer(encoder_folder(store, spec.parent, environment))
    max_length = spec.train.max_length
    all_features = load_features(
        context, spec.parent, [spec.data], "train", tokenizer, labels or None, max_length, spec.modality
    )
    extra_steps = total_steps(store, spec.match_steps_of) if spec.match_steps_of else 0
    steps = steps_of(feature_lengths(all_features), spec.train) + extra_steps
    features = examples_used(all_features, steps, spec.train, seed_of(spec.seed, "used", task.name))
    dev_features = featurise(task.problem, dev, tokenizer, None, max_length, spec.modality)
    seed = seed_of(spec.seed, "head", task.name)
    model, restored = build_model(store, spec.parent, environment, task.problem, labels or None, seed, spec.head)
    frozen_prefix = context.frozen_prefix(spec.parent)
    used = partial(token_ids, all_features if spec.train.refit else features, dev_features)
    trainable = make_trainable(
        model, task.problem, tokenizer, spec.train, environment.device, used, frozen_prefix, context.image_features
    )
    inputs, dev_inputs = trainable.inputs(features), trainable.inputs(dev_features)
    head_start = start_head(trainable, inputs, spec.train)
    before = weights_digest(trainable_tensors(trainable.model))
    fitted = fit(
        [Objective(model=trainable.trained_part, batches=inputs)],
        [0] * steps,
        spec.train.started(head_start),
        seed=seed_of(spec.seed, "target", task.name),
        strategy="best",
        score=scorer(trainable.trained_part, dev_inputs, dev, labels, task),
    )
    after = weights_digest(trainable_tensors(trainable.model))
    if spec.train.refit and not refit_head(trainable, trainable.inputs(all_features), examples):
        raise StageError(
            f"the head of {task.name!r} is not a linear layer, so it has no closed-form solution",
            "remove `refit` from the target's `train`, or use `head: pooled`",
        )
    thresholds = fit_thresholds(trainable.trained_part, dev_inputs, dev, labels)
    if trainable.vocabulary is not None:
        trainable.vocabulary.expand(decay_of_unused_weights(spec.train, fitted.step_kept or fitted.steps))
    save_weights(draft.path, trainable.model, head=True)
    draft.facts = TargetFacts(
        encoder=base_encoder(store, spec.parent),
        inherits=spec.parent,
        training=training_facts(fitted, before, after, head_start, refit=spec.train.refit),
        untouched_layers=count_untouched_layers(trainable.first_trained_layer, frozen_prefix),
        restored=restored,
        model=ModelFacts(
            problem=task.problem,
            labels=labels,
            task=task.name,
            language=spec.data.language,
            max_length=max_length,
            precision=spec.train.precision,
            thresholds=None if thresholds is None else tuple(thresholds),
            columns=context.file_columns(task.name),
            head=spec.head,
            reads_pairs=any(example.is_pair for example in examples),
        ),
        extra_steps=extra_steps,
        modality=spec.modality,
        prior=most_frequent_label(examples),
        unusable=context.unusable_images(spec.data, "train"),
        dev_items=len(dev),
        dev_items_trained_on=count_shared([Identity.of(examples)], dev) if published else 0,
    )
