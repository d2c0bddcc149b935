"""Training equals a plain loop that shares only the encoder's forward pass and the batches with ours.

The loop has its own heads, losses, clipping, schedule and AdamW, and full embeddings where ours trains a reduced table.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests import tiny
from torch import Tensor, nn

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.tokenised import token_ids
from xstilts.models.heads import load_fused, load_tokenizer, load_with_head
from xstilts.models.multimodal.fusion import ImageInputSpec
from xstilts.problems import Answer, Choice, Example, ImageText, Labelled, MultiLabelled, Span, Tagged
from xstilts.stages.head_start import start_head
from xstilts.stages.training import make_trainable
from xstilts.train.fit import Objective, batch_indices, fit
from xstilts.train.optim import decay_of_unused_weights

WORDS = ["turn", "on", "the", "light", "in", "the", "kitchen", "what", "is", "the", "weather", "like", "today"]
STEPS, SEED = 12, 5
TRAIN = Train(
    steps=STEPS,
    batch_size=4,
    learning_rate=1e-3,
    head_learning_rate=3e-3,
    weight_decay=0.3,
    warmup_ratio=0.25,
    max_grad_norm=3.2,
    max_length=32,
    dropout=0.0,
    precision="fp32",
    evaluations=1,
)
LOWER_NORM = {"max_grad_norm": 1.6}
"""For heads with smaller gradients, so that some are clipped."""
WITHOUT_GRADIENT: dict[str, tuple[str, ...]] = {
    "all": ("key.bias",),
    "choice": ("classifier.bias",),
    "span": ("qa_outputs.bias", "layer.1.output.LayerNorm.bias"),
    "image-text": ("layer.1.output.LayerNorm.bias", "head.text.mean", "head.image.mean"),
}
"""Parameters that the loss does not depend on, by the end of their names: a softmax or a standardisation removes them.
Their gradients are rounding, which AdamW magnifies, so their values are not compared, and neither are the running means
of what they shift."""
ID: dict[str, Any] = {"group": "g", "language": "en"}
Batch = dict[str, Tensor]


def text(number: int) -> str:
    return " ".join(WORDS[number % 5 : 3 + number % 8])


EXAMPLES: dict[str, Callable[[int], Example]] = {
    "classification": lambda n: Labelled(id=str(n), text=text(n), label="abc"[n % 3], **ID),
    "pairs": lambda n: Labelled(id=str(n), text=text(n), pair=text(n + 1), label="ab"[n % 2], **ID),
    "tagging": lambda n: Tagged(
        id=str(n), words=tuple(text(n).split()), tags=tuple("ab"[len(w) % 2] for w in text(n).split()), **ID
    ),
    "multi-label": lambda n: MultiLabelled(id=str(n), text=text(n), labels=((), ("a",), ("a", "c"))[n % 3], **ID),
    "choice": lambda n: Choice(
        id=str(n), prompt=text(n), choices=("on", "the light", "today")[: 2 + n % 2], answer=n % 2, **ID
    ),
    "span": lambda n: Span(
        id=str(n), question="what?", context=text(0), answers=(Answer(text="on", start=5),) if n % 2 else (), **ID
    ),
    "image-text": lambda n: ImageText(
        id=str(n), text=text(n), images=(f"c:{n}", "c:9")[: 1 + n % 2], label="ab"[n % 2], **ID
    ),
}
PROBLEM = {"pairs": "classification"}
LABELS = {"span": None, "choice": None, "multi-label": ("a", "b", "c"), "classification": ("a", "b", "c")}


class ImageVectors:
    """Features that follow from an image's name alone."""

    channels = 6

    def tensor(self, references: list[str]) -> Tensor:
        rows = [torch.randn(4, 6, generator=torch.Generator().manual_seed(int(name[2:]))) for name in references]
        return torch.stack(rows)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of -log softmax at the labels, over all that are not -100."""
    log_probabilities = logits - logits.exp().sum(-1, keepdim=True).log()
    losses = [-row[label] for row, label in zip(log_probabilities, labels, strict=True) if label != -100]
    return torch.stack(losses).mean()


def mean_pooled(states: Tensor, mask: Tensor) -> Tensor:
    return torch.stack([rows[kept.bool()].mean(0) for rows, kept in zip(states, mask, strict=True)])


def encoded(encoder: nn.Module, batch: Batch) -> Tensor:
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}
    return encoder(**inputs).last_hidden_state


def linear(layer: Any, vectors: Tensor) -> Tensor:
    return vectors @ layer.weight.T + layer.bias


def pooled_loss(model: Any, batch: Batch) -> Tensor:
    return cross_entropy(_pooled_logits(model, batch), batch["labels"])


def _pooled_logits(model: Any, batch: Batch) -> Tensor:
    return linear(model.classifier, mean_pooled(encoded(model.encoder, batch), batch["attention_mask"]))


def native_loss(model: Any, batch: Batch) -> Tensor:
    """RoBERTa's head: a layer with tanh on the first token, then the classifier."""
    first = encoded(model.roberta, batch)[:, 0]
    logits = linear(model.classifier.out_proj, torch.tanh(linear(model.classifier.dense, first)))
    return cross_entropy(logits, batch["labels"])


def tagging_loss(model: Any, batch: Batch) -> Tensor:
    logits = linear(model.classifier, encoded(model.encoder, batch))
    return cross_entropy(logits.flatten(0, 1), batch["labels"].flatten())


def multi_label_loss(model: Any, batch: Batch) -> Tensor:
    probabilities, labels = torch.sigmoid(_pooled_logits(model, batch)), batch["labels"]
    return -(labels * probabilities.log() + (1 - labels) * (1 - probabilities).log()).mean()


def choice_loss(model: Any, batch: Batch) -> Tensor:
    rows = len(batch["labels"])
    flat = {name: tensor.flatten(0, 1) for name, tensor in batch.items() if name != "labels"}
    states, mask = encoded(model.encoder, flat), flat["attention_mask"]
    # the vector of a choice that only pads its example is zero
    vectors = torch.stack([s[m.bool()].sum(0) / max(1, int(m.sum())) for s, m in zip(states, mask, strict=True)])
    return cross_entropy(linear(model.classifier, vectors).view(rows, -1), batch["labels"])


def span_loss(model: Any, batch: Batch) -> Tensor:
    starts, ends = linear(model.qa_outputs, encoded(model.roberta, batch)).unbind(-1)
    return (cross_entropy(starts, batch["start_positions"]) + cross_entropy(ends, batch["end_positions"])) / 2


class Vectors(nn.Module):
    """In place of the head of texts and images: returns what the encoder gives it."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, texts: Tensor, images: Tensor, mask: Tensor, labels: None) -> tuple[Tensor, Tensor, Tensor]:
        return texts, images, mask


def image_text_loss(model: Any, batch: Batch) -> Tensor:
    texts, images, mask = model(**{name: tensor for name, tensor in batch.items() if name != "labels"})
    head = model.head.head
    texts = standardised(head.text, texts)
    shown = standardised(head.image, images[mask.bool()]).split(mask.sum(1).tolist())
    rows = []
    for vector, pictures in zip(texts, shown, strict=True):
        first = pictures[0]
        second = pictures[1] if len(pictures) > 1 else torch.zeros_like(first)
        products = [vector * first, vector * second, (vector - first).abs(), (vector - second).abs(), first * second]
        rows.append(torch.cat([vector, first, second, *products]))
    return cross_entropy(linear(head.out, torch.tanh(linear(head.dense, torch.stack(rows)))), batch["labels"])


def standardised(statistics: Any, vectors: Tensor) -> Tensor:
    """By the mean and the unbiased variance of the batch, of which a running average is kept."""
    mean = vectors.sum(0) / len(vectors)
    variance = ((vectors - mean) ** 2).sum(0) / (len(vectors) - 1)
    with torch.no_grad():
        statistics.mean.copy_(0.9 * statistics.mean + 0.1 * mean)
        statistics.variance.copy_(0.9 * statistics.variance + 0.1 * variance)
    return (vectors - mean) / (variance + 1e-5).sqrt()


def reference_training(
    model: nn.Module, encoder: nn.Module, batches: list[Batch], loss_of: Callable[[Any, Batch], Tensor], train: Train
) -> tuple[list[float], list[float], dict[str, float]]:
    """Losses, gradient norms and the largest gradient of each parameter.

    AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2) with linear warm-up and decay.
    """
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    encoder_ids = {id(parameter) for parameter in encoder.parameters()}
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in model.named_parameters()}
    warmup = math.ceil(STEPS * train.warmup_ratio)
    losses, norms, largest = [], [], dict.fromkeys(moments, 0.0)
    for step, batch in enumerate(batches):
        model.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        norm = math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients.values()))
        factor = (step + 1) / (warmup + 1) if step < warmup else (STEPS - step) / (STEPS - warmup)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name not in gradients:
                    continue
                rate = factor * (train.learning_rate if id(parameter) in encoder_ids else 3e-3)
                largest[name] = max(largest[name], float(gradients[name].norm()))
                gradient = gradients[name] * min(1.0, train.max_grad_norm / norm)
                if parameter.dim() > 1:
                    parameter.mul_(1 - rate * train.weight_decay)
                first, second = moments[name]
                first.mul_(0.9).add_(0.1 * gradient)
                second.mul_(0.999).add_(0.001 * gradient**2)
                bias1, bias2 = 1 - 0.9 ** (step + 1), 1 - 0.999 ** (step + 1)
                parameter.sub_(rate * (first / bias1) / ((second / bias2).sqrt() + 1e-8))
        losses.append(loss.item())
        norms.append(norm)
    return losses, norms, largest


@pytest.mark.parametrize(
    ("kind", "head", "loss_of"),
    [
        ("classification", "pooled", pooled_loss),
        ("classification", "native", native_loss),
        ("pairs", "pooled", pooled_loss),
        ("tagging", "pooled", tagging_loss),
        ("multi-label", "pooled", multi_label_loss),
        ("choice", "pooled", choice_loss),
        ("span", "native", span_loss),
        ("image-text", "fused", image_text_loss),
    ],
)
def test_training_equals_a_plain_loop(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, kind: str, head: Any, loss_of: Callable[[Any, Batch], Tensor]
) -> None:
    train = TRAIN.model_copy(update=LOWER_NORM if kind in ("multi-label", "choice") else {})
    folder = tiny.build("xlm-roberta", tmp_path)
    tokenizer, problem = load_tokenizer(folder), PROBLEM.get(kind, kind)
    labels = LABELS.get(kind, ("a", "b"))
    examples = [EXAMPLES[kind](number) for number in range(11)]
    features = featurise(problem, examples, tokenizer, labels, train.max_length)  # type: ignore[arg-type]
    if head == "fused":
        image_input = ImageInputSpec(channels=6, tokens=4, layer=1)
        model: Any = load_fused("image-text", folder, image_input, labels=labels, seed=0)
    else:
        model = load_with_head(problem, folder, labels=labels, seed=0, head=head)  # type: ignore[arg-type]
    reference = deepcopy(model)
    images: Any = ImageVectors() if head == "fused" else None
    trainable = make_trainable(
        model,
        problem,
        tokenizer,
        train,
        "cpu",
        lambda: token_ids(features),
        None,
        images,  # type: ignore[arg-type]
    )
    assert trainable.vocabulary is not None
    inputs = trainable.inputs(features)
    started = start_head(trainable, inputs, train)
    assert (started == "closed-form") == (problem in ("classification", "tagging", "multi-label") and head == "pooled")
    if started == "closed-form":
        reference.classifier.load_state_dict(model.classifier.state_dict())

    batches = replace(inputs, vocabulary=None)
    stream = batch_indices(inputs, train, SEED)
    collected = [batches.batch(next(stream), labels=True) for _ in range(STEPS)]
    losses: list[float] = []
    monkeypatch.setattr("xstilts.train.loop.check_finite", lambda loss, step: losses.append(loss) or loss)
    fit([Objective(model=trainable.trained_part, batches=inputs)], [0] * STEPS, train, seed=SEED)
    trainable.vocabulary.expand(decay_of_unused_weights(train, STEPS))

    encoder = {"pooled": "encoder", "native": "roberta", "fused": "text"}[head]
    initial = {name: parameter.detach().clone() for name, parameter in reference.named_parameters()}
    if head == "fused":
        reference.head = Vectors(reference.head)
    expected_losses, norms, largest = reference_training(
        reference, getattr(reference, encoder), collected, loss_of, train
    )
    assert min(norms) < train.max_grad_norm < max(norms), "some gradients are clipped and some are not"
    assert losses == pytest.approx(expected_losses, abs=2e-5)

    expected = {name.replace("head.head.", "head."): p.detach() for name, p in reference.named_parameters()}
    actual = {name: parameter.detach() for name, parameter in model.named_parameters()}
    assert actual.keys() == expected.keys()
    moved = 0
    for name, parameter in expected.items():
        if name.endswith(WITHOUT_GRADIENT["all"] + WITHOUT_GRADIENT.get(kind, ())):
            assert largest.get(name, 0.0) < 1e-4 * max(norms), name
            continue
        torch.testing.assert_close(
            actual[name], parameter, atol=1e-4, rtol=1e-5, msg=lambda text, n=name: f"{n}: {text}"
        )
        moved += bool((parameter - initial[name]).abs().max() > 1e-3)
    assert moved > len(expected) / 2
