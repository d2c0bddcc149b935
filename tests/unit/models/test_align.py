from pathlib import Path

import pytest
import torch
from tests.tiny import KINDS, SENTENCES, build
from torch import nn

from xstilts.data.features import featurise
from xstilts.methods.method import Adapters
from xstilts.models.align import Aligner, PairInputs, closeness, triplet_loss
from xstilts.models.heads import load_backbone, load_tokenizer
from xstilts.models.split import hidden_states
from xstilts.models.tuning import adapters, trained_parameters
from xstilts.problems import Parallel

MARGIN = 0.2


def inputs(folder: Path) -> PairInputs:
    tokenizer = load_tokenizer(folder)
    pairs = zip(SENTENCES[:4], SENTENCES[4:], strict=True)
    examples = [
        Parallel(id=str(n), group=str(n), language="de", text=text, english=english)
        for n, (text, english) in enumerate(pairs)
    ]
    features = featurise("retrieval", examples, tokenizer, None, 32)
    return PairInputs(features=features, groups=range(4), pad_id=tokenizer.pad_token_id)


def test_triplet_loss_equals_its_definition() -> None:
    torch.manual_seed(0)
    foreign, english = (nn.functional.normalize(torch.randn(5, 8), dim=-1) for _ in range(2))
    groups = torch.tensor([0, 1, 2, 2, 3])
    hinges = [
        max(0.0, MARGIN - float(a[i] @ b[i]) + float(a[i] @ b[j]))
        for a, b in ((foreign, english), (english, foreign))
        for i in range(5)
        for j in range(5)
        if groups[i] != groups[j]
    ]
    assert float(triplet_loss(foreign, english, groups, MARGIN)) == pytest.approx(sum(hinges) / len(hinges))


def test_loss_without_negatives_is_zero() -> None:
    vectors = nn.functional.normalize(torch.randn(2, 8), dim=-1)
    assert float(triplet_loss(vectors, vectors, torch.tensor([7, 7]), MARGIN)) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", [1, 2])
def test_vectors_are_mean_pooled_states_of_the_layer(kind: str, layer: int, tmp_path: Path) -> None:
    model = load_backbone(build(kind, tmp_path, layers=3))
    batch = inputs(tmp_path).batch([0, 1, 2, 3])
    ids, mask = batch["input_ids"], batch["attention_mask"]
    states = hidden_states(model, ids, mask)[layer]
    means = torch.stack([row[: int(m.sum())].mean(0) for row, m in zip(states, mask, strict=True)])
    vectors = Aligner(model, layer=layer, margin=MARGIN).vectors(ids, mask)
    torch.testing.assert_close(vectors, nn.functional.normalize(means, dim=-1), atol=1e-5, rtol=1e-4)


def test_batch_has_foreign_texts_before_translations(tmp_path: Path) -> None:
    pairs = inputs(build("xlm-roberta", tmp_path))
    batch = pairs.batch([2, 0])
    rows = [row[: int(m.sum())].tolist() for row, m in zip(batch["input_ids"], batch["attention_mask"], strict=True)]
    assert rows == [pairs.features[number].ids[0] for number in (4, 0, 5, 1)]
    assert batch["groups"].tolist() == [2, 0]
    assert pairs.lengths[0] == 2 * max(pairs.features[0].length, pairs.features[1].length)


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_of_one_layer_are_the_only_trained_weights(kind: str, tmp_path: Path) -> None:
    model = load_backbone(build(kind, tmp_path, layers=3))
    with adapters(model, Adapters(rank=2, alpha=4), 0, merge=True, layer=1, dropout=0.5):
        names = trained_parameters(model)
        assert names and all("lora_" in name and "layer" in name and ".1." in name for name in names)
        rates = {module.p for name, module in model.named_modules() if "lora_dropout" in name and hasattr(module, "p")}
        assert rates == {0.5}
    assert not any("lora" in name for name, _ in model.named_parameters())


def test_closeness_separates_alignment_from_a_common_shift() -> None:
    english = torch.eye(4)
    foreign = torch.eye(4)[[0, 1, 3, 2]]
    measured = closeness(foreign, english, [0, 1, 2, 3])
    assert (measured.translations, measured.accuracy, measured.pairs) == (0.5, 0.5, 4)
    assert measured.others == pytest.approx(2 / 12)
    shifted = closeness(foreign + 10, english + 10, [0, 1, 2, 3])
    assert shifted.translations > 0.99 and shifted.others > 0.99 and shifted.accuracy == 0.5
    assert closeness(foreign, english, [0, 1, 2, 2]).accuracy == 1.0
