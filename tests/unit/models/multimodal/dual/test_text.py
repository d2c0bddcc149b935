"""Texts are prepared as in a dual encoder's training."""

import json

import pytest
import torch
from tests.tiny import build as build_text
from tests.tiny_dual import FILLED, KINDS, build

from xstilts.data.features import featurise
from xstilts.models.collate import PaddingStyle, collate
from xstilts.models.heads import load_tokenizer, read_config
from xstilts.models.inputs import required_padding
from xstilts.models.multimodal.dual.text import is_dual, text_preparation
from xstilts.problems import Caption


def stating(folder, **settings):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    return folder


def ids(folder, *texts, max_length=128):
    examples = [Caption(id=t, text=t, image="c:1", group="g", language="en") for t in texts]
    return [f.ids[0] for f in featurise("image-retrieval", examples, load_tokenizer(folder), None, max_length)]


@pytest.mark.parametrize("kind", KINDS)
def test_is_dual(kind, tmp_path):
    assert is_dual(read_config(build(kind, tmp_path)))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_text_encoders_are_not_dual(kind, tmp_path):
    folder = build_text(kind, tmp_path)
    assert not is_dual(read_config(folder))
    assert load_tokenizer(folder).model_max_length == 128


def test_siglip_lower_cases_unless_configured_otherwise(tmp_path):
    upper, lower = ids(build("siglip", tmp_path / "a"), "Turn ON the light", "turn on the light")
    assert upper == lower
    upper, lower = ids(stating(build("siglip", tmp_path / "b"), do_lower_case=False), "ON", "on")
    assert upper != lower


def test_fast_siglip_tokenizer_removes_punctuation(tmp_path):
    folder = stating(build("siglip", tmp_path), tokenizer_class="SiglipTokenizer")
    assert text_preparation(read_config(folder), folder).bare
    first, second = ids(folder, " What's   the weather, today?! ", "whats the weather today")
    assert first == second
    with_mark, without_mark = ids(build("siglip", tmp_path / "other"), "today?", "today")
    assert with_mark != without_mark


def test_clip_texts_are_not_changed(tmp_path):
    folder = build("clip", tmp_path)
    reading = text_preparation(read_config(folder), folder)
    assert (reading.filled, reading.lower_case, reading.bare, reading.longest) == (False, False, False, 77)
    before = json.loads((folder / "tokenizer.json").read_text())["normalizer"]
    assert json.loads(load_tokenizer(folder).backend_tokenizer.to_str())["normalizer"] == before


@pytest.mark.parametrize(
    ("kind", "longest"), [("clip", 77), ("siglip", FILLED), ("vision-text", 128), ("altclip", 128), ("metaclip-2", 77)]
)
def test_texts_are_truncated_to_the_number_of_positions(kind, longest, tmp_path):
    (row,) = ids(build(kind, tmp_path), "turn on the light in the kitchen " * 30, max_length=500)
    assert len(row) == longest
    (short,) = ids(tmp_path, "turn on the light in the kitchen " * 30, max_length=16)
    assert len(short) == 16


def test_unmasked_padding_is_on_the_tokenizers_side(tmp_path):
    folder = build("siglip", tmp_path)
    examples = [Caption(id="1", text="the light", image="c:1", group="g", language="en")]
    tokenizer = load_tokenizer(folder)
    features = featurise("image-retrieval", examples, tokenizer, None, 128)
    model = torch.nn.Module()
    assert required_padding(model, tokenizer) is None
    model.padded_length = FILLED
    padding_style = required_padding(model, tokenizer)
    assert padding_style == PaddingStyle(tokens=FILLED, left=False)
    batch = collate("image-retrieval", features, 1, labels=False, padding_style=padding_style)
    expected_ids = features[0].ids[0]
    assert batch["input_ids"].tolist() == [expected_ids + [1] * (FILLED - len(expected_ids))]
    assert batch["attention_mask"].tolist() == [[1] * FILLED]
    tokenizer.padding_side = "left"
    batch = collate("image-retrieval", features, 1, labels=False, padding_style=required_padding(model, tokenizer))
    assert batch["input_ids"].tolist() == [[1] * (FILLED - len(expected_ids)) + expected_ids]
