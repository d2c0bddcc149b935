"""A folder that sentence-transformers loads: a model folder is one already."""

from pathlib import Path

from transformers.utils import logging

from xstilts.export.sentence_transformers import write_sentence_transformer
from xstilts.fitting.export.onnx import write_tokenizer
from xstilts.fitting.facts import FACTS_FILE
from xstilts.fitting.loaded import loaded_model
from xstilts.fitting.model import FittedModel


def write_sentence_transformers(model: FittedModel, folder: Path) -> None:
    """Write encoder, pooling, head, tokenizer and facts into `folder`, which exists; no training rows and no report.

    `SentenceTransformer(folder).encode(texts)` gives the logits of texts of one window, and `xstilts.load_model` reads
    the folder too. Scores of sub-words are left out.
    """
    logging.disable_progress_bar()
    loaded = loaded_model(model)
    write_sentence_transformer(loaded, folder)
    write_tokenizer(loaded.tokenizer.backend_tokenizer, folder / "tokenizer.json")
    (folder / FACTS_FILE).write_text(model.facts.model_dump_json(indent=2) + "\n", encoding="utf-8")
