import copy

import pytest
import torch
from tests.tiny import KINDS, SENTENCES, build

from xstilts.data.features import featurise
from xstilts.models.heads import load_text_encoder, load_tokenizer
from xstilts.problems import Sentence
from xstilts.train.predict import embed


@pytest.fixture(scope="module", params=KINDS)
def tool(request, tmp_path_factory):
    folder = build(request.param, tmp_path_factory.mktemp(request.param))
    return load_text_encoder(folder), load_tokenizer(folder)


def vectors(tool, layers, precision="fp32"):
    model, tokenizer = tool
    texts = [Sentence(id=text, group=text, language="de", text=text, english=False, partners=()) for text in SENTENCES]
    features = featurise("mining", texts, tokenizer, None, 64)
    padding = tokenizer.pad_token_id
    return embed(model, features, padding, layers=layers, poolings=["mean", "first"], precision=precision)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_single_layer_equals_the_layer_among_others(tool, precision):
    together = vectors(tool, [0, 1, 2], precision)
    assert together.shape == (2, 3, len(SENTENCES), 32)
    for layer in range(3):
        assert vectors(tool, [layer], precision)[:, 0].equal(together[:, layer])


def test_autocast_cache_is_cleared(tool):
    model, tokenizer = copy.deepcopy(tool[0]), tool[1]
    before = vectors((model, tokenizer), [2], "bf16")
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.1)
    assert not vectors((model, tokenizer), [2], "bf16").equal(before)
