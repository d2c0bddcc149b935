"""An export to ONNX that several tests look at: torch takes seconds for each."""

from pathlib import Path
from typing import NamedTuple

import pytest
from tests.unit.fitting.export.models import model_folder

from xstilts.fitting.export.write import ExportSettings, export_folder


class Export(NamedTuple):
    source: Path
    folder: Path


@pytest.fixture(scope="session")
def xlm_roberta(tmp_path_factory: pytest.TempPathFactory) -> Export:
    folder = tmp_path_factory.mktemp("xlm-roberta")
    source = model_folder(folder / "model", problem="multi-label")
    return Export(source, export_folder(source, folder / "onnx", ExportSettings(to="onnx")).folder)
