"""Pooled image states of dual encoders."""

import pytest
import torch
from tests.tiny_dual import CHANNELS, SIDE, build, picture

from xstilts.data.images import ImageLocations
from xstilts.errors import DataError
from xstilts.models.heads import read_config
from xstilts.models.multimodal.dual.vision import DualVision, image_preparation, image_size
from xstilts.models.multimodal.image_features import ImageFeatureCache

SHAPES = ((48, 40), (90, 33), (20, 64))


@pytest.fixture(scope="module", params=("clip", "siglip", "siglip2", "vision-text"))
def folder(request, tmp_path_factory):
    return build(request.param, tmp_path_factory.mktemp(request.param))


def test_features_of_resized_images_are_equal(folder):
    vision = DualVision(folder)
    pictures = [picture(number, shape) for number, shape in enumerate(SHAPES)]
    full = vision.features(pictures, 0, 0)
    assert full.shape == (3, 1, CHANNELS) == (3, 1, vision.channels)
    small = [vision.resize(one) for one in pictures]
    if image_size(read_config(folder)) and "max_num_patches" not in image_preparation(folder):
        assert {one.size for one in small} == {(SIDE, SIDE)}
    torch.testing.assert_close(vision.features(small, 0, 0), full, rtol=0, atol=0)


def test_cached_features_equal_processor_and_encoder_output(folder, tmp_path):
    pictures = [picture(number, shape) for number, shape in enumerate(SHAPES)]
    for number, one in enumerate(pictures):
        one.save(tmp_path / f"{number}.png")
    places = ImageLocations(cache=tmp_path / "cache", offline=True)
    references = [f"file:{tmp_path}/{number}.png" for number in range(3)]
    image_features = ImageFeatureCache(str(folder), "pin", size=SIDE, grid=1, locations=places, pooled=True)
    assert image_features.missing(references) == {}
    expected = DualVision(folder).features(pictures, 0, 0)
    torch.testing.assert_close(image_features.tensor(references), expected, rtol=2e-3, atol=2e-3)


def test_pooled_states_and_maps_have_separate_files(tmp_path):
    folder = build("clip", tmp_path / "clip")
    picture(1).save(tmp_path / "1.png")
    places = ImageLocations(cache=tmp_path / "cache", offline=True)
    tensors = [
        ImageFeatureCache(str(folder), "pin", size=SIDE, grid=1, locations=places, pooled=pooled).tensor(
            [f"file:{tmp_path}/1.png"]
        )
        for pooled in (True, False)
    ]
    assert tensors[0].shape == tensors[1].shape
    assert not torch.allclose(*tensors, atol=1e-2)


def test_folder_without_image_processor_raises(tmp_path):
    folder = build("clip", tmp_path)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(DataError):
        DualVision(folder)
