"""Writes a fitted model as a folder that sentence-transformers and `xstilts.load_model` read."""

import json
from pathlib import Path

from pydantic import ValidationError
from transformers.utils import logging

from xstilts.errors import DataError
from xstilts.export.sentence_transformers import write_sentence_transformer
from xstilts.fitting.card import model_card
from xstilts.fitting.facts import FACTS_FILE, ModelFacts
from xstilts.fitting.folder_checks import require_new
from xstilts.fitting.loaded import loaded_model
from xstilts.fitting.model import FittedModel
from xstilts.fitting.page import report_page
from xstilts.fitting.report import FitReport
from xstilts.fitting.training_rows import write_training_rows
from xstilts.platform.files import apply_umask, new_folder


def write_model(model: FittedModel, folder: Path) -> Path:
    """Write encoder, head, facts and training rows into `folder`, which must be new or empty.

    With a report, also `report.json`, `report.html` and the model card `README.md`.

    `SentenceTransformer(folder).encode(texts)` gives the uncalibrated logits of the encoder's head for texts of one
    window, without the scores of sub-words.
    """
    require_new(folder)
    logging.disable_progress_bar()
    with new_folder(folder) as draft:
        write_sentence_transformer(loaded_model(model), draft)
        (draft / FACTS_FILE).write_text(model.facts.model_dump_json(indent=2) + "\n", encoding="utf-8")
        write_training_rows(model.training, draft)
        if model.subwords is not None:
            model.subwords.save(draft)
        if model.report is not None:
            _write_report(_as_report(model.report), model.facts, draft)
        apply_umask(draft)
    return folder


def _as_report(report: object) -> FitReport:
    """The report of a model that was fitted, or was read from a folder."""
    try:
        return report if isinstance(report, FitReport) else FitReport.model_validate(report)
    except ValidationError as error:
        raise DataError("report.json of the model cannot be read", "fit the model again") from error


def _write_report(report: FitReport, facts: ModelFacts, folder: Path) -> None:
    values = json.dumps(report.model_dump(mode="json"), ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(values, encoding="utf-8")
    (folder / "report.html").write_text(report_page(report), encoding="utf-8")
    (folder / "README.md").write_text(model_card(report, facts), encoding="utf-8")
