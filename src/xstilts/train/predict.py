"""Batched inference: features to predictions, and texts to vectors."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.data.batches import scoring_batches
from xstilts.data.features import Feature
from xstilts.metrics.ranks import ranks
from xstilts.models.collate import collate
from xstilts.models.inputs import ModelInputs, autocast
from xstilts.models.pooling import mean_state
from xstilts.models.split import hidden_states, run_lower, supports_split
from xstilts.models.split import layers as blocks
from xstilts.problems.examples import Example, Span

NBEST = 20
ANSWER_TOKENS = 30


def predict(
    model: nn.Module, inputs: ModelInputs, examples: Sequence[Example], labels: Sequence[str]
) -> list[str] | list[int] | list[list[str]] | list[tuple[int, int | None]]:
    """One prediction for each example: a label, the index of a choice, an answer ("" for none), a tag a word, or the
    ranks of a caption's image and of the image's caption, among all of the feed."""
    outputs = _outputs(model, inputs)
    if inputs.problem == "image-retrieval":
        return _ranked(outputs, inputs)
    if inputs.problem in ("classification", "image-text"):
        return _classes(outputs, inputs, labels)
    if inputs.problem == "choice":
        return _choices(outputs, inputs)
    if inputs.problem == "tagging":
        return _tags(outputs, inputs, examples, labels)
    return _answers(outputs, inputs, examples)  # type: ignore[arg-type]


def _outputs(model: nn.Module, inputs: ModelInputs) -> Iterator[tuple[list[int], ModelOutput]]:
    model.eval()
    for indices in scoring_batches(inputs.lengths):
        with torch.inference_mode(), autocast(inputs.device, inputs.precision):
            yield indices, model(**inputs.batch(indices, labels=False))


def _in_order(outputs: Iterator[tuple[list[int], ModelOutput]], count: int, name: str) -> list[Tensor]:
    rows: list[Tensor] = [torch.empty(0)] * count
    for indices, output in outputs:
        for index, row in zip(indices, output[name].float().cpu(), strict=True):
            rows[index] = row
    return rows


def _classes(outputs: Iterator[tuple[list[int], ModelOutput]], inputs: ModelInputs, labels: Sequence[str]) -> list[str]:
    return [labels[int(row.argmax())] for row in _in_order(outputs, len(inputs.features), "logits")]


def _choices(outputs: Iterator[tuple[list[int], ModelOutput]], inputs: ModelInputs) -> list[int]:
    """The best of each example's own choices: where others of its batch have more, there are logits of none."""
    rows = _in_order(outputs, len(inputs.features), "logits")
    return [int(row[: len(feature.ids)].argmax()) for feature, row in zip(inputs.features, rows, strict=True)]


def _ranked(outputs: Iterator[tuple[list[int], ModelOutput]], inputs: ModelInputs) -> list[tuple[int, int | None]]:
    """For each caption the rank of its image, and for each image, at its first caption, the best of its captions'."""
    images = [feature.images[0] for feature in inputs.features]
    number = {image: row for row, image in enumerate(dict.fromkeys(images))}
    texts, pictures = [torch.empty(0)] * len(images), [torch.empty(0)] * len(number)
    for indices, output in outputs:
        for index, text, picture in zip(indices, output["texts"].cpu(), output["images"].cpu(), strict=True):
            texts[index], pictures[number[images[index]]] = text, picture
    scores = torch.stack(texts) @ torch.stack(pictures).T
    return ranks(scores.numpy(), [number[image] for image in images])


def _tags(
    outputs: Iterator[tuple[list[int], ModelOutput]],
    inputs: ModelInputs,
    examples: Sequence[Example],
    labels: Sequence[str],
) -> list[list[str]]:
    tags: dict[int, dict[int, str]] = defaultdict(dict)
    for feature, row in zip(inputs.features, _in_order(outputs, len(inputs.features), "logits"), strict=True):
        best: list[int] = row.argmax(-1).tolist()  # type: ignore[assignment]
        tags[feature.example].update((word, labels[best[position]]) for position, word in feature.words)
    return [[tags[number][word] for word in sorted(tags[number])] for number in range(len(examples))]


def _answers(
    outputs: Iterator[tuple[list[int], ModelOutput]], inputs: ModelInputs, examples: Sequence[Span]
) -> list[str]:
    """The best span over all windows of an example, or "" where no answer scores higher in every window.

    As in Devlin et al. (2019, arXiv 1810.04805, section 4.3), with a threshold of zero.
    """
    rows: list[tuple[Tensor, Tensor]] = [(torch.empty(0), torch.empty(0))] * len(inputs.features)
    for indices, output in outputs:
        starts, ends = output["start_logits"].float().cpu(), output["end_logits"].float().cpu()
        for index, start, end in zip(indices, starts, ends, strict=True):
            rows[index] = start, end
    best: dict[int, tuple[float, str]] = {}
    none: dict[int, float] = {}
    for feature, (start, end) in zip(inputs.features, rows, strict=True):
        number = feature.example
        none[number] = min(none.get(number, float("inf")), float(start[0] + end[0]))
        score, span = _best_span(feature, start, end)
        if number not in best or score > best[number][0]:
            best[number] = score, examples[number].context[slice(*span)]
    return [best[number][1] if best[number][0] > none[number] else "" for number in range(len(examples))]


def _best_span(feature: Feature, start: Tensor, end: Tensor) -> tuple[float, tuple[int, int]]:
    """The highest sum of logits of a start and an end at most ANSWER_TOKENS apart, with its characters."""
    best = float("-inf"), (0, 0)
    offsets = feature.offsets
    size = len(offsets)
    for first in start[:size].topk(min(NBEST, size)).indices.tolist():
        for last in end[:size].topk(min(NBEST, size)).indices.tolist():
            left, right = offsets[first], offsets[last]
            if left is None or right is None or not first <= last < first + ANSWER_TOKENS:
                continue
            score = float(start[first] + end[last])
            if score > best[0]:
                best = score, (left[0], right[1])
    return best


POOLINGS = ("mean", "first")
"""How sub-words become one vector: the mean over all of them, special ones included, or the first."""


def embed(
    model: PreTrainedModel,
    features: Sequence[Feature],
    padding: int,
    *,
    layers: Sequence[int],
    poolings: Sequence[str],
    precision: str,
    device: str = "cpu",
) -> Tensor:
    """Vectors [poolings, layers asked, features, hidden], not normalised, all from one pass over the texts.

    Autocast remembers the weights that it has cast until it is left, so it is entered once for all batches.
    """
    lengths = [feature.length for feature in features]
    vectors = torch.empty(len(poolings), len(layers), len(features), model.config.hidden_size)
    model.eval()
    with torch.inference_mode(), autocast(device, precision):
        for indices in scoring_batches(lengths):
            batch = collate("retrieval", [features[index] for index in indices], padding, labels=False)
            ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
            for number, states in enumerate(_states(model, ids, mask, layers)):
                for row, pooling in enumerate(poolings):
                    vectors[row, number, indices] = _pool(states.float(), mask, pooling).cpu()
    return vectors


def _states(model: PreTrainedModel, ids: Tensor, mask: Tensor, layers: Sequence[int]) -> list[Tensor]:
    """States [batch, tokens, hidden] after each of `layers`; where it is one, those above it are not run."""
    if len(layers) == 1 and supports_split(model) and 0 <= layers[0] < len(blocks(model)):
        return [run_lower(model, layers[0], ids, mask)]
    states = hidden_states(model, ids, mask)
    return [states[layer] for layer in layers]


def _pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    if pooling == "first":
        return hidden[:, 0]
    return mean_state(hidden, mask)


def nearest(queries: Tensor, candidates: Tensor, block: int = 4096) -> Tensor:
    """Index of the candidate with the highest cosine for each query; exact, `block` queries at a time.

    Both are [rows, hidden] and are normalised here. Ties go to the first candidate.
    """
    queries, candidates = (nn.functional.normalize(x, dim=-1) for x in (queries, candidates))
    return torch.cat([(part @ candidates.T).argmax(-1) for part in queries.split(block)])
