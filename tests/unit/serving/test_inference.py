import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.unit.serving.models import fitted_model

from xstilts.fitting.model import FittedModel, Prediction
from xstilts.serving.inference import BATCH, Inference


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


async def unwanted() -> bool:
    return True


def test_requests_take_turns(tmp_path: Path, batches: list[tuple[str, int, bool]]):
    inference = Inference(fitted_model(tmp_path))

    async def both() -> list[int]:
        answers = await asyncio.gather(
            inference.predict(["a"] * (2 * BATCH + 1), wanted), inference.predict(["b"], wanted)
        )
        return [len(answer or ()) for answer in answers]

    assert asyncio.run(both()) == [2 * BATCH + 1, 1]
    assert batches == [("a", BATCH, True), ("b", 1, True), ("a", BATCH, True), ("a", 1, True)]


def test_an_unwanted_request_ends_after_its_batch(tmp_path: Path, batches: list[tuple[str, int, bool]]):
    assert asyncio.run(Inference(fitted_model(tmp_path)).predict(["a"] * (3 * BATCH), unwanted)) is None
    assert len(batches) == 1
