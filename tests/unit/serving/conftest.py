"""A server of a tiny model."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.serving.models import fitted_model

from xstilts.serving.app import Limits, build_app
from xstilts.serving.corrections import Corrections

Serve = Callable[..., TestClient]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A client of a new server; its corrections are in `tmp_path`."""
    with ExitStack() as stack:

        def start(*, texts: int = 100, size: int = 10_000, loopback_only: bool = True, **model: Any) -> TestClient:
            served = fitted_model(tmp_path / "encoder", **model)
            corrections = Corrections(tmp_path / "corrections.csv", served.facts)
            app = build_app(served, corrections, Limits(texts=texts, bytes=size), loopback_only=loopback_only)
            return stack.enter_context(TestClient(app, base_url="http://127.0.0.1:8000"))

        yield start
