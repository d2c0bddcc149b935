"""Writes a fitted model as a folder that sentence-transformers and `xstilts.load_model` read."""

import json
from pathlib import Path
from typing import cast

from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging

from xstilts.export.sentence_transformers import write_sentence_transformer
from xstilts.fitting.facts import FACTS_FILE
from xstilts.fitting.folder_checks import require_new
from xstilts.fitting.model import FittedModel
from xstilts.fitting.training_rows import write_training_rows
from xstilts.models.generic_head import linear_model
from xstilts.platform.files import apply_umask, new_folder
from xstilts.stages.artifacts import LoadedModel


def write_model(model: FittedModel, folder: Path) -> Path:
    """Write encoder, head, facts, training rows and report into `folder`, which must be new or empty.

    `SentenceTransformer(folder).encode(texts)` gives the uncalibrated logits of texts of one window.
    """
    require_new(folder)
    logging.disable_progress_bar()
    with new_folder(folder) as draft:
        write_sentence_transformer(_loaded(model), draft)
        (draft / FACTS_FILE).write_text(model.facts.model_dump_json(indent=2) + "\n", encoding="utf-8")
        write_training_rows(model.training, draft)
        if model.report is not None:
            report = model.report if isinstance(model.report, dict) else model.report.model_dump(mode="json")
            (draft / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
        apply_umask(draft)
    return folder


def _loaded(model: FittedModel) -> LoadedModel:
    facts, encoder = model.facts, model.states.encoder
    encoder.config.id2label = dict(enumerate(facts.labels))
    encoder.config.label2id = {label: number for number, label in enumerate(facts.labels)}
    head = linear_model(encoder, facts.problem, facts.pooling, model.weight, model.bias)
    return LoadedModel(
        model=cast(PreTrainedModel, head),
        tokenizer=cast(PreTrainedTokenizerFast, model.states.tokenizer),
        problem=facts.problem,
        labels=facts.labels,
        task="",
        max_length=facts.windows.tokens,
        precision=facts.precision,
    )
