"""The part of `predict` that reads a model folder."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO, cast

from xstilts.errors import UserError
from xstilts.formats.content import format_suffix
from xstilts.formats.streams import STDIN, spooled_stdin, stream_rows
from xstilts.platform.files import rename_durably

WRITTEN = (".csv", ".jsonl", ".ndjson", ".parquet")


def predict_folder(
    folder: Path,
    file: Path,
    output: Path | None,
    column: str,
    text: str | None,
    device: str,
    *,
    details: bool,
    json: bool,
) -> None:
    """Print or write the rows of `file` with their predictions; what needs attention goes to stderr."""
    if output is not None and output.suffix not in WRITTEN:
        raise UserError(f"{output} has no format that can be written", f"use {', '.join(WRITTEN)}")
    with ExitStack() as stack:
        path, suffix = stack.enter_context(spooled_stdin()) if str(file) == STDIN else (file, format_suffix(file))
        name = "standard input" if str(file) == STDIN else str(file)
        rows = stream_rows(path, suffix)
        from xstilts.api.fit import load_model
        from xstilts.fitting.predict_file import Counts, added_columns, predicted_rows, write_stream

        model, counts = load_model(folder, device=device), Counts()
        if suffix == ".txt":
            text = "text"
        if suffix == ".txt" and model.facts.reads_pairs:
            raise UserError(
                f"{name} has one text per line, and the model reads pairs", "give a table with both columns"
            )
        predicted = predicted_rows(model, rows, name, column=column, text=text, details=details, counts=counts)
        added = added_columns(column, details=details)
        lines = json or (output.suffix if output else suffix) in (".jsonl", ".ndjson")
        if output is None:
            write_stream(predicted, sys.stdout, lines=lines, added=added)
        else:
            draft = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=output.absolute().parent))) / output.name
            with draft.open("w", encoding="utf-8", newline="") as target:
                lines = output.suffix != ".csv"
                write_stream(predicted, cast(TextIO, target), lines=lines, added=added)
            if output.suffix == ".parquet":
                _to_parquet(draft)
            rename_durably(draft, output)
            print(f"wrote {counts.rows:,} rows to {output}", file=sys.stderr)
        for line in counts.lines():
            print(line, file=sys.stderr)


def _to_parquet(draft: Path) -> None:
    """Replace a file of JSON Lines by Parquet with the same rows, without holding all of them in memory."""
    import polars as pl

    source = draft.rename(draft.with_suffix(".jsonl"))
    pl.scan_ndjson(source, infer_schema_length=None).sink_parquet(draft)
