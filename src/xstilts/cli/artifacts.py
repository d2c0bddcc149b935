"""The commands predict, export, gc and verify."""

import io
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from xstilts.cli.folder_export import FolderExport, export_model_folder
from xstilts.cli.options import STORE, Device, Json, Offline, RecordedRecipe, StoreDir, print_json
from xstilts.errors import UserError
from xstilts.fitting.facts import FACTS_FILE
from xstilts.plurals import plural

if TYPE_CHECKING:
    from xstilts.export.xtreme import Submission


def predict(
    model: Annotated[str, Parameter(help="The folder that `fit` wrote, or the key of a trained artifact or a prefix.")],
    file: Annotated[
        Path,
        Parameter(
            help="A file with the columns of the training files; for a folder also .txt or -.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(help="A .csv or .jsonl file, with a folder also .parquet; stdout if not given.")
    ] = None,
    column: Annotated[str, Parameter(help="The column of the predictions.")] = "predicted",
    text: Annotated[str | None, Parameter(help="Folder: the column of the texts. [default: as in training]")] = None,
    labels_only: Annotated[bool, Parameter(help="Folder: add no probability and no abstention.")] = False,
    store: StoreDir = STORE,
    device: Device = "cpu",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Predict the labels of the rows of a file. The rows are printed with a column of predictions.

    With a model folder, files of any size are read row by row, and probability, abstention and similarity are added.
    """
    if (Path(model) / FACTS_FILE).is_file():
        from xstilts.cli.prediction import predict_folder

        return predict_folder(Path(model), file, output, column, text, device, details=not labels_only, json=json)
    from xstilts.api import artifacts as api
    from xstilts.export.predictions import write_rows
    from xstilts.platform.files import write_file

    rows = api.predict_file(model, file, store=store, column=column, device=device, offline=offline)
    lines = json or (output or file).suffix in (".jsonl", ".ndjson")
    if output is None:
        return write_rows(rows, sys.stdout, column, lines=lines)
    content = io.StringIO(newline="")
    write_rows(rows, content, column, lines=lines)
    write_file(output, content.getvalue())
    print(f"wrote {plural(len(rows), 'row')} to {output}", file=sys.stderr)
    return None


XTREME = "xtreme"
"""Used instead of an artifact to export an XTREME submission."""


def export(
    artifact: Annotated[
        str,
        Parameter(
            help="A model folder that `fit` wrote; the key of a trained artifact or a prefix; or `xtreme`, for a "
            "submission folder."
        ),
    ],
    folder: Annotated[Path, Parameter(help="A new or empty folder.")],
    /,
    *,
    options: FolderExport | None = None,
    recipe: RecordedRecipe = None,
    arm: Annotated[str, Parameter(help="xtreme: the arm, intermediate/k/method, such as english/0.")] = "none",
    seed: Annotated[int, Parameter(help="xtreme: the seed.")] = 0,
    store: StoreDir = STORE,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Write a model folder as ONNX, transformers, sentence-transformers or SetFit; a trained artifact as a transformers
    checkpoint; or an arm's predictions as an XTREME submission."""
    options = options or FolderExport()
    if (Path(artifact) / "xstilts.json").is_file():
        return export_model_folder(Path(artifact), folder, options, json=json)
    if options != FolderExport():
        raise UserError(
            f"{artifact} is no model folder, and --to and its options are for model folders",
            "name the folder that `fit` wrote, or leave these options out",
        )
    from xstilts.api import artifacts as api

    if artifact == XTREME:
        submission = api.export_xtreme(folder, recipe=recipe, arm=arm, seed=seed, store=store)
        return _print_submission(submission, folder, json=json)
    path = api.export_model(artifact, folder, store=store, offline=offline)
    return print_json({"folder": str(path)}) if json else print(path)


def _print_submission(submission: "Submission", folder: Path, *, json: bool) -> None:
    if json:
        files = [str(path) for path in submission.files]
        return print_json({"folder": str(folder), "files": files, "shortcomings": submission.shortcomings})
    print(f"wrote {plural(len(submission.files), 'file')} below {folder}")
    for line in submission.shortcomings:
        print(f"not an official submission: {line}", file=sys.stderr)
    return None


def gc(
    *,
    dry_run: Annotated[bool, Parameter(help="Only print what would be removed.")] = False,
    store: StoreDir = STORE,
    json: Json = False,
) -> None:
    """Remove artifacts that no recorded recipe needs, and unfinished or damaged files in the store and the cache."""
    from xstilts.api import artifacts as api

    removed = api.collect_garbage(store=store, dry_run=dry_run)
    if json:
        return print_json(asdict(removed))
    for key in (*removed.keys, *removed.leftovers, *removed.cache):
        print(key)
    verb = "would remove" if dry_run else "removed"
    print(
        f"{verb} {plural(len(removed.keys), 'artifact')} and {len(removed.leftovers):,} unfinished or damaged, "
        f"{plural(len(removed.cache), 'unfinished file')} in the cache ({removed.bytes / 1e6:.1f} MB)",
        file=sys.stderr,
    )
    return None


def verify(store: StoreDir = STORE, *, json: Json = False) -> None:
    """Read every file of a store and compare it with its checksum, even if it has not changed since the last check.

    Lists the damaged files. The exit code is 1 if there are any.
    """
    from xstilts.api import artifacts as api

    verified = api.verify_store(store=store)
    if json:
        print_json(asdict(verified))
    else:
        for damage in verified.damaged:
            print(f"{damage.path}: {damage.reason}")
        counts = f"{plural(verified.artifacts, 'artifact')} and {plural(verified.recipes, 'recorded recipe')}"
        print(f"verified {counts} ({verified.bytes / 1e6:.1f} MB)", file=sys.stderr)
    api.require_undamaged(verified)
