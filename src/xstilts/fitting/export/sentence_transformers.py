"""A folder that sentence-transformers loads: a model folder is one already."""

from pathlib import Path
from typing import cast

from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging

from xstilts.export.sentence_transformers import write_sentence_transformer
from xstilts.fitting.export.onnx import write_tokenizer
from xstilts.fitting.facts import FACTS_FILE
from xstilts.fitting.model import FittedModel
from xstilts.stages.artifacts import LoadedModel


def write_sentence_transformers(model: FittedModel, folder: Path) -> None:
    """Write encoder, pooling, head, tokenizer and facts into `folder`, which exists; no training rows and no report.

    `SentenceTransformer(folder).encode(texts)` gives the logits of texts of one window, and `xstilts.load_model` reads
    the folder too.
    """
    logging.disable_progress_bar()
    facts, tokenizer = model.facts, cast(PreTrainedTokenizerFast, model.states.tokenizer)
    model.states.encoder.config.id2label = dict(enumerate(facts.labels))
    model.states.encoder.config.label2id = {label: number for number, label in enumerate(facts.labels)}
    loaded = LoadedModel(
        model=cast(PreTrainedModel, model.torch_model),
        tokenizer=tokenizer,
        problem=facts.problem,
        labels=facts.labels,
        task="",
        max_length=facts.windows.tokens,
        precision=facts.precision,
    )
    write_sentence_transformer(loaded, folder)
    write_tokenizer(tokenizer.backend_tokenizer, folder / "tokenizer.json")
    (folder / FACTS_FILE).write_text(facts.model_dump_json(indent=2) + "\n", encoding="utf-8")
