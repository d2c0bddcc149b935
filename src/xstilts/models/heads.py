"""Loads encoders, initialises heads, and transfers encoder weights between stages."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

from xstilts.config.training import HeadStyle
from xstilts.errors import DataError, UserError
from xstilts.models.compat import has_head, initialise, mark_uninitialised, model_class
from xstilts.models.families import BY_MODEL_TYPE, Pooling
from xstilts.models.generic_head import GenericHeadModel, num_outputs
from xstilts.models.multimodal.dual.text import has_siglip_tokenizer, is_dual, prepare_tokenizer, text_preparation
from xstilts.models.multimodal.fusion import FusedModel, ImageInputSpec, ImageProjector, init_new_weights
from xstilts.models.multimodal.heads import ContrastiveHead, ImageTextClassifier
from xstilts.models.remote_code import check_remote_code
from xstilts.models.split import backbone, image_projector, supports_split
from xstilts.models.tokenizer import fit_to_family
from xstilts.problems import PROBLEMS, ProblemName

IMAGE_PREFIX = "image."
"""Prefix of the image projector's tensors in an encoder state."""

_LOAD_OPTIONS = {"local_files_only": True, "trust_remote_code": False}


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The fast tokenizer of an encoder, configured as in the encoder's training.

    Raises DataError if the folder has none.
    """
    tokenizer_class: Any = PreTrainedTokenizerFast if has_siglip_tokenizer(folder) else AutoTokenizer
    try:
        tokenizer = tokenizer_class.from_pretrained(folder, use_fast=True, **_LOAD_OPTIONS)
    except (OSError, ValueError, ImportError) as error:
        raise DataError(f"cannot load the tokenizer of {folder}: {_first_line(error)}", _TOKENIZER_HINT) from error
    if not tokenizer.is_fast:
        raise DataError(f"the tokenizer of {folder} has no character offsets", _TOKENIZER_HINT)
    if not (folder / "config.json").is_file():
        return tokenizer
    config = read_config(folder)
    _check_embeddings(tokenizer, getattr(config.get_text_config(), "vocab_size", None), folder)
    if is_dual(config):
        return prepare_tokenizer(tokenizer, text_preparation(config, folder))
    return fit_to_family(tokenizer, config)


def _check_embeddings(tokenizer: PreTrainedTokenizerFast, rows: int | None, folder: Path) -> None:
    """Raises DataError if a token that may occur in a text has no embedding; unused special tokens may have none."""
    if rows is None or len(tokenizer) <= rows:
        return
    special = set(tokenizer.special_tokens_map.values())
    if extra := sorted(
        token for token, index in tokenizer.get_vocab().items() if index >= rows and token not in special
    ):
        raise DataError(
            f"the tokenizer of {folder} has tokens without an embedding, such as {', '.join(extra[:3])}: "
            f"{len(tokenizer):,} tokens, {rows:,} embeddings",
            "call `resize_token_embeddings(len(tokenizer))` on the model, and save both again",
        )


_TOKENIZER_HINT = "save a fast tokenizer in the folder (`save_pretrained`), so that it has a tokenizer.json"


def load_backbone(folder: Path) -> PreTrainedModel:
    """The encoder in `folder` without pooler and head, in float32 and evaluation mode."""
    config = read_config(folder)
    parameters = inspect.signature((model_class(config) or AutoModel).__init__).parameters
    pooler = {"add_pooling_layer": False} if "add_pooling_layer" in parameters else {}
    return read_model(AutoModel, folder, config, **pooler)[0]


def load_text_encoder(folder: Path) -> PreTrainedModel:
    """Like `load_backbone`, but raises UserError for a dual encoder, which supports only tasks with images."""
    if is_dual(config := read_config(folder)):
        raise UserError(
            f"{folder} is a dual encoder ({config.model_type}), which supports only tasks with images",
            "use a text encoder such as xlm-roberta-base, or remove the tasks without images",
        )
    return load_backbone(folder)


def load_with_head(
    problem: ProblemName,
    folder: Path,
    *,
    labels: tuple[str, ...] | None,
    seed: int,
    head: HeadStyle = "native",
    pooling: Pooling = "mean",
) -> PreTrainedModel:
    """The encoder in `folder` with a newly initialised head for `problem`.

    A `pooled` head is a linear layer on the pooled state of a text (`pooling`), or on each token's state; spans always
    have the native head. The `native` head is transformers' head for the architecture if there is one, otherwise that
    of `xstilts.models.generic_head`.

    The head depends only on `seed`, even if the folder has a head; torch's global random state is not changed.
    Classification and tagging need `labels`. For a problem without a head, returns the bare encoder. Raises DataError
    if the folder lacks tensors of the encoder.
    """
    spec = PROBLEMS[problem]
    name = spec.auto_model
    if name is None or spec.head is None:
        return load_text_encoder(folder)
    config = read_config(folder)
    if labels is not None:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
    else:
        config.num_labels = 2
    if spec.loss == "binary cross-entropy":
        config.problem_type = "multi_label_classification"
    auto, row = getattr(transformers, name), BY_MODEL_TYPE.get(config.model_type)
    is_pooled = head == "pooled" and spec.head != "span"
    if not is_pooled and has_head(auto, config) and (row is None or spec.head not in row.generic_heads):
        model = read_model(auto, folder, config)[0]
    else:
        encoder = load_text_encoder(folder)
        if not is_pooled:
            pooling = row.pooling if row else "first"
        for setting in ("id2label", "label2id", "problem_type"):
            setattr(encoder.config, setting, getattr(config, setting))
        with torch.random.fork_rng(devices=[]):
            outputs = num_outputs(spec.head, labels)
            head_model = GenericHeadModel(encoder, spec.head, outputs, pooling, dense=not is_pooled)
        model = cast(PreTrainedModel, head_model.eval())
    init_head(model, seed)
    return model


def load_fused(
    problem: ProblemName, folder: Path, image_input: ImageInputSpec, *, labels: tuple[str, ...] | None, seed: int
) -> FusedModel:
    """The text encoder in `folder` with an image projector and a head, both initialised from `seed`.

    Raises UserError if the encoder cannot be split at `image_input.layer`.
    """
    text = load_text_encoder(folder)
    if not supports_split(text) or image_input.layer > text.config.num_hidden_layers:
        raise UserError(
            f"cannot fuse images into a {text.config.model_type} encoder at layer {image_input.layer}",
            "use an encoder such as xlm-roberta, and a `fusion.layer` that it has",
        )
    hidden = text.config.hidden_size
    dropout = getattr(text.config, "hidden_dropout_prob", 0.1)
    head = (
        ContrastiveHead(hidden)
        if PROBLEMS[problem].is_contrastive
        else ImageTextClassifier(hidden, len(labels or ()), dropout)
    )
    model = FusedModel(text, ImageProjector(image_input, hidden), head, image_input.layer)
    init_new_weights(model, seed)
    return model.eval()


def head_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """All parameters outside the encoder. A pooler belongs to the head, because it is not transferred."""
    encoder_ids = {id(parameter) for parameter in encoder_parameters(model).values()}
    return {name: value for name, value in model.named_parameters() if id(value) not in encoder_ids}


def fresh_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """All parameters that are not pretrained: those of the head, and those of a text encoder's image projector."""
    is_fresh = isinstance(image_projector(model), ImageProjector)
    images = {name: p for name, p in encoder_parameters(model).items() if is_fresh and name.startswith(IMAGE_PREFIX)}
    return head_parameters(model) | images


def encoder_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The encoder's tensors by their name in the bare encoder, without pooler and head; not copied."""
    return {name: parameter.detach() for name, parameter in encoder_parameters(model).items()}


def restore_encoder(model: nn.Module, state: Mapping[str, torch.Tensor]) -> tuple[str, ...]:
    """Copy `state`, from `encoder_state`, into the encoder of `model`; the head does not change.

    Returns the names of the restored tensors. Raises ValueError if names or shapes differ; nothing is changed then.
    """
    parameters = encoder_parameters(model)
    mismatches = sorted(parameters.keys() ^ state.keys())
    mismatches += [name for name in parameters.keys() & state.keys() if parameters[name].shape != state[name].shape]
    if mismatches:
        raise ValueError(
            f"the state does not fit the encoder: {len(mismatches)} tensors differ, such as {', '.join(mismatches[:5])}"
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(state[name])
    return tuple(parameters)


def encoder_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The encoder's parameters by their name in the bare encoder, including an image projector, without pooler and
    head."""
    parameters = {n: p for n, p in backbone(model).named_parameters() if not n.startswith("pooler.")}
    if (projector := image_projector(model)) is not None:
        parameters |= {f"{IMAGE_PREFIX}{name}": p for name, p in projector.named_parameters()}
    return parameters


def read_config(folder: Path) -> PreTrainedConfig:
    """The configuration in `folder`. Raises DataError if there is none, or if it needs remote code."""
    try:
        config = AutoConfig.from_pretrained(folder, **_LOAD_OPTIONS)
    except (OSError, ValueError) as error:
        check_remote_code(folder)
        raise DataError(
            f"{folder} is not an encoder: {_first_line(error)}",
            "name a folder that `save_pretrained` wrote, with config.json, model.safetensors and a tokenizer",
        ) from error
    row = BY_MODEL_TYPE.get(config.model_type)
    if row is not None and row.causal:
        config.use_cache = False  # the key-value cache is only useful for generation
    return config


def read_model(
    auto: Any, folder: Path, config: PreTrainedConfig, **options: Any
) -> tuple[PreTrainedModel, frozenset[str]]:
    """The model in float32 and evaluation mode, and the names of the head's tensors that `folder` lacks.

    Raises DataError if the folder lacks tensors of the encoder.
    """
    with quiet(), torch.random.fork_rng(devices=[]):
        try:
            model, loading_info = auto.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **options,
                **_LOAD_OPTIONS,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(f"cannot load the weights in {folder}: {_first_line(error)}", _WEIGHTS_HINT) from error
    encoder_ids = {id(parameter) for parameter in encoder_parameters(model).values()}
    head = {name for name, value in model.named_parameters(remove_duplicate=False) if id(value) not in encoder_ids}
    missing = {*loading_info["missing_keys"], *(key for key, *_ in loading_info["mismatched_keys"])}
    if missing_encoder := missing - head:
        check_remote_code(folder)
        raise DataError(
            f"{folder} lacks {len(missing_encoder)} tensors of a {config.model_type} encoder, "
            f"such as {min(missing_encoder)}",
            _WEIGHTS_HINT,
        )
    return model.eval(), frozenset(missing & head)


_WEIGHTS_HINT = "the folder needs all encoder weights as safetensors; delete it from the cache to fetch it again"


def init_head(model: PreTrainedModel, seed: int) -> None:
    """Initialise all parameters of the head from `seed` as the architecture does, children before parents."""
    for parameter in head_parameters(model).values():
        mark_uninitialised(parameter)
    encoder = backbone(model)
    pooler = {module for name, module in encoder.named_modules() if name.partition(".")[0] == "pooler"}
    encoder_modules = set(encoder.modules()) - pooler
    head_modules = [module for module in model.modules() if module not in encoder_modules]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in reversed(head_modules):
            initialise(model, module)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress progress bars and the warnings about newly initialised heads while loading."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
