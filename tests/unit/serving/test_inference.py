import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.unit.serving.models import fitted_model

from xstilts.fitting.model import FittedModel, Prediction
from xstilts.serving.inference import BATCH, CHARACTERS, Inference


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, bool]]:
    """The first text, the size and whether it was alone, of each batch that is predicted."""
    seen: list[tuple[str, int, bool]] = []
    running = threading.Semaphore(1)
    original = FittedModel.predictions

    def record(model: FittedModel, texts: Sequence[str]) -> list[Prediction]:
        alone = running.acquire(blocking=False)
        seen.append((texts[0], len(texts), alone))
        time.sleep(0.02)
        predictions = original(model, texts)
        running.release()
        return predictions

    monkeypatch.setattr(FittedModel, "predictions", record)
    return seen


async def wanted() -> bool:
    return False


def test_requests_take_turns(tmp_path: Path, batches: list[tuple[str, int, bool]]):
    inference = Inference(fitted_model(tmp_path))

    async def both() -> list[int]:
        answers = await asyncio.gather(
            inference.predict(["a"] * (2 * BATCH + 1), wanted), inference.predict(["b"], wanted)
        )
        return [len(answer or ()) for answer in answers]

    assert asyncio.run(both()) == [2 * BATCH + 1, 1]
    assert batches == [("a", BATCH, True), ("b", 1, True), ("a", BATCH, True), ("a", 1, True)]


def test_long_texts_are_batches_of_their_own(tmp_path: Path, batches: list[tuple[str, int, bool]]):
    texts = ["a", "b" * CHARACTERS, "c", "d"]
    answers = asyncio.run(Inference(fitted_model(tmp_path)).predict(texts, wanted))
    assert len(answers or ()) == 4
    assert [size for _, size, _ in batches] == [1, 1, 2]


def test_an_unwanted_request_ends_after_its_batch(tmp_path: Path, batches: list[tuple[str, int, bool]]):
    async def unwanted() -> bool:
        return len(batches) == 2

    assert asyncio.run(Inference(fitted_model(tmp_path)).predict(["a"] * (4 * BATCH), unwanted)) is None
    assert len(batches) == 2
