"""Predictions for many requests by one thread."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from xstilts.fitting.model import FittedModel, Prediction
from xstilts.serving.schemas import NearestRow, Text, TextPrediction

BATCH, CHARACTERS = 64, 20_000
"""At most so many texts of a request, with so many characters, are predicted before the next request has its turn: a
few seconds of work, which an interrupt waits for. A longer text is a batch of its own."""


class Inference:
    """A queue of batches that one thread predicts, so requests share the processor and never run at once."""

    def __init__(self, model: FittedModel) -> None:
        self._model = model
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")

    async def predict(
        self, texts: Sequence[Text], is_unwanted: Callable[[], Awaitable[bool]]
    ) -> list[TextPrediction] | None:
        """One prediction for each text, in the same order; None once `is_unwanted`, which is asked before each
        batch."""
        predictions: list[TextPrediction] = []
        for batch in _batches(texts):
            if await is_unwanted():
                return None
            try:
                predictions += await asyncio.get_running_loop().run_in_executor(self._thread, self._predict, batch)
            except asyncio.CancelledError:  # the server waits for requests only so long when it stops
                return None
        return predictions

    def close(self) -> None:
        """Drop the batches that have not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _predict(self, texts: Sequence[Text]) -> list[TextPrediction]:
        predictions = self._model.predictions(texts)
        return [self._answer(text, prediction) for text, prediction in zip(texts, predictions, strict=True)]

    def _answer(self, text: Text, prediction: Prediction) -> TextPrediction:
        rows = self._model.training
        first, second = (text, None) if isinstance(text, str) else text
        return TextPrediction(
            label=prediction.label,
            probability=prediction.probability,
            probabilities=prediction.probabilities,
            abstained=prediction.abstained,
            unlike_training=prediction.unlike_training,
            cut_off=self._model.states.cut([(first, second)]).truncated > 0,
            nearest=[
                NearestRow(
                    text=rows.texts[row],
                    label=rows.labels[row],
                    language=rows.languages[row],
                    similarity=similarity,
                )
                for row, similarity in prediction.nearest
            ],
        )


def _batches(texts: Sequence[Text]) -> Iterator[list[Text]]:
    batch: list[Text] = []
    characters = 0
    for text in texts:
        length = len(text) if isinstance(text, str) else sum(map(len, text))
        if batch and (len(batch) == BATCH or characters + length > CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += length
    if batch:
        yield batch
