"""Zero-shot evaluation of a model in one language."""

from dataclasses import replace

from transformers import PreTrainedModel

from xstilts.data.features import featurise
from xstilts.data.load import check_labels
from xstilts.models.inputs import ModelInputs, required_padding
from xstilts.models.speed.activation_cache import FrozenLayers
from xstilts.models.speed.first_token import use_first_token
from xstilts.models.split import supports_split, truncate
from xstilts.planning.specs import EvaluateStage
from xstilts.stages.artifacts import LoadedModel, base_encoder, load_model, load_untrained, read_facts
from xstilts.stages.controls import image_controls
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.lineage import check_lineage, count_items_trained_on, count_shared_images
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.training import image_lookup, scored_items
from xstilts.store.facts import EvaluateFacts, LeakFacts, TargetFacts, TrainedFacts
from xstilts.store.store import Draft
from xstilts.tasks.task import Task
from xstilts.train.predict import predict

MODELS = Slot[str, LoadedModel]("models, by artifact")


def run(spec: EvaluateStage, draft: Draft, context: JobContext) -> None:
    environment = context.environment
    task = context.task(spec.data.task)
    examples = context.examples(spec.data, spec.split)
    check_labels(examples, task, spec.split)
    unchecked = check_lineage(context, spec.parent, task, spec.split, examples)
    loaded = context.cached(MODELS, spec.parent, lambda: _load(spec, task, context))
    inputs = ModelInputs(
        problem=task.problem,
        features=featurise(task.problem, examples, loaded.tokenizer, None, spec.max_length, spec.modality),
        pad_id=loaded.tokenizer.pad_token_id,  # type: ignore[arg-type]
        device=environment.device,
        precision=spec.precision,
        padding_style=required_padding(loaded.model, loaded.tokenizer),
        image_lookup=image_lookup(context.image_features),
    )
    upper_layers, inputs = _split(loaded.model, inputs, context.frozen_prefix(spec.parent))
    upper_layers = use_first_token(upper_layers, task.problem)
    predicted = predict(upper_layers, inputs, examples, loaded.labels, loaded.thresholds)
    frame = scored_items(task, examples, predicted)
    parent = read_facts(context.store, spec.parent)
    prior = parent.prior if isinstance(parent, TargetFacts) else None
    draft.facts = EvaluateFacts(
        encoder=base_encoder(context.store, spec.parent),
        step_kept=parent.training.step_kept if isinstance(parent, TrainedFacts) else None,
        scores=write_scores(draft.path, frame, task),
        texts=text_facts(examples, loaded.tokenizer, spec.max_length, task),
        leaks=LeakFacts(
            unchecked=tuple(unchecked),
            images_shared=count_shared_images(context, spec.parent, task, examples),
            items_trained_on=count_items_trained_on(context, spec.parent, task, spec.split, examples),
        ),
        unusable=context.unusable_images(spec.data, spec.split),
        rows_left_out=context.rows_left_out(spec.data, spec.split),
        controls=None if spec.modality else image_controls(upper_layers, inputs, examples, loaded.labels, task, prior),
    )


def _load(spec: EvaluateStage, task: Task, context: JobContext) -> LoadedModel:
    store, environment = context.store, context.environment
    if spec.skip_training:
        return load_untrained(store, spec.parent, environment, task, spec.max_length, spec.precision)
    return load_model(store, spec.parent, environment)


def _split(
    model: PreTrainedModel, inputs: ModelInputs, frozen_prefix: FrozenLayers | None
) -> tuple[PreTrainedModel, ModelInputs]:
    """The trained layers, and inputs from cached activations of the untrained layers, which all arms share."""
    if frozen_prefix is None or not supports_split(model):
        return model, inputs
    inputs = replace(inputs, lower=model, boundary=frozen_prefix.layers).cached(frozen_prefix)
    return truncate(model, frozen_prefix.layers), inputs
