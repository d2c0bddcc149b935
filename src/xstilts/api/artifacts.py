"""What is done with artifacts that a store holds: predict, export, remove.

Torch is imported only by `predict_file` and `export_model`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.api.results import STORE, reopen
from xstilts.api.runs import AnyRecipe
from xstilts.errors import UserError
from xstilts.experiment import bare_environment, find_artifact, recorded_experiments, trained_model_facts
from xstilts.store.gc import RemovedArtifacts, collect
from xstilts.store.store import Store

if TYPE_CHECKING:
    from xstilts.export.xtreme import Submission


def predict_file(
    artifact: str,
    file: str | Path,
    *,
    store: str | Path = STORE,
    device: str = "cpu",
    offline: bool = False,
) -> list[dict[str, Any]]:
    """The rows of a CSV, TSV, JSONL or Parquet file with a `predicted` each: a label, a text, or a list of labels or
    tags. The file has the columns that the artifact was trained on, but for those of the label; of a shipped task they
    are named like the fields. Raises DataError that names all rows which cannot be used."""
    from xstilts.export.predictions import PREDICTED, to_examples
    from xstilts.formats.tables import rows

    path, there = Path(file), Store(Path(store))
    key, read = find_artifact(there, artifact), list(rows(path))
    facts = trained_model_facts(there, key)
    examples = to_examples(read, facts.problem, path, facts.columns)
    if not examples:
        return []
    from xstilts.export.label_file import label, load_model

    environment = bare_environment(there, device=device, offline=offline)
    predicted = label(load_model(there, key, environment), examples, device)
    return [{**row, PREDICTED: value} for (_, row), value in zip(read, predicted, strict=True)]


def export_model(artifact: str, folder: str | Path, *, store: str | Path = STORE, offline: bool = False) -> Path:
    """Write a trained artifact as a transformers checkpoint with a model card; `folder` must be new or empty."""
    there = Store(Path(store))
    key = find_artifact(there, artifact)
    trained_model_facts(there, key)
    from xstilts.export.checkpoint import export

    return export(there, key, Path(folder), bare_environment(there, offline=offline))


def export_xtreme(
    folder: str | Path,
    *,
    recipe: AnyRecipe | None = None,
    arm: str = "none",
    seed: int = 0,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
) -> "Submission":
    """Write the predictions of an arm, `intermediate/k/method`, as XTREME's evaluation reads them.

    `folder` must be new or empty. What an official submission would need and this lacks is told with the files.
    """
    from xstilts.analysis.compare import parse_arm
    from xstilts.export.xtreme import write_submission

    return write_submission(reopen(recipe, store, overrides), parse_arm(arm), seed, Path(folder))


def collect_garbage(*, store: str | Path = STORE, dry_run: bool = False) -> RemovedArtifacts:
    """Remove what none of the recipes that were run into the store needs, as they were last run."""
    there = Store(Path(store))
    if not there.root.is_dir():
        raise UserError(f"there is no store {there.root}/", "name it with --store")
    keep = [key for experiment in recorded_experiments(store) for key in experiment.graph.stages]
    return collect(there, keep, dry_run)
