"""A fitted model: an encoder with a linear head, its calibration and its training rows."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from xstilts.errors import DataError
from xstilts.fitting.facts import ModelFacts, read_facts
from xstilts.fitting.states import StateEncoder, Text
from xstilts.fitting.subword_scores import SubwordScores
from xstilts.fitting.training_rows import NEAREST, TrainingRows, read_training_rows
from xstilts.models.generic_head import linear_model
from xstilts.models.heads import load_text_encoder, load_tokenizer

DENSE = Path("2_Dense") / "model.safetensors"
CHUNK = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The prediction for one text."""

    label: str | list[str]
    """The most probable label; for multi-label models, all labels from their threshold on."""
    probability: float
    """Of `label`; for multi-label models, the lowest of its labels, or that of having none."""
    probabilities: dict[str, float]
    """By label."""
    abstained: bool
    """Whether the probability is below the threshold for the wanted precision."""
    unlike_training: bool
    """Whether no training row is similar to the text."""
    nearest: tuple[tuple[int, float], ...]
    """Rows of `training` with their cosine similarity, most similar first."""


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """What `xstilts.fit` returns and `xstilts.load_model` reads. Predicts labels of texts or pairs of texts."""

    facts: ModelFacts
    states: StateEncoder
    weight: Tensor
    """[labels, width]."""
    bias: Tensor
    """[labels]."""
    subwords: SubwordScores | None = None
    """Added to the logits of the encoder's head."""
    training: TrainingRows
    report: Any = None
    """An `xstilts.fitting.report.FitReport`; as a dictionary if it was read from a folder."""

    @property
    def labels(self) -> tuple[str, ...]:
        return self.facts.labels

    def predict(self, texts: Sequence[Any]) -> list[Any]:
        """The label of each text (a list of labels for multi-label models).

        `texts` are strings; for models of pairs, tuples of two strings. Raises DataError for other values.
        """
        return [prediction.label for prediction in self.predictions(texts)]

    def predict_proba(self, texts: Sequence[Any]) -> np.ndarray:
        """Calibrated probabilities, [texts, labels], in the order of `labels`."""
        return self._probabilities(self.logits(texts)).numpy()

    def logits(self, texts: Sequence[Any]) -> Tensor:
        """Uncalibrated logits, [texts, labels]."""
        known = self._as_texts(texts)
        return self._logits(known, self.states.vectors(known)[0])

    def vectors_and_probabilities(
        self, texts: Sequence[Any], report: Callable[[int, int], None] = lambda done, total: None
    ) -> tuple[Tensor, np.ndarray]:
        """Vectors of the encoder, [texts, width], and calibrated probabilities as from `predict_proba`."""
        known = self._as_texts(texts)
        vectors, _ = self.states.vectors(known, report)
        return vectors, self._probabilities(self._logits(known, vectors)).numpy()

    def best_label(self, probabilities: Sequence[float]) -> tuple[Any, float]:
        """The predicted label (a list of labels for multi-label models) and its probability."""
        return self._label(probabilities)

    def predictions(self, texts: Sequence[Any]) -> list[Prediction]:
        """Labels with probabilities, abstention and the most similar training rows."""
        return list(self.stream(texts))

    def stream(self, texts: Iterable[Any]) -> Iterator[Prediction]:
        """As `predictions`, for texts of any number: at most `CHUNK` are held at once."""
        chunk: list[Any] = []
        for text in texts:
            chunk.append(text)
            if len(chunk) == CHUNK:
                yield from self._predict_chunk(chunk)
                chunk = []
        if chunk:
            yield from self._predict_chunk(chunk)

    def save(self, folder: str | Path) -> Path:
        """Write the model folder; `folder` must be new or empty."""
        from xstilts.fitting.folder import write_model

        return write_model(self, Path(folder))

    def _predict_chunk(self, texts: Sequence[Any]) -> Iterator[Prediction]:
        vectors, probabilities = self.vectors_and_probabilities(texts)
        similarity, rows = self.training.nearest(vectors, NEAREST)
        calibration = self.facts.calibration
        for number, shares in enumerate(probabilities.tolist()):
            label, probability = self._label(shares)
            nearest = tuple(zip(rows[number].tolist(), similarity[number].tolist(), strict=True))
            yield Prediction(
                label=label,
                probability=probability,
                probabilities=dict(zip(self.labels, shares, strict=True)),
                abstained=probability < (calibration.least_probability or 0.0),
                unlike_training=bool(nearest) and nearest[0][1] < (calibration.least_similarity or -1.0),
                nearest=nearest,
            )

    def _label(self, shares: Sequence[float]) -> tuple[Any, float]:
        if self.facts.problem != "multi-label":
            best = int(np.argmax(shares))
            return self.labels[best], shares[best]
        thresholds = self.facts.calibration.thresholds or (0.5,) * len(self.labels)
        chosen = [
            number for number, (share, least) in enumerate(zip(shares, thresholds, strict=True)) if share >= least
        ]
        probability = min((shares[number] for number in chosen), default=1 - max(shares))
        return [self.labels[number] for number in chosen], probability

    def _logits(self, texts: Sequence[Text], vectors: Tensor) -> Tensor:
        logits = torch.nn.functional.linear(vectors, self.weight, self.bias)
        if self.subwords is None:
            return logits
        return logits + torch.from_numpy(self.subwords.logits(self.states.subwords(texts)))

    def _probabilities(self, logits: Tensor) -> Tensor:
        scaled = logits.double() / self.facts.calibration.temperature
        return scaled.sigmoid() if self.facts.problem == "multi-label" else scaled.softmax(-1)

    def _as_texts(self, texts: Sequence[Any]) -> list[Text]:
        return [_as_text(value, number, pairs=self.facts.reads_pairs) for number, value in enumerate(texts)]

    @cached_property
    def torch_model(self) -> torch.nn.Module:
        """The encoder with its head as one module, which returns `logits` of one window per text."""
        return linear_model(self.states.encoder, self.facts.problem, self.facts.pooling, self.weight, self.bias)


def _as_text(value: Any, number: int, *, pairs: bool) -> Text:
    if pairs:
        if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(part, str) for part in value):
            return value[0].strip(), value[1].strip()
        raise DataError(f"text {number} is no pair: {str(value)[:60]!r}", "give tuples of two texts")
    if not isinstance(value, str):
        raise DataError(f"text {number} is no text: {str(value)[:60]!r}", "give a list of texts")
    return value.strip(), None


def load_model(folder: str | Path, *, device: str = "cpu", cache: Path | None = None) -> FittedModel:
    """The model in a folder that `fit` wrote; needs no network. Raises DataError for a folder that is damaged."""
    path = Path(folder)
    facts = read_facts(path)
    head_file = path / DENSE
    try:
        head = load_file(head_file)
        weight, bias = head["linear.weight"].float(), head["linear.bias"].float()
        subwords = SubwordScores.load(path) if facts.reads_subwords else None
        encoder = load_text_encoder(path).eval().to(device)  # type: ignore[arg-type]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is damaged: {str(error).splitlines()[0]}", "fit or copy the model again") from error
    if len(weight) != len(facts.labels):
        raise DataError(f"{head_file} has {len(weight)} outputs for {len(facts.labels)} labels", "fit it again")
    states = StateEncoder(
        encoder=encoder,
        tokenizer=load_tokenizer(path),
        pooling=facts.pooling,
        windows=facts.windows,
        precision=facts.precision,
        device=device,
        cache=cache,
    )
    report_file = path / "report.json"
    report: Mapping[str, Any] | None = None
    if report_file.is_file():
        report = json.loads(report_file.read_text(encoding="utf-8"))
    return FittedModel(
        facts=facts,
        states=states,
        weight=weight,
        bias=bias,
        subwords=subwords,
        training=read_training_rows(path),
        report=report,
    )
