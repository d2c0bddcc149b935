"""A folder with an ONNX model, its tokenizer, its facts and a reference loop that predicts with them."""

import json
import shutil
from pathlib import Path
from typing import Any, cast

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from xstilts.fitting import subword_scores
from xstilts.fitting.export.graph import ONNX_FILE, input_names, write_graph
from xstilts.fitting.export.quantise import quantise
from xstilts.fitting.facts import FACTS_FILE
from xstilts.fitting.model import FittedModel

LOOP = Path(__file__).with_name("predict.py")
SCORES = Path(subword_scores.__file__)


def write_onnx(model: FittedModel, folder: Path, *, int8: bool = False) -> None:
    """Write model.onnx, tokenizer.json, xstilts.json, predict.py and subword_scores.py into `folder`, which exists.

    `predict.py` gives the logits of `FittedModel`, computed in float32, also of texts longer than a window.
    """
    backend = cast(PreTrainedTokenizerFast, model.states.tokenizer).backend_tokenizer
    write_graph(model, folder / ONNX_FILE)
    if int8:
        quantise(folder / ONNX_FILE)
    write_tokenizer(backend, folder / "tokenizer.json")
    facts = json.dumps(onnx_facts(model, int8=int8), ensure_ascii=False, indent=2)
    (folder / FACTS_FILE).write_text(facts + "\n", encoding="utf-8")
    for file in (LOOP, SCORES):
        shutil.copyfile(file, folder / file.name)
    if model.subwords is not None:
        model.subwords.save(folder)


def write_tokenizer(backend: Tokenizer, path: Path) -> None:
    """Without truncation and padding, which the last call of the tokenizer has set."""
    value = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def onnx_facts(model: FittedModel, *, int8: bool) -> dict[str, Any]:
    """What predict.py reads, and where the model comes from."""
    facts, tokenizer = model.facts, model.states.tokenizer
    tokens = min(facts.windows.tokens, tokenizer.model_max_length)
    thresholds = facts.calibration.thresholds or (0.5,) * len(facts.labels)
    return {
        "problem": facts.problem,
        "labels": list(facts.labels),
        "inputs": input_names(model),
        "pad": cast(int, tokenizer.pad_token_id),
        "windows": {"tokens": tokens, "overlap": facts.windows.overlap, "most": facts.windows.most},
        "pairs": facts.reads_pairs,
        "subwords": facts.reads_subwords,
        "pair_tokens": min(2 * facts.windows.tokens, tokenizer.model_max_length),
        "temperature": facts.calibration.temperature,
        "thresholds": list(thresholds) if facts.problem == "multi-label" else None,
        "least_probability": facts.calibration.least_probability,
        "numbers": "int8" if int8 else "float32",
        "language": facts.language,
        "encoder": facts.encoder,
        "licence": facts.licence,
        "version": facts.version,
    }
