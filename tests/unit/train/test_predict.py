"""Predicted choices exist in their example."""

import torch
from tests import tiny
from torch import nn

from xstilts.data.features import featurise
from xstilts.models.heads import load_tokenizer
from xstilts.models.inputs import ModelInputs
from xstilts.problems import Choice
from xstilts.train.predict import predict

PLACE = {"group": "g", "language": "en", "answer": None}
EXAMPLES = [
    Choice(id="1", prompt="the light", choices=("on", "in the kitchen"), **PLACE),
    Choice(id="2", prompt="the weather", choices=("today", "light", "on"), **PLACE),
]


class Later(nn.Module):
    """Finds each choice better than the one before."""

    def forward(self, input_ids, **_):
        batch, choices, _ = input_ids.shape
        return {"logits": torch.arange(choices).expand(batch, choices)}


def test_predicted_choice_exists(tmp_path):
    features = featurise("choice", EXAMPLES, load_tokenizer(tiny.build("bert", tmp_path)), (), 32)
    inputs = ModelInputs(problem="choice", features=features, pad_id=0, precision="fp32")
    assert predict(Later(), inputs, EXAMPLES, ()) == [1, 2]
