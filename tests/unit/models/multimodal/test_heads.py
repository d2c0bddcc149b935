import pytest
import torch

from xstilts.models.multimodal.heads import (
    MAX_IMAGES,
    ContrastiveHead,
    ImageTextClassifier,
    RunningStandardize,
    freeze_statistics,
)


def _vectors(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_training_uses_batch_statistics_and_updates_running_ones():
    standard = RunningStandardize(3)
    vectors = 5 + 2 * _vectors(200, 3)
    output = standard.train()(vectors)
    assert torch.allclose(output.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(output.std(0), torch.ones(3), atol=1e-3)
    for _ in range(100):
        standard(vectors)
    torch.testing.assert_close(standard.mean.detach(), vectors.mean(0), atol=1e-3, rtol=0)
    torch.testing.assert_close(standard.eval()(vectors), output, atol=1e-2, rtol=0)


def test_frozen_statistics_do_not_change():
    standard = RunningStandardize(3)
    standard.train()(_vectors(50, 3))
    freeze_statistics(standard)
    before = standard.mean.clone(), standard.variance.clone()
    few = 9 + _vectors(2, 3, seed=1)
    trained = standard.train()(few)
    assert torch.equal(standard.mean, before[0]) and torch.equal(standard.variance, before[1])
    assert torch.equal(trained, standard.eval()(few))


def test_masked_vectors_do_not_count_in_statistics():
    unmasked, masked = RunningStandardize(3).train(), RunningStandardize(3).train()
    vectors = _vectors(4, 2, 3)
    mask = torch.tensor([[1, 1], [0, 1], [0, 1], [1, 1]])
    masked(vectors, mask)
    unmasked(vectors[mask.bool()])
    assert torch.equal(masked.mean, unmasked.mean) and torch.equal(masked.variance, unmasked.variance)


def test_left_padding_does_not_change_outputs():
    head = ImageTextClassifier(4, 2, 0.0).eval()
    texts, images = _vectors(1, 4), _vectors(1, 1, 4, seed=1)
    alone = head(texts, images, torch.ones(1, 1), None).logits
    padded = torch.cat([_vectors(1, 1, 4, seed=2), images], 1)
    torch.testing.assert_close(head(texts, padded, torch.tensor([[0, 1]]), None).logits, alone)
    none = head(texts, None, None, None).logits
    torch.testing.assert_close(head(texts, padded, torch.tensor([[0, 0]]), None).logits, none)
    assert not torch.allclose(alone, none)


def test_classifier_learns_similarity_in_a_narrow_cone():
    """What tells the vectors apart is a tenth of what they have in common."""
    torch.manual_seed(0)
    kinds, common = 0.1 * _vectors(8, 16), _vectors(16, seed=1)
    head = ImageTextClassifier(16, 2, 0.0).train()
    adam = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(150):
        left, right = torch.randint(8, (64,)), torch.randint(8, (64,))
        same = torch.rand(64) < 0.5
        right = torch.where(same, left, right)
        texts, images = common + kinds[left], (common + kinds[right]).unsqueeze(1)
        loss = head(texts, images, torch.ones(64, 1), (left == right).long()).loss
        loss.backward()
        adam.step()
        adam.zero_grad()
    assert loss.item() < 0.2


def test_contrastive_loss_is_lowest_for_correct_pairs():
    head = ContrastiveHead(8).eval()
    texts = _vectors(5, 8)
    names = torch.arange(5)
    right = head(texts, texts, names).loss
    wrong = head(texts, texts.roll(1, 0), names).loss
    assert right < wrong
    assert head(texts, texts, None).loss is None
    torch.testing.assert_close(head(texts, texts, None).texts.norm(dim=-1), torch.ones(5))


@pytest.mark.parametrize("count", range(1, MAX_IMAGES + 1))
def test_classifier_uses_every_image(count: int):
    head = ImageTextClassifier(4, 3, 0.0).eval()
    images = _vectors(2, count, 4)
    mask = torch.ones(2, count)
    logits = head(_vectors(2, 4, seed=3), images, mask, None).logits
    for place in range(count):
        other = images.clone()
        other[:, place] += 1
        assert not torch.allclose(head(_vectors(2, 4, seed=3), other, mask, None).logits, logits)
