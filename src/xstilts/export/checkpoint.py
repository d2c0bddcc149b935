"""Exports a trained artifact as a folder that transformers or sentence-transformers loads."""

from pathlib import Path
from typing import cast

from transformers import PreTrainedModel
from transformers.utils import logging

from xstilts.errors import UserError
from xstilts.execution.environment import Environment
from xstilts.export.card import model_card
from xstilts.export.sentence_transformers import is_exportable, write_sentence_transformer
from xstilts.models.frozen_states import FrozenStatesModel
from xstilts.models.generic_head import GenericHeadModel
from xstilts.models.heads import encoder_state, head_parameters, load_with_head, restore_encoder
from xstilts.platform.files import apply_umask
from xstilts.problems import PROBLEMS
from xstilts.stages.artifacts import LoadedModel, encoder_folder, load_head, load_model
from xstilts.store.store import Store


def export(store: Store, key: str, folder: Path, environment: Environment) -> Path:
    """Write model, tokenizer and model card into `folder`, which must be new or empty.

    The native head of an architecture becomes a transformers checkpoint (`AutoModelFor...`), a linear head on pooled
    states a sentence-transformers folder whose `encode` gives the logits, and one on the states of words a transformers
    checkpoint where the architecture has this head. All give the logits of the artifact. Raises UserError if the folder
    is not empty, or if the artifact is not a fine-tuned model, reads images, or has another head.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty", "name a new folder")
    loaded = load_model(store, key, environment)
    if PROBLEMS[loaded.problem].has_images:
        raise UserError(
            f"artifact {key[:12]} reads images, and transformers has no class for its architecture",
            "export a model of a text task instead",
        )
    if isinstance(loaded.model, FrozenStatesModel):
        raise UserError(
            f"artifact {key[:12]} has the head of `{loaded.model.classifier}`, which transformers does not support",
            "predict with `xstilts predict`, or export a model of another method, or of the target stage",
        )
    exported = loaded.model
    if isinstance(loaded.model, GenericHeadModel) and not is_exportable(loaded.model):
        exported = with_native_head(loaded.model, encoder_folder(store, key, environment), loaded)
    if exported is None:
        kind = cast(GenericHeadModel, loaded.model).kind
        raise UserError(
            f"artifact {key[:12]} has a {kind} head that neither transformers nor sentence-transformers has",
            "predict with `xstilts predict`, or train with `head: native`",
        )
    card = model_card(store, key)
    folder.mkdir(parents=True, exist_ok=True)
    logging.disable_progress_bar()
    if is_exportable(exported):
        write_sentence_transformer(loaded, folder)
    else:
        exported.save_pretrained(folder)
        loaded.tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(card, encoding="utf-8")
    apply_umask(folder)
    return folder


def with_native_head(model: GenericHeadModel, folder: Path, loaded: LoadedModel) -> PreTrainedModel | None:
    """The encoder with transformers' head of the same shape and weights; None if the architecture has none."""
    native = load_with_head(loaded.problem, folder, labels=loaded.labels or None, seed=0)
    tensors = {name: parameter.detach() for name, parameter in head_parameters(model).items()}
    shapes = {name: parameter.shape for name, parameter in head_parameters(native).items()}
    if isinstance(native, GenericHeadModel) or shapes != {name: tensor.shape for name, tensor in tensors.items()}:
        return None
    restore_encoder(native, encoder_state(model))
    load_head(native, tensors)
    return native
