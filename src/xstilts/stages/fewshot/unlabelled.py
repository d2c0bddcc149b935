"""The offset of a language from unlabelled texts."""

from collections.abc import Sequence

from torch import Tensor

from xstilts.config.training import Train
from xstilts.data.corpora import MIN_UNLABELLED, read_texts
from xstilts.data.features import featurise
from xstilts.errors import StageError
from xstilts.methods.discriminant import MANY_SHOTS, james_stein
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.models.frozen_states import mean_state
from xstilts.planning.specs import FewshotStage
from xstilts.planning.stage import Texts
from xstilts.problems import Labelled
from xstilts.stages.fewshot.episode_model import EpisodeModel
from xstilts.stages.job_context import JobContext, Slot
from xstilts.store.facts import UnlabelledFacts

MAX_TEXTS = 5000
"""At most this many texts are encoded, evenly spaced."""

MEAN_STATES = Slot[tuple[str, Texts, Train], Tensor]("mean states of unlabelled texts")
TEXTS = Slot[Texts, tuple[str, ...]]("unlabelled texts")


def unlabelled_offset(
    method: FrozenStatesMethod,
    english: tuple[Tensor, ...],
    spec: FewshotStage,
    context: JobContext,
    episode_model: EpisodeModel,
) -> Tensor | None:
    """The mean state of the unlabelled texts minus that of the English examples, shrunk: [width]. It is subtracted from
    all states of the scored language before the head is fitted. None without texts, or with many shots, which are the
    better estimate.

    Raises StageError if there are too few texts, or if the examples of the task are pairs.
    """
    if spec.unlabelled is None or spec.shots >= MANY_SHOTS:
        return None
    texts = _texts(spec.unlabelled, context)
    if len(texts) < MIN_UNLABELLED:
        raise StageError(
            f"{len(texts)} unlabelled texts in {spec.evaluation.language} are too few",
            f"add texts until there are {MIN_UNLABELLED}, or remove the language from `unlabelled`",
        )
    if any(example.is_pair for example in context.examples(spec.evaluation, spec.split)):
        raise StageError(
            f"unlabelled texts are single texts, and the examples of {spec.evaluation.task!r} are pairs",
            "remove `unlabelled` from the target",
        )
    key = spec.parent, spec.unlabelled, episode_model.trainable.train
    own = context.cached(MEAN_STATES, key, lambda: _mean_state(texts, spec, episode_model))
    mean, variance = method.mean_and_variance(english)
    return james_stein(own - mean, min(len(texts), MAX_TEXTS), variance)


def _mean_state(texts: Sequence[str], spec: FewshotStage, episode_model: EpisodeModel) -> Tensor:
    trainable, language = episode_model.trainable, spec.evaluation.language
    used = [texts[number * len(texts) // MAX_TEXTS] for number in range(MAX_TEXTS)] if len(texts) > MAX_TEXTS else texts
    examples = [
        Labelled(id=str(number), group=str(number), language=language, text=text, label=None)
        for number, text in enumerate(used)
    ]
    features = featurise(
        trainable.problem, examples, episode_model.tokenizer, None, trainable.train.max_length, spec.modality
    )
    return mean_state(trainable.trained_part, trainable.inputs(features), episode_model.pooling)


def unlabelled_facts(spec: FewshotStage, context: JobContext) -> UnlabelledFacts | None:
    """Of the texts that a closed-form head used."""
    if spec.unlabelled is None or spec.shots >= MANY_SHOTS:
        return None
    texts = set(_texts(spec.unlabelled, context))
    scored = context.examples(spec.evaluation, spec.split)
    return UnlabelledFacts(texts=len(texts), scored=sum(example.texts[0].strip() in texts for example in scored))


def _texts(texts: Texts, context: JobContext) -> Sequence[str]:
    environment = context.environment
    corpus = environment.texts[texts.fingerprint]
    return context.cached(
        TEXTS, texts, lambda: read_texts(corpus, cache=environment.cache, offline=environment.offline)
    )
