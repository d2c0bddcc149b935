"""A model on a bench: taken from the store once for a job, adapted again and again."""

from collections.abc import Hashable
from dataclasses import dataclass, replace

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xstilts.config.splits import shots_split
from xstilts.config.training import Train
from xstilts.data.features import Feature, featurise
from xstilts.data.tokenised import token_ids
from xstilts.models.inputs import Feed
from xstilts.models.split import layers
from xstilts.models.tuning import put_back, snapshot
from xstilts.planning.specs import FewshotStage, See
from xstilts.planning.stage import Data
from xstilts.recipe.resolve import published
from xstilts.stages.artifacts import build, folder_of, load_model, tokenizer_in
from xstilts.stages.job_context import Workshop
from xstilts.stages.training import Student, student
from xstilts.tasks.task import Task
from xstilts.train.fit import seed_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A model ready to be adapted again and again: `initial` are the weights that every episode begins with."""

    pupil: Student
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]
    initial: dict[str, Tensor]

    def reset(self) -> None:
        put_back(self.pupil.part, self.initial)
        for name, parameter in self.pupil.part.named_parameters():
            if name in self.initial:
                parameter.requires_grad_(True)


def bench_of(spec: FewshotStage, workshop: Workshop) -> Bench:
    """The bench that an episode needs, as it was when it was made."""
    train = settings(spec)
    bench = workshop.once(_key(spec, train), lambda: _bench(spec, train, workshop))
    bench.reset()
    return bench


def settings(spec: FewshotStage) -> Train:
    if spec.method == "lora" and spec.lora is not None:
        return spec.train.model_copy(update={"learning_rate": spec.lora.learning_rate})
    return spec.train


def whole(data: Data) -> Data:
    """The pool that shots are drawn from is not capped, so that a cap on scored items changes no shots."""
    return replace(data, max_examples=None)


def feed_of(data: Data, split: str, workshop: Workshop, bench: Bench, see: See | None) -> Feed:
    """Features (and activations) of a whole split, made once for the job."""

    def make() -> Feed:
        pupil = bench.pupil
        examples = workshop.examples(data, split)
        labels = bench.labels if split == "train" else None
        return pupil.feed(featurise(pupil.problem, examples, bench.tokenizer, labels, pupil.train.max_length, see))

    return workshop.once(("feed", id(bench), data, split, see), make)


def _key(spec: FewshotStage, train: Train) -> Hashable:
    seed = spec.seed if spec.fresh_head else None
    return "bench", spec.parent, train, spec.spares_encoder, seed, spec.keep, _scope(spec, train)


def _scope(spec: FewshotStage, train: Train) -> Hashable:
    """What decides which texts an episode can meet, where the embeddings train and hold the sub-words of those."""
    if train.frozen_layers or train.freeze_embeddings or spec.spares_encoder:
        return None
    english = spec.shots_language if spec.data.max_examples else None
    return spec.published is not None, spec.selection == "target_dev", english


def _bench(spec: FewshotStage, train: Train, workshop: Workshop) -> Bench:
    store, environment = workshop.store, workshop.environment
    problem = workshop.task(spec.evaluation.task).problem
    tokenizer = tokenizer_in(folder_of(store, spec.parent, environment))
    if spec.fresh_head:
        labels = workshop.labels(spec.data)
        seed = seed_of(spec.seed, "head", spec.evaluation.task)
        model, _ = build(store, spec.parent, environment, problem, labels or None, seed)
    else:
        loaded = load_model(store, spec.parent, environment)
        model, labels = loaded.model, loaded.labels
    if spec.spares_encoder:
        train = train.model_copy(update={"frozen_layers": len(layers(model))})
    used = None if spec.keep == "all" else lambda: token_ids(_texts(spec, workshop, tokenizer, train))
    ground = workshop.ground(spec.parent)
    pupil = student(model, problem, tokenizer, train, environment.device, used, ground, workshop.gallery)
    initial = snapshot(pupil.part)
    return Bench(pupil=pupil, tokenizer=tokenizer, labels=labels, initial=initial)


def _texts(spec: FewshotStage, workshop: Workshop, tokenizer: PreTrainedTokenizerBase, train: Train) -> list[Feature]:
    """Features of all texts that an episode of the job can meet; only their sub-words matter."""
    task = workshop.task(spec.evaluation.task)
    places = [(spec.data, "train"), (spec.data, "dev")]
    for pool in spec.mixed or (whole(spec.evaluation),):
        places.append((replace(pool, max_examples=spec.evaluation.max_examples), spec.split))
        places += [(pool, split) for split in _pools(spec, task)]
    if spec.mixed is None and spec.shots_language != spec.evaluation.language:
        places.append((replace(whole(spec.evaluation), language=spec.shots_language), "train"))
    found = [example for data, split in places for example in workshop.examples(data, split)]
    return featurise(task.problem, found, tokenizer, None, train.max_length)


def _pools(spec: FewshotStage, task: Task) -> list[str]:
    """The splits, besides the scored one, that are read of an adapted language."""
    shots = [shots_split(k) for k in published(task, spec.evaluation.language)] if spec.published else ["train"]
    return [*shots, *(["dev"] * (spec.selection == "target_dev"))]
