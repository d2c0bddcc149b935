"""Few-shot stages: adaptation to k examples of a language, then evaluation.

The episodes of one model, task and language form a job. Frozen layers run once on the pool of shots and once on the
scored items; every k and draw starts from their activations.
"""

from xstilts.config.splits import shots_split
from xstilts.data.leakage import check_disjoint, images_in
from xstilts.data.load import check_labels
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.planning.specs import FewshotStage
from xstilts.planning.stage import Data, SplitRead
from xstilts.stages.artifacts import base_encoder, read_facts, save_weights
from xstilts.stages.controls import image_controls, most_frequent_label, scores_by_seen_text
from xstilts.stages.fewshot.adapt import adapted, thresholds_of
from xstilts.stages.fewshot.auto import select_candidate
from xstilts.stages.fewshot.episode_model import load_episode_model, split_inputs, train_settings
from xstilts.stages.fewshot.unlabelled import unlabelled_facts
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.lineage import check_lineage, count_items_trained_on, count_shared_images
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.shots import draw_shots, pool_sizes, write_shots
from xstilts.stages.training import scored_items, training_facts
from xstilts.store.facts import FewshotFacts, LeakFacts, TargetFacts, TextFacts
from xstilts.store.model_facts import ModelFacts
from xstilts.store.store import Draft
from xstilts.tasks.task import overlap_as_published
from xstilts.train.predict import predict

Scored = tuple[str, Data, str, tuple[SplitRead, ...]]
"""An artifact, the split on which it is scored, and what the episode trains on besides the shots."""

UNCHECKED = Slot[Scored, list[str]]("training data that cannot be checked against a scored split")
IMAGES_SHARED = Slot[Scored, dict[str, int]]("scored images that were trained on")
ITEMS_TRAINED_ON = Slot[tuple[Scored, str], int]("number of scored items that were trained on")
TEXTS = Slot[Data, TextFacts]("statistics of scored texts")
PRIORS = Slot[Data, str | None]("most frequent labels")


def run(spec: FewshotStage, draft: Draft, context: JobContext) -> None:
    spec, selected = select_candidate(spec, context)
    task = context.task(spec.evaluation.task)
    examples = context.examples(spec.evaluation, spec.split)
    check_labels(examples, task, spec.split)
    reads = tuple(read for read in spec.splits_read if read.role == "train" and read.data not in spec.pools)
    scored, history = (
        (spec.parent, spec.evaluation, spec.split, reads),
        (spec.parent, task, spec.split, examples, reads),
    )
    unchecked = context.cached(UNCHECKED, scored, lambda: check_lineage(context, *history))
    episode_model = load_episode_model(spec, context)
    shots = draw_shots(spec, context, episode_model.labels)
    fixed = spec.fixed_shots
    published = fixed is not None and overlap_as_published(task, spec.split, task, shots_split(fixed))
    if not published:
        check_disjoint(shots, examples, task.name, images=spec.fixed_shots is None)
    thresholds = thresholds_of(spec, episode_model)
    with adapted(spec, context, episode_model, shots) as (outcome, model):
        inputs = split_inputs(spec.evaluation, spec.split, context, episode_model, spec.modality)
        predicted = predict(model, inputs, examples, episode_model.labels, thresholds)
        controls = None
        if spec.modality is None and task.spec.has_images:
            controls = image_controls(model, inputs, examples, episode_model.labels, task, _prior(spec, context))
    if spec.keep == "all":
        trainable = episode_model.trainable
        full_model = trainable.model if model is trainable.trained_part else model
        save_weights(draft.path, full_model, head=True)
    frame = scored_items(task, examples, predicted)
    write_shots(draft.path, shots)
    train, (pool, pool_scored) = train_settings(spec), pool_sizes(spec, context)
    shared = context.cached(IMAGES_SHARED, scored, lambda: count_shared_images(context, spec.parent, task, examples))
    draft.facts = FewshotFacts(
        encoder=base_encoder(context.store, spec.parent),
        inherits=spec.parent,
        training=training_facts(outcome.fitted, outcome.before, outcome.after),
        settings=outcome.settings,
        selected=selected,
        unlabelled=unlabelled_facts(spec, context),
        untouched_layers=None,
        model=ModelFacts(
            problem=episode_model.trainable.problem,
            labels=episode_model.labels,
            task=task.name,
            language=spec.evaluation.language,
            max_length=train.max_length,
            precision=train.precision,
            thresholds=thresholds,
            columns=context.file_columns(task.name),
            head="pooled" if isinstance(spec.method, FrozenStatesMethod) else spec.head,
            reads_pairs=any(shot.is_pair for shot in shots),
        ),
        shots=len(shots),
        selection=spec.selection,
        oracle=spec.selection == "target_dev",
        scores=write_scores(draft.path, frame, task),
        texts=context.cached(
            TEXTS, spec.evaluation, lambda: text_facts(examples, episode_model.tokenizer, train.max_length, task)
        ),
        texts_of_shots=scores_by_seen_text(frame, examples, shots, task),
        unusable=context.unusable_images(spec.evaluation, spec.split),
        rows_left_out=context.rows_left_out(spec.evaluation, spec.split),
        controls=controls,
        leaks=LeakFacts(
            unchecked=tuple(unchecked),
            images_shared=shared,
            items_trained_on=context.cached(
                ITEMS_TRAINED_ON,
                (scored, fixed or ""),
                lambda: count_items_trained_on(context, *history, shots if published else ()),
            ),
            pool=pool,
            pool_scored=pool_scored,
            images_of_shots_scored=len(images_in(shots) & images_in(examples)) if spec.fixed_shots else None,
        ),
    )


def _prior(spec: FewshotStage, context: JobContext) -> str | None:
    """The most frequent label of the target's training data, as its stage recorded it or counted here."""
    if not spec.fresh_head:
        parent = read_facts(context.store, spec.parent)
        return parent.prior if isinstance(parent, TargetFacts) else None
    return context.cached(PRIORS, spec.data, lambda: most_frequent_label(context.examples(spec.data, "train")))
