"""Predict with artifacts, export, remove and verify them. Those that load a model import torch."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.api.results import STORE, reopen
from xstilts.api.runs import AnyRecipe
from xstilts.cache.leftovers import remove_leftovers
from xstilts.cache.wheels import cache_dir
from xstilts.errors import DamageError, UserError
from xstilts.experiment import bare_environment, recorded_experiments
from xstilts.store.gc import RemovedArtifacts, collect
from xstilts.store.lookup import find_artifact, trained_model_facts
from xstilts.store.store import Store
from xstilts.store.verify import Verification, verify

if TYPE_CHECKING:
    from xstilts.export.xtreme import Submission
    from xstilts.fitting.export.write import Exported, Format

_SHOWN = 5
"""The most damaged files that an error message lists."""


def predict_file(
    artifact: str,
    file: str | Path,
    *,
    store: str | Path = STORE,
    column: str = "predicted",
    device: str = "cpu",
    offline: bool = False,
) -> list[dict[str, Any]]:
    """The rows of a file that training could read, each with its prediction in `column`.

    A prediction is a label, a text, or a list of labels or tags. The file needs the columns of the training files,
    except those of the label. For a shipped task, columns are named like the fields. Raises DataError that lists all
    invalid rows, UserError for an unknown artifact or if the file already has that column.
    """
    from xstilts.export.predictions import to_examples
    from xstilts.formats.tables import rows

    path, artifacts = Path(file), Store(Path(store))
    key, numbered_rows = find_artifact(artifacts, artifact), list(rows(path))
    facts = trained_model_facts(artifacts, key)
    if any(column in row for _, row in numbered_rows):
        raise UserError(f"{path} already has a column {column!r}", "name another one with --column, or rename it")
    examples = to_examples(numbered_rows, facts.problem, path, facts.columns, reads_pairs=facts.reads_pairs)
    if not examples:
        return []
    from xstilts.export.label_file import label, load_model
    from xstilts.models.device import require_device

    require_device(device)
    environment = bare_environment(artifacts, device=device, offline=offline)
    predictions = label(load_model(artifacts, key, environment), examples, device)
    return [{**row, column: value} for (_, row), value in zip(numbered_rows, predictions, strict=True)]


def export_model(artifact: str, folder: str | Path, *, store: str | Path = STORE, offline: bool = False) -> Path:
    """Write a trained artifact as a transformers checkpoint with a model card; `folder` must be new or empty."""
    artifacts = Store(Path(store))
    key = find_artifact(artifacts, artifact)
    trained_model_facts(artifacts, key)
    from xstilts.export.checkpoint import export

    return export(artifacts, key, Path(folder), bare_environment(artifacts, offline=offline))


def export_model_folder(
    source: str | Path,
    folder: str | Path,
    *,
    to: "Format",
    languages: Sequence[str] = (),
    texts: Sequence[str | Path] = (),
    pieces: int | None = None,
    int8: bool = False,
    check: Sequence[str | Path] = (),
    accept_loss: bool = False,
    push_to_hub: str | None = None,
    public: bool = False,
) -> "Exported":
    """Write a model folder that `fit` wrote as `onnx`, `transformers`, `sentence-transformers` or `setfit`.

    `languages` cuts the vocabulary to their sub-words, at most `pieces`, including those of the files `texts`. `int8`
    quantises an ONNX model. Both change predictions, which are then compared by language on the training rows and the
    files of `check`. `push_to_hub` uploads the folder, privately unless `public`.

    Raises UserError if the format does not fit the model, or if fewer than 98% of the predictions of a language are the
    same, unless `accept_loss`; SourceError if the Hub cannot be reached.
    """
    from xstilts.fitting.export.write import ExportSettings, export_folder

    settings = ExportSettings(
        to=to,
        languages=tuple(languages),
        texts=tuple(map(Path, texts)),
        pieces=pieces,
        int8=int8,
        check=tuple(map(Path, check)),
        accept_loss=accept_loss,
        push_to_hub=push_to_hub,
        public=public,
    )
    return export_folder(Path(source), Path(folder), settings)


def export_xtreme(
    folder: str | Path,
    *,
    recipe: AnyRecipe | None = None,
    arm: str = "none",
    seed: int = 0,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
) -> "Submission":
    """Write the predictions of an arm, `intermediate/k/method`, in the format of XTREME's evaluation.

    `folder` must be new or empty. The result lists the files, and what is missing for an official submission.
    """
    from xstilts.analysis.compare import parse_arm
    from xstilts.export.xtreme import write_submission

    return write_submission(reopen(recipe, store, overrides), parse_arm(arm), seed, Path(folder))


def collect_garbage(*, store: str | Path = STORE, dry_run: bool = False) -> RemovedArtifacts:
    """Remove artifacts that none of the recipes recorded in the store needs, and what killed processes left unfinished
    in the store and in the cache."""
    artifacts = _existing_store(store)
    keep = [key for experiment in recorded_experiments(store, skip_unreadable=False) for key in experiment.graph.stages]
    removed = collect(artifacts, keep, dry_run)
    leftovers, size = remove_leftovers(cache_dir(), dry_run=dry_run)
    return replace(removed, bytes=removed.bytes + size, cache=tuple(map(str, leftovers)))


def verify_store(*, store: str | Path = STORE) -> Verification:
    """Read every file of every artifact and every recorded recipe, and compare it with its checksum.

    Nothing is moved or removed. Raises UserError if there is no store.
    """
    return verify(_existing_store(store))


def require_undamaged(verification: Verification) -> None:
    """Raises DamageError if a file is damaged."""
    if damaged := verification.damaged:
        raise DamageError(
            f"{len(damaged)} damaged: {', '.join(str(damage.path) for damage in damaged[:_SHOWN])}"
            + (f" and {len(damaged) - _SHOWN} more" if len(damaged) > _SHOWN else ""),
            "run their recipes again: damaged artifacts are moved aside and made again",
        )


def _existing_store(store: str | Path) -> Store:
    artifacts = Store(Path(store))
    if not artifacts.root.is_dir():
        raise UserError(f"there is no store {artifacts.root}/", "name it with --store")
    return artifacts
