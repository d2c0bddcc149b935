"""Batched inference: predictions from features, and sentence vectors from texts."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.data.batches import scoring_batches
from xstilts.models.collate import collate
from xstilts.models.families import Pooling
from xstilts.models.inputs import ModelInputs, autocast
from xstilts.models.pooling import pool
from xstilts.models.split import hidden_states, run_lower, supports_split
from xstilts.models.split import layers as blocks
from xstilts.platform.progress import track_batches
from xstilts.problems import PROBLEMS, Example
from xstilts.problems.base import Outputs
from xstilts.problems.features import Feature
from xstilts.problems.image_retrieval import image_numbers


def predict(
    model: nn.Module,
    inputs: ModelInputs,
    examples: Sequence[Example],
    labels: Sequence[str],
    thresholds: Sequence[float] | None = None,
) -> list[Any]:
    """One prediction per example, decoded by its problem; `thresholds` come from `fit_thresholds`."""
    return PROBLEMS[inputs.problem].decode(_outputs(model, inputs), inputs.features, examples, labels, thresholds)


def fit_thresholds(
    model: nn.Module, inputs: ModelInputs, examples: Sequence[Example], labels: Sequence[str]
) -> list[float] | None:
    """Decision thresholds, fitted on examples that are neither trained on nor scored; None if the problem has none."""
    problem = PROBLEMS[inputs.problem]
    if not problem.has_thresholds:
        return None
    return problem.fit_thresholds(_outputs(model, inputs), inputs.features, examples, labels)


def _outputs(model: nn.Module, inputs: ModelInputs) -> Outputs:
    """The rows of each output by feature, in float32 on the CPU."""
    problem = PROBLEMS[inputs.problem]
    if problem.is_contrastive:
        return {"similarities": _similarities(model, inputs)}
    rows = {name: [torch.empty(0)] * len(inputs.features) for name in problem.outputs}
    for indices, output in _batches(model, inputs):
        for name, output_rows in rows.items():
            for index, row in zip(indices, output[name].float().cpu(), strict=True):
                output_rows[index] = row
    return rows


def _batches(model: nn.Module, inputs: ModelInputs) -> Iterator[tuple[list[int], ModelOutput]]:
    model.eval()
    batches = scoring_batches(inputs.lengths)
    for indices in track_batches("scoring", batches, len(inputs.features)):
        with torch.inference_mode(), autocast(inputs.device, inputs.precision):
            yield indices, model(**inputs.batch(indices, labels=False))


def _similarities(model: nn.Module, inputs: ModelInputs) -> Tensor:
    """Similarity of each text to each distinct image, [features, images]; images are ordered by first occurrence."""
    references = [feature.images[0] for feature in inputs.features]
    numbers = image_numbers(inputs.features)
    texts, images = [torch.empty(0)] * len(references), [torch.empty(0)] * len(numbers)
    for indices, output in _batches(model, inputs):
        for index, text, image in zip(indices, output["texts"].cpu(), output["images"].cpu(), strict=True):
            texts[index], images[numbers[references[index]]] = text, image
    return torch.stack(texts) @ torch.stack(images).T


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
    """Vectors [poolings, layers, features, hidden], not normalised, from one pass over the texts.

    One autocast context spans all batches, because it caches cast weights until it exits.
    """
    lengths = [feature.length for feature in features]
    vectors = torch.empty(len(poolings), len(layers), len(features), model.config.hidden_size)
    model.eval()
    with torch.inference_mode(), autocast(device, precision):
        for indices in track_batches("sentence vectors", scoring_batches(lengths), len(lengths)):
            batch = collate("retrieval", [features[index] for index in indices], padding, labels=False)
            ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
            for number, states in enumerate(_states(model, ids, mask, layers)):
                for row, pooling in enumerate(poolings):
                    vectors[row, number, indices] = pool(states.float(), mask, cast(Pooling, pooling)).cpu()
    return vectors


def _states(model: PreTrainedModel, ids: Tensor, mask: Tensor, layers: Sequence[int]) -> list[Tensor]:
    """States [batch, tokens, hidden] after each of `layers`. For a single layer, the layers above are not run."""
    if len(layers) == 1 and supports_split(model) and 0 <= layers[0] < len(blocks(model)):
        return [run_lower(model, layers[0], ids, mask)]
    states = hidden_states(model, ids, mask)
    return [states[layer] for layer in layers]


def nearest(queries: Tensor, candidates: Tensor, block: int = 4096) -> Tensor:
    """The index of the candidate with the highest cosine for each query; the first of ties wins.

    Inputs are [rows, hidden] and are normalised here. `block` is the number of queries per matrix product.
    """
    queries, candidates = (nn.functional.normalize(x, dim=-1) for x in (queries, candidates))
    return torch.cat([(rows @ candidates.T).argmax(-1) for rows in queries.split(block)])
