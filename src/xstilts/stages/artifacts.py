"""Weights of artifacts: what a stage changed is stored, the rest is inherited from the stage before it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from xstilts.config.training import Fusion
from xstilts.data.images import ImageLocations
from xstilts.encoders import GIVEN, find_card
from xstilts.encoders.fetch import prepare
from xstilts.errors import UserError
from xstilts.execution.environment import Environment
from xstilts.methods import parse_method
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.models.frozen_states import FrozenStatesModel
from xstilts.models.heads import (
    IMAGE,
    encoder_parameters,
    encoder_state,
    head_parameters,
    load_for,
    load_fused,
    load_tokenizer,
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
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.store.facts import (
    ChooseLayerFacts,
    EncoderFacts,
    Facts,
    FewshotFacts,
    TargetFacts,
    TrainedFacts,
    TranslateFacts,
)
from xstilts.store.store import Store
from xstilts.tasks.task import Task

WEIGHTS = "weights.safetensors"
ENCODER, HEAD = "encoder.", "head."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A fine-tuned model with what it needs to predict."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    problem: ProblemName
    labels: tuple[str, ...]
    task: str
    max_length: int
    precision: str
    thresholds: tuple[float, ...] | None = None
    """Of each label's probability, where the problem has any."""


def read_facts(store: Store, key: str) -> Facts:
    """What the stage recorded. Raises UserError where the store does not hold it."""
    manifest = store.manifest(key)
    if manifest is None:
        raise UserError(f"the store has no artifact {key[:12]}", "run the recipe first, or look with `xstilts status`")
    return manifest.facts


def changed_tensors(store: Store, key: str) -> dict[str, Tensor]:
    """All encoder tensors, by their name in the bare encoder, that differ from the published ones."""
    tensors: dict[str, Tensor] = {}
    at: str | None = key
    while at is not None:
        facts = read_facts(store, at)
        for name, tensor in _read(store.path(at)).items():
            if name.startswith(ENCODER):
                tensors.setdefault(name.removeprefix(ENCODER), tensor)
        at = facts.inherits if isinstance(facts, TrainedFacts) else None
    return tensors


def total_steps(store: Store, key: str) -> int:
    """Optimiser steps that an encoder has taken, from the published one on."""
    facts = read_facts(store, key)
    return facts.training.steps + total_steps(store, facts.inherits) if isinstance(facts, TrainedFacts) else 0


def base_encoder(store: Store, key: str) -> EncoderFacts:
    """The pretrained encoder that an artifact goes back to. Raises UserError where it goes back to none."""
    facts = read_facts(store, key)
    if isinstance(facts, TranslateFacts | ChooseLayerFacts):
        raise UserError(f"artifact {key[:12]} has no encoder", "name an artifact of a trained stage")
    return facts.encoder


def encoder_folder(store: Store, key: str, environment: Environment) -> Path:
    """The folder with the published encoder that an artifact goes back to."""
    encoder = base_encoder(store, key)
    return fetch_encoder(encoder.name, encoder.pin, environment)


def fetch_encoder(encoder: str, pin: str, environment: Environment) -> Path:
    """The folder of an encoder; `pin` is the revision where it comes from the Hub."""
    card = find_card(encoder)
    revision = pin if card.kind == "fused" or card.uri.startswith("hub:") else None
    return prepare(encoder, cache=environment.cache, offline=environment.offline, revision=revision)


@lru_cache(maxsize=2)
def cached_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of an encoder, read once by a worker: a large vocabulary takes seconds."""
    return load_tokenizer(folder)


def build_model(
    store: Store, key: str, environment: Environment, problem: ProblemName, labels: tuple[str, ...] | None, seed: int
) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """The encoder of an artifact under a fresh head, and the names of the tensors that were handed over."""
    folder = encoder_folder(store, key, environment)
    tensors = changed_tensors(store, key)
    if PROBLEMS[problem].images:
        model = cast(PreTrainedModel, _sighted(store, key, folder, problem, labels, seed))
    else:
        model = load_for(problem, folder, labels=labels, seed=seed)
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(IMAGE)}
    restored = restore_encoder(model, encoder_state(model) | tensors) if tensors else tuple(encoder_state(model))
    return model, restored


def _sighted(
    store: Store, key: str, folder: Path, problem: ProblemName, labels: tuple[str, ...] | None, seed: int
) -> nn.Module:
    if is_dual(read_config(folder)):
        return load_dual(problem, folder, labels=labels, seed=seed)
    return load_fused(problem, folder, image_input_spec(store, key), labels=labels, seed=seed)


def open_image_features(encoder: str, pin: str, fusion: Fusion, environment: Environment) -> ImageFeatures:
    """The features of images as this encoder reads them."""
    last = find_card(encoder).halves[-1].uri.removeprefix("file:")
    if last.endswith(GIVEN):
        return Precomputed(Path(last).expanduser())
    places = ImageLocations(cache=environment.cache, offline=environment.offline, root=environment.data_root)
    alone = find_card(encoder).kind != "fused"
    pooled = alone and is_dual(read_config(fetch_encoder(encoder, pin, environment)))
    return ImageFeatureCache(encoder, pin, size=fusion.image_size, grid=fusion.grid, places=places, pooled=pooled)


def image_input_spec(store: Store, key: str) -> ImageInputSpec:
    """How an artifact's encoder sees images. Raises UserError where it reads none."""
    encoder = base_encoder(store, key)
    if encoder.image_input is None:
        raise UserError(
            f"the encoder {encoder.name} reads no images",
            "name an encoder that does, such as e5-small+efficientnet-lite0",
        )
    image_input = encoder.image_input
    return ImageInputSpec(channels=image_input.channels, tokens=image_input.tokens, layer=image_input.layer)


def load_model(store: Store, key: str, environment: Environment) -> LoadedModel:
    """A fine-tuned artifact with its own head. Raises UserError for an artifact that is no fine-tuned model."""
    facts = read_facts(store, key)
    if not isinstance(facts, TargetFacts | FewshotFacts):
        raise UserError(
            f"artifact {key[:12]} has no head", "name an artifact of a target stage, as `xstilts status` lists them"
        )
    problem, labels = facts.model.problem, facts.model.labels
    model, _ = build_model(store, key, environment, problem, labels or None, seed=0)
    tensors = {n.removeprefix(HEAD): t for n, t in _read(store.path(key)).items() if n.startswith(HEAD)}
    if method := _frozen_states_method(store, key):
        model = cast(PreTrainedModel, FrozenStatesModel(backbone(model), problem, method, tensors))
    else:
        head = head_parameters(model)
        with torch.no_grad():
            for name, tensor in tensors.items():
                head[name].copy_(tensor)
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


def _frozen_states_method(store: Store, key: str) -> FrozenStatesMethod | None:
    """The method that replaced the head of a few-shot artifact, if one did."""
    manifest = store.manifest(key)
    settings = manifest.spec.get("method") if manifest else None
    method = parse_method(settings) if settings else None
    return method if isinstance(method, FrozenStatesMethod) else None


def load_untrained(
    store: Store, key: str, environment: Environment, task: Task, max_length: int, precision: str
) -> LoadedModel:
    """An encoder that finds images for texts without training for the task, as a dual encoder does.

    Raises UserError for any other encoder.
    """
    folder = encoder_folder(store, key, environment)
    if not is_dual(read_config(folder)):
        encoder = base_encoder(store, key).name
        raise UserError(
            f"{task.name!r} is to be scored without training, and {encoder} is no dual encoder",
            f"remove `skip_training` from the target {task.name!r}, or name a CLIP or SigLIP",
        )
    model, _ = build_model(store, key, environment, task.problem, None, seed=0)
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
    """Write what the stage may have changed of the encoder, and the head."""
    tensors = {ENCODER + name: tensor for name, tensor in trainable_tensors(model).items()}
    if head:
        tensors |= {HEAD + name: parameter.detach() for name, parameter in head_parameters(model).items()}
    save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)


def weights_digest(tensors: Mapping[str, Tensor]) -> str:
    """One sha256 over the names and bytes of tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read(folder: Path) -> dict[str, Tensor]:
    path = folder / WEIGHTS
    return load_file(path) if path.is_file() else {}
