"""Weights of artifacts. A stage stores the tensors that it may change and inherits the others from its parent."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from xstilts.config.recipe import FROZEN
from xstilts.config.training import Fusion, HeadStyle
from xstilts.data.images import ImageLocations
from xstilts.data.images.locations import reads_private_addresses
from xstilts.encoders import FEATURE_SUFFIXES, find_card
from xstilts.encoders.fetch import prepare
from xstilts.errors import UserError
from xstilts.execution.environment import Environment
from xstilts.methods import METHODS, closed_form_head, parse_method
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.method import FewshotMethod
from xstilts.models.families import BY_MODEL_TYPE, Pooling
from xstilts.models.frozen_states import FrozenStatesModel
from xstilts.models.heads import (
    IMAGE_PREFIX,
    encoder_parameters,
    encoder_state,
    head_parameters,
    load_fused,
    load_tokenizer,
    load_with_head,
    read_config,
    restore_encoder,
)
from xstilts.models.multimodal.dual.model import load_dual
from xstilts.models.multimodal.dual.text import is_dual
from xstilts.models.multimodal.fusion import ImageInputSpec
from xstilts.models.multimodal.heads import freeze_statistics
from xstilts.models.multimodal.image_features import ImageFeatureCache, ImageFeatures
from xstilts.models.multimodal.precomputed import Precomputed
from xstilts.models.split import backbone
from xstilts.platform.files import expand_home
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.store.facts import (
    ChooseLayerFacts,
    Facts,
    FewshotFacts,
    MajorityFacts,
    TargetFacts,
    TrainedFacts,
    TranslateFacts,
)
from xstilts.store.model_facts import EncoderFacts
from xstilts.store.store import Store
from xstilts.tasks.task import Task

WEIGHTS = "weights.safetensors"
ENCODER, HEAD = "encoder.", "head."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A fine-tuned model with everything that prediction needs."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    problem: ProblemName
    labels: tuple[str, ...]
    task: str
    max_length: int
    precision: str
    thresholds: tuple[float, ...] | None = None
    """Of the labels' probabilities, for problems with thresholds."""


def read_facts(store: Store, key: str) -> Facts:
    """The facts that a stage recorded. Raises UserError if the artifact is not in the store."""
    manifest = store.manifest(key)
    if manifest is None:
        raise UserError(
            f"the store has no artifact {key[:12]}", "run the recipe first, or list artifacts with `xstilts status`"
        )
    return manifest.facts


def changed_tensors(store: Store, key: str) -> dict[str, Tensor]:
    """All encoder tensors that may differ from the pretrained ones, by their name in the bare encoder."""
    tensors: dict[str, Tensor] = {}
    ancestor: str | None = key
    while ancestor is not None:
        facts = read_facts(store, ancestor)
        for name, tensor in _read_weights(store.path(ancestor)).items():
            if name.startswith(ENCODER):
                tensors.setdefault(name.removeprefix(ENCODER), tensor)
        ancestor = facts.inherits if isinstance(facts, TrainedFacts) else None
    return tensors


def total_steps(store: Store, key: str) -> int:
    """Optimiser steps that an encoder has taken since the pretrained one."""
    facts = read_facts(store, key)
    return facts.training.steps + total_steps(store, facts.inherits) if isinstance(facts, TrainedFacts) else 0


def base_encoder(store: Store, key: str) -> EncoderFacts:
    """The pretrained encoder that an artifact derives from. Raises UserError if there is none."""
    facts = read_facts(store, key)
    if isinstance(facts, TranslateFacts | ChooseLayerFacts | MajorityFacts):
        raise UserError(f"artifact {key[:12]} has no encoder", "name an artifact of a trained stage")
    return facts.encoder


def encoder_folder(store: Store, key: str, environment: Environment) -> Path:
    """The folder of the pretrained encoder that an artifact derives from."""
    encoder = base_encoder(store, key)
    return fetch_encoder(encoder.name, encoder.pin, environment)


def fetch_encoder(encoder: str, pin: str, environment: Environment) -> Path:
    """The folder of an encoder. For encoders from the Hub, `pin` is the revision."""
    card = find_card(encoder)
    revision = pin if card.kind == "fused" or card.uri.startswith("hub:") else None
    return prepare(encoder, cache=environment.cache, offline=environment.offline, revision=revision)


@lru_cache(maxsize=2)
def cached_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of an encoder, cached because loading a large vocabulary takes seconds."""
    return load_tokenizer(folder)


def build_model(
    store: Store,
    key: str,
    environment: Environment,
    problem: ProblemName,
    labels: tuple[str, ...] | None,
    seed: int,
    head: HeadStyle,
) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """The encoder of an artifact with a fresh head, and the names of the encoder tensors that were restored."""
    folder = encoder_folder(store, key, environment)
    tensors = changed_tensors(store, key)
    if PROBLEMS[problem].has_images:
        multimodal: nn.Module
        if is_dual(read_config(folder)):
            multimodal = load_dual(problem, folder, labels=labels, seed=seed)
        else:
            multimodal = load_fused(problem, folder, image_input_spec(store, key), labels=labels, seed=seed)
        model = cast(PreTrainedModel, multimodal)
    else:
        pooling = text_pooling(store, key, read_config(folder))
        model = load_with_head(problem, folder, labels=labels, seed=seed, head=head, pooling=pooling)
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(IMAGE_PREFIX)}
    restored = restore_encoder(model, encoder_state(model) | tensors) if tensors else tuple(encoder_state(model))
    return model, restored


def text_pooling(store: Store, key: str, config: PreTrainedConfig) -> Pooling:
    """The pooling of an artifact's encoder for vectors of texts: that of its card, or of its family if it is causal."""
    row = BY_MODEL_TYPE.get(config.model_type)
    return row.pooling if row and row.causal else find_card(base_encoder(store, key).name).pooling


def open_image_features(encoder: str, pin: str, fusion: Fusion, environment: Environment) -> ImageFeatures:
    """The image features that an encoder reads: precomputed ones, or a cache that computes them."""
    card = find_card(encoder)
    vision_uri = card.halves[-1].uri.removeprefix("file:")
    if vision_uri.endswith(FEATURE_SUFFIXES):
        return Precomputed(expand_home(vision_uri))
    locations = ImageLocations(
        cache=environment.cache,
        offline=environment.offline,
        root=environment.data_root,
        private_addresses=reads_private_addresses(),
    )
    pooled = card.kind != "fused" and is_dual(read_config(fetch_encoder(encoder, pin, environment)))
    return ImageFeatureCache(encoder, pin, size=fusion.image_size, grid=fusion.grid, locations=locations, pooled=pooled)


def image_input_spec(store: Store, key: str) -> ImageInputSpec:
    """How an artifact's encoder reads images. Raises UserError if it reads none."""
    encoder = base_encoder(store, key)
    if encoder.image_input is None:
        raise UserError(
            f"the encoder {encoder.name} reads no images",
            "use an encoder that reads images, such as e5-small+efficientnet-lite0",
        )
    image_input = encoder.image_input
    return ImageInputSpec(channels=image_input.channels, tokens=image_input.tokens, layer=image_input.layer)


def _method(store: Store, key: str, facts: TargetFacts | FewshotFacts) -> FewshotMethod | None:
    """The method of an episode: that of the candidate, if `auto` selected one."""
    if isinstance(facts, FewshotFacts) and facts.selected is not None:
        name = facts.selected.candidate
        return closed_form_head(PROBLEMS[facts.model.problem]) if name == FROZEN else METHODS[name]()
    manifest = store.manifest(key)
    settings = manifest.spec.get("method") if manifest else None
    return parse_method(settings) if settings else None


def load_model(store: Store, key: str, environment: Environment) -> LoadedModel:
    """A fine-tuned artifact with its head. Raises UserError if the artifact is not a fine-tuned model."""
    facts = read_facts(store, key)
    if not isinstance(facts, TargetFacts | FewshotFacts):
        raise UserError(
            f"artifact {key[:12]} has no head", "name an artifact of a target stage, as `xstilts status` lists them"
        )
    problem, labels = facts.model.problem, facts.model.labels
    model, _ = build_model(store, key, environment, problem, labels or None, seed=0, head=facts.model.head)
    tensors = {n.removeprefix(HEAD): t for n, t in _read_weights(store.path(key)).items() if n.startswith(HEAD)}
    method = _method(store, key, facts)
    if isinstance(method, FrozenStatesMethod) and not method.linear:
        pooling = text_pooling(store, key, model.config)
        model = cast(PreTrainedModel, FrozenStatesModel(backbone(model), problem, pooling, method, tensors))
    else:
        load_head(model, tensors)
    freeze_statistics(model)
    return LoadedModel(
        model=cast(PreTrainedModel, model.to(environment.device).eval()),  # type: ignore[arg-type]
        tokenizer=cached_tokenizer(encoder_folder(store, key, environment)),
        problem=problem,
        labels=labels,
        task=facts.model.task,
        max_length=facts.model.max_length,
        precision=facts.model.precision,
        thresholds=facts.model.thresholds,
    )


def load_head(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into the head of `model`, by their names in it."""
    head = head_parameters(model)
    with torch.no_grad():
        for name, tensor in tensors.items():
            head[name].copy_(tensor)


def load_untrained(
    store: Store, key: str, environment: Environment, task: Task, max_length: int, precision: str
) -> LoadedModel:
    """A dual encoder that retrieves images without training on the task. Raises UserError for any other encoder."""
    folder = encoder_folder(store, key, environment)
    if not is_dual(read_config(folder)):
        encoder = base_encoder(store, key).name
        raise UserError(
            f"target {task.name!r} has `skip_training`, which needs a dual encoder, but {encoder} is not one",
            f"remove `skip_training` from the target {task.name!r}, or use a CLIP or SigLIP encoder",
        )
    model, _ = build_model(store, key, environment, task.problem, None, seed=0, head="native")
    return LoadedModel(
        model=cast(PreTrainedModel, model.to(environment.device).eval()),  # type: ignore[arg-type]
        tokenizer=cached_tokenizer(folder),
        problem=task.problem,
        labels=(),
        task=task.name,
        max_length=max_length,
        precision=precision,
    )


def trainable_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The encoder's tensors that a stage may change, by their name in the bare encoder."""
    return {name: p.detach() for name, p in encoder_parameters(model).items() if p.requires_grad}


def save_weights(folder: Path, model: nn.Module, *, head: bool) -> None:
    """Write the encoder tensors that the stage may have changed, and with `head` those of the head."""
    tensors = {ENCODER + name: tensor for name, tensor in trainable_tensors(model).items()}
    if head:
        tensors |= {HEAD + name: parameter.detach() for name, parameter in head_parameters(model).items()}
    save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)


def weights_digest(tensors: Mapping[str, Tensor]) -> str:
    """The sha256 of the names and bytes of all tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read_weights(folder: Path) -> dict[str, Tensor]:
    path = folder / WEIGHTS
    return load_file(path) if path.is_file() else {}
