"""Training with a reduced vocabulary equals training with the full one."""

import copy

import pytest
import torch
from tests.tiny import build

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.tokenised import token_ids
from xstilts.models.heads import load_tokenizer, load_with_head
from xstilts.models.split import backbone
from xstilts.problems import Labelled
from xstilts.stages.training import make_trainable
from xstilts.train.fit import Objective, fit
from xstilts.train.optim import decay_of_unused_weights

LABELS = ("off", "on")
TEXTS = (
    "turn on the light",
    "what is the weather",
    "the kitchen",
    "mach das Licht an",
    "in the light",
    "weather today",
)
UNSEEN = ("включи свет на кухне", "打开厨房的灯")


def examples(texts):
    return [
        Labelled(id=str(n), group=str(n), language="xx", text=text, label=LABELS[n % 2]) for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize("kind", ["xlm-roberta", "bert"])
def test_training_with_a_reduced_vocabulary_equals_full_training(kind, tmp_path):
    folder = build(kind, tmp_path)
    tokenizer = load_tokenizer(folder)
    train = Train(steps=12, batch_size=3, precision="fp32", learning_rate=5e-3, weight_decay=0.3, dropout=0.0)
    features = featurise("classification", examples(TEXTS), tokenizer, LABELS, 32)
    models = []
    for used in (lambda: token_ids(features), None):
        model = load_with_head("classification", folder, labels=LABELS, seed=1)
        published = copy.deepcopy(backbone(model).get_input_embeddings().weight.detach())
        trainable = make_trainable(model, "classification", tokenizer, train, "cpu", used)
        fit([Objective(model=trainable.trained_part, batches=trainable.inputs(features))], [0] * 12, train, seed=3)
        if trainable.vocabulary is not None:
            assert len(trainable.vocabulary.rows) < len(published)
            trainable.vocabulary.expand(decay_of_unused_weights(train, 12))
        models.append(model.eval())
    compacted, full = (dict(model.named_parameters()) for model in models)
    for name, weight in full.items():
        assert torch.allclose(compacted[name], weight, atol=2e-6), name
    table = backbone(models[1]).get_input_embeddings().weight
    absent = next(n for n in range(len(published)) if n not in {i for f in features for i in f.ids[0]} and n > 4)
    assert not torch.equal(table[absent], published[absent]), "weight decay reaches absent rows"
    for text in UNSEEN:
        batch = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            one, other = (model(**batch).logits for model in models)
        assert torch.allclose(one, other, atol=1e-5)
