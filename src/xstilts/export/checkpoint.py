"""Exports a trained artifact as a standard transformers checkpoint."""

from pathlib import Path

from transformers.utils import logging

from xstilts.errors import UserError
from xstilts.execution.environment import Environment
from xstilts.export.card import model_card
from xstilts.models.frozen_states import FrozenStatesModel
from xstilts.models.generic_head import GenericHeadModel
from xstilts.platform.files import apply_umask
from xstilts.problems import PROBLEMS
from xstilts.stages.artifacts import load_model
from xstilts.store.store import Store


def export(store: Store, key: str, folder: Path, environment: Environment) -> Path:
    """Write model, tokenizer and model card into `folder`, which must be new or empty.

    `AutoModelFor...from_pretrained(folder)` then gives the same logits as the artifact. Raises UserError if the folder
    is not empty, or if the artifact is not a fine-tuned model, reads images, or has a head that transformers lacks.
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
    if isinstance(loaded.model, GenericHeadModel):
        raise UserError(
            f"artifact {key[:12]} has a {loaded.model.kind} head, which transformers does not support for this encoder",
            "predict with `xstilts predict`, or use another encoder, such as xlm-roberta-base",
        )
    card = model_card(store, key)
    folder.mkdir(parents=True, exist_ok=True)
    logging.disable_progress_bar()
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(card, encoding="utf-8")
    apply_umask(folder)
    return folder
