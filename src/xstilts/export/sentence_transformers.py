"""Exports an encoder with a linear head as a folder that sentence-transformers loads.

Its modules are Transformer, Pooling and Dense without activation, so `SentenceTransformer(folder).encode(texts)` gives
the logits. The layout is that of sentence-transformers 2.3 and later, which newer versions read.
"""

import json
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from xstilts.models.families import Pooling
from xstilts.models.generic_head import GenericHeadModel
from xstilts.stages.artifacts import LoadedModel

_POOLING_KEYS: dict[Pooling, str] = {
    "mean": "pooling_mode_mean_tokens",
    "first": "pooling_mode_cls_token",
    "last": "pooling_mode_lasttoken",
}
_MODULES = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense"}


def is_exportable(model: object) -> bool:
    """Whether a model has a linear head on one pooled state per text."""
    return isinstance(model, GenericHeadModel) and model.kind == "sequence" and model.dense is None


def write_sentence_transformer(loaded: LoadedModel, folder: Path) -> None:
    """Write encoder, tokenizer, pooling and head into `folder`, which exists; labels are in `config.json`."""
    model = loaded.model
    assert isinstance(model, GenericHeadModel)
    encoder, head = model.encoder, model.classifier
    encoder.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(_MODULES.items())
    ]
    _write(folder / "modules.json", modules)
    _write(folder / "config_sentence_transformers.json", {"prompts": {}, "default_prompt_name": None})
    _write(folder / "sentence_bert_config.json", {"max_seq_length": loaded.max_length, "do_lower_case": False})
    poolings = {key: name == model.pooling for name, key in _POOLING_KEYS.items()}
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": head.in_features, **poolings})
    dense = {
        "in_features": head.in_features,
        "out_features": head.out_features,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    _write(folder / "2_Dense" / "config.json", dense)
    tensors = {f"linear.{name}": _stored(parameter) for name, parameter in head.named_parameters()}
    save_file(tensors, folder / "2_Dense" / "model.safetensors", metadata={"format": "pt"})


def _stored(parameter: Tensor) -> Tensor:
    return parameter.detach().cpu().contiguous()


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
