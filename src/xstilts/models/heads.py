"""Encoders from a folder, freshly drawn heads on them, and the hand-over of the encoder between stages."""

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

from xstilts.errors import DataError, UserError
from xstilts.models.compat import has_head, initialise, mark_uninitialised, model_class
from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.generic_head import GenericHeadModel, outputs_of
from xstilts.models.multimodal.dual.text import is_dual, of_sentencepiece, prepare_tokenizer, reading_of
from xstilts.models.multimodal.fusion import FusedModel, ImageInputSpec, ImageSide, draw
from xstilts.models.multimodal.heads import ContrastiveHead, ImageTextClassifier
from xstilts.models.remote_code import check_remote_code
from xstilts.models.split import backbone, image_side, supports_split
from xstilts.models.tokenizer import fit_to_family
from xstilts.problems import PROBLEMS, ProblemName

IMAGE = "image."
"""What the names of an image side's tensors begin with."""

_TRUST = {"local_files_only": True, "trust_remote_code": False}


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The fast tokenizer of an encoder, set up so that texts are read as in the encoder's training.

    Raises DataError if the folder has none.
    """
    kind: Any = PreTrainedTokenizerFast if of_sentencepiece(folder) else AutoTokenizer
    try:
        tokenizer = kind.from_pretrained(folder, use_fast=True, **_TRUST)
    except (OSError, ValueError, ImportError) as error:
        raise DataError(f"{folder} has no tokenizer that can be read: {_first_line(error)}", _TOKENIZER_HINT) from error
    if not tokenizer.is_fast:
        raise DataError(f"the tokenizer of {folder} gives no character offsets", _TOKENIZER_HINT)
    if not (folder / "config.json").is_file():
        return tokenizer
    config = read_config(folder)
    if is_dual(config):
        return prepare_tokenizer(tokenizer, reading_of(config, folder))
    return fit_to_family(tokenizer, config)


_TOKENIZER_HINT = "save a fast tokenizer there (`save_pretrained`), so that the folder has a tokenizer.json"


def load_backbone(folder: Path) -> PreTrainedModel:
    """The encoder in `folder` without pooler and head, in float32 and evaluation mode."""
    return _read_backbone(folder, read_config(folder))


def _read_backbone(folder: Path, config: PreTrainedConfig) -> PreTrainedModel:
    known = inspect.signature((model_class(config) or AutoModel).__init__).parameters
    pooler = {"add_pooling_layer": False} if "add_pooling_layer" in known else {}
    return read_model(AutoModel, folder, config, **pooler)[0]


def load_text(folder: Path) -> PreTrainedModel:
    """As `load_backbone`; raises UserError for a dual encoder, whose texts are read beside images only."""
    if is_dual(config := read_config(folder)):
        raise UserError(
            f"{folder} holds a dual encoder ({config.model_type}), which is used for tasks that show images alone",
            "name an encoder of texts, such as xlm-roberta-base, or leave tasks without images out",
        )
    return load_backbone(folder)


def load_for(problem: ProblemName, folder: Path, *, labels: tuple[str, ...] | None, seed: int) -> PreTrainedModel:
    """The encoder in `folder` under a freshly drawn head for `problem`: the architecture's own head in transformers,
    or else ours (`xstilts.models.generic_head`).

    The head depends on `seed` alone, whatever head the folder has; torch's global random state is left as it was.
    `labels` are needed for classification and tagging. For a problem without a head it is the bare encoder. Raises
    DataError if the folder does not hold the whole encoder.
    """
    spec = PROBLEMS[problem]
    name = spec.auto_model
    if name is None or spec.head is None:
        return load_text(folder)
    config = read_config(folder)
    if labels is not None:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
    else:
        config.num_labels = 2
    if spec.loss == "binary cross-entropy":
        config.problem_type = "multi_label_classification"
    auto, row = getattr(transformers, name), BY_MODEL_TYPE.get(config.model_type)
    if has_head(auto, config) and (row is None or spec.head not in row.own_heads):
        model = read_model(auto, folder, config)[0]
    else:
        encoder, pooling = load_text(folder), row.pooling if row else "first"
        for setting in ("id2label", "label2id", "problem_type"):
            setattr(encoder.config, setting, getattr(config, setting))
        with torch.random.fork_rng(devices=[]):
            head_model = GenericHeadModel(encoder, spec.head, outputs_of(spec.head, labels), pooling)
        model = cast(PreTrainedModel, head_model.eval())
    draw_head(model, seed)
    return model


def load_fused(
    problem: ProblemName, folder: Path, image_input: ImageInputSpec, *, labels: tuple[str, ...] | None, seed: int
) -> FusedModel:
    """The text encoder in `folder` with an image side and a head, both drawn by `seed` alone.

    Raises UserError where its architecture cannot be cut at the layer that images join.
    """
    text = load_text(folder)
    if not supports_split(text) or image_input.layer > text.config.num_hidden_layers:
        raise UserError(
            f"images cannot join {text.config.model_type} at layer {image_input.layer}",
            "use an encoder such as xlm-roberta, and a `fusion.layer` that it has",
        )
    hidden = text.config.hidden_size
    dropout = getattr(text.config, "hidden_dropout_prob", 0.1)
    head = (
        ContrastiveHead(hidden)
        if PROBLEMS[problem].contrastive
        else ImageTextClassifier(hidden, len(labels or ()), dropout)
    )
    model = FusedModel(text, ImageSide(image_input, hidden), head, image_input.layer)
    draw(model, seed)
    return model.eval()


def head_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """All parameters outside the encoder; a pooler belongs to the head, since it is fresh after a hand-over."""
    inside = {id(parameter) for parameter in encoder_parameters(model).values()}
    return {name: value for name, value in model.named_parameters() if id(value) not in inside}


def fresh_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """All parameters that no pretrained encoder has: those of the head, and what projects images for a text encoder."""
    drawn = isinstance(image_side(model), ImageSide)
    images = {name: p for name, p in encoder_parameters(model).items() if drawn and name.startswith(IMAGE)}
    return head_parameters(model) | images


def encoder_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The encoder's tensors by their name in the bare encoder, without pooler and head; not copied."""
    return {name: parameter.detach() for name, parameter in encoder_parameters(model).items()}


def restore_encoder(model: nn.Module, state: Mapping[str, torch.Tensor]) -> tuple[str, ...]:
    """Copy `state`, from `encoder_state`, into the encoder of `model`; the head is not touched.

    Returns the names of the restored tensors. Raises ValueError, with nothing changed, if names or shapes differ.
    """
    own = encoder_parameters(model)
    wrong = sorted(own.keys() ^ state.keys())
    wrong += [name for name in own.keys() & state.keys() if own[name].shape != state[name].shape]
    if wrong:
        raise ValueError(f"the state is not that of this encoder: {', '.join(wrong[:5])} of {len(wrong)} differ")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(state[name])
    return tuple(own)


def encoder_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The encoder's parameters by their name in the bare encoder, those of an image side too; no pooler, no head."""
    named = backbone(model).named_parameters()
    text = {name: parameter for name, parameter in named if not name.startswith("pooler.")}
    side = image_side(model)
    return text if side is None else text | {f"{IMAGE}{name}": p for name, p in side.named_parameters()}


def read_config(folder: Path) -> PreTrainedConfig:
    """The configuration in `folder`. Raises DataError if there is none, or if it needs code that is not run."""
    try:
        config = AutoConfig.from_pretrained(folder, **_TRUST)
    except (OSError, ValueError) as error:
        check_remote_code(folder)
        raise DataError(
            f"{folder} is no encoder: {_first_line(error)}",
            "name a folder with config.json, model.safetensors and a tokenizer, as `save_pretrained` leaves it",
        ) from error
    row = BY_MODEL_TYPE.get(config.model_type)
    if row is not None and row.causal:
        config.use_cache = False  # keys and values are kept for generation, which nothing here does
    return config


def read_model(
    auto: Any, folder: Path, config: PreTrainedConfig, **options: Any
) -> tuple[PreTrainedModel, frozenset[str]]:
    """The model in float32 and evaluation mode, and the names of those tensors of its head that `folder` lacks.

    Raises DataError where it does not hold the whole encoder.
    """
    with quiet(), torch.random.fork_rng(devices=[]):
        try:
            model, found = auto.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **options,
                **_TRUST,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(f"the weights in {folder} cannot be read: {_first_line(error)}", _WEIGHTS_HINT) from error
    inside = {id(parameter) for parameter in encoder_parameters(model).values()}
    head = {name for name, value in model.named_parameters(remove_duplicate=False) if id(value) not in inside}
    absent = {*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])}
    lost = absent - head
    if lost:
        check_remote_code(folder)
        raise DataError(
            f"{folder} lacks {len(lost)} tensors of a {config.model_type} encoder, such as {min(lost)}", _WEIGHTS_HINT
        )
    return model.eval(), frozenset(absent & head)


_WEIGHTS_HINT = "the folder needs the whole encoder as safetensors; remove it from the cache to fetch it again"


def draw_head(model: PreTrainedModel, seed: int) -> None:
    """Draw every parameter of the head by the architecture's own rule, children before parents."""
    for parameter in head_parameters(model).values():
        mark_uninitialised(parameter)
    encoder = backbone(model)
    pooler = {module for name, module in encoder.named_modules() if name.partition(".")[0] == "pooler"}
    inside = set(encoder.modules()) - pooler
    outside = [module for module in model.modules() if module not in inside]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in reversed(outside):
            initialise(model, module)


@contextmanager
def quiet() -> Iterator[None]:
    """Loading writes no progress bars and no report of fresh heads, which are meant to be fresh."""
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
