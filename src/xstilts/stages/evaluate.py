"""Zero-shot scores: a fine-tuned encoder in one language."""

from dataclasses import replace

from transformers import PreTrainedModel

from xstilts.data.features import featurise
from xstilts.data.load import check_labels
from xstilts.models.inputs import Feed, fill_of
from xstilts.models.speed.activation_cache import Ground
from xstilts.models.speed.first_token import read_first
from xstilts.models.split import supports_split, truncate
from xstilts.planning.specs import EvaluateStage
from xstilts.stages.artifacts import LoadedModel, facts_of, load_model, load_untrained
from xstilts.stages.controls import image_controls
from xstilts.stages.environment import Emit
from xstilts.stages.job_context import Workshop
from xstilts.stages.lineage import check_lineage, images_shared
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.training import look, scored_items
from xstilts.store.store import Draft
from xstilts.tasks.task import Task
from xstilts.train.predict import predict


def run(spec: EvaluateStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    environment = workshop.environment
    task = workshop.task(spec.data.task)
    examples = workshop.examples(spec.data, spec.split)
    check_labels(examples, task)
    unchecked = check_lineage(workshop, spec.parent, task, examples)
    loaded = workshop.once(("model", spec.parent), lambda: _loaded(spec, task, workshop))
    feed = Feed(
        problem=task.problem,
        features=featurise(task.problem, examples, loaded.tokenizer, None, spec.max_length, spec.see),
        padding=loaded.tokenizer.pad_token_id,  # type: ignore[arg-type]
        device=environment.device,
        precision=spec.precision,
        fill=fill_of(loaded.model, loaded.tokenizer),
        look=look(workshop.gallery),
    )
    part, feed = _above(workshop.ground(spec.parent), loaded.model, feed)
    part = read_first(part, task.problem)
    predicted = predict(part, feed, examples, loaded.labels)
    frame = scored_items(task, examples, predicted)
    draft.facts.update(write_scores(draft.path, frame, task))
    draft.facts.update(text_facts(examples, loaded.tokenizer, spec.max_length))
    draft.facts.update(images_shared=images_shared(workshop, spec.parent, task, examples))
    parent = facts_of(workshop.store, spec.parent)
    if spec.see is None:
        draft.facts.update(image_controls(part, feed, examples, loaded.labels, task, parent.get("prior")))
    draft.facts.update(workshop.unusable(spec.data, spec.split))
    draft.facts.update(encoder=parent["encoder"], step_kept=parent.get("step_kept"), leaks_unchecked=unchecked)


def _loaded(spec: EvaluateStage, task: Task, workshop: Workshop) -> LoadedModel:
    store, environment = workshop.store, workshop.environment
    if spec.untrained:
        return load_untrained(store, spec.parent, environment, task, spec.max_length, spec.precision)
    return load_model(store, spec.parent, environment)


def _above(ground: Ground | None, model: PreTrainedModel, feed: Feed) -> tuple[PreTrainedModel, Feed]:
    """The layers that some stage trained, fed by those that none did, which every arm shares."""
    if ground is None or not supports_split(model):
        return model, feed
    feed = replace(feed, lower=model, boundary=ground.layers).cached(ground)
    return truncate(model, ground.layers), feed
