"""The command label."""

import io
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from xstilts.cli.options import Device, Json, Offline, print_json
from xstilts.plurals import plural


def label(
    model: Annotated[Path, Parameter(help="The folder that `fit` wrote.")],
    pool: Annotated[str, Parameter(help="Texts without labels: a file of any supported format, or hub:owner/name.")],
    /,
    *,
    n: Annotated[int, Parameter(help="Rows to choose.")] = 20,
    out: Annotated[Path | None, Parameter(help="A .csv or .jsonl file; stdout if not given.")] = None,
    text: Annotated[str | None, Parameter(help="The column of the texts. [default: that of the model]")] = None,
    device: Device = "cpu",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Choose the rows of a pool to label next, so that the model gains most.

    The rows are printed or written with the prediction, why they were chosen, and an empty column for the label. Fill
    it and give the file to `fit` with --shots.
    """
    from xstilts.api.labelling import rows_to_label
    from xstilts.cli.fit_progress import FitProgress
    from xstilts.errors import UserError
    from xstilts.export.predictions import write_rows
    from xstilts.platform.files import write_file

    if out is not None and out.exists():
        raise UserError(f"{out} exists", "name another file; it may hold labels")
    with FitProgress() as progress:
        found = rows_to_label(
            model,
            pool,
            n,
            text=text,
            device=device,
            offline=offline,
            report=lambda done, total: progress.report("encoding the pool", done, total),
        )
        for line in (*found.left_out, *(f"warning: {warning}" for warning in found.warnings)):
            progress.say(line)
    lines = out is not None and out.suffix in (".jsonl", ".ndjson")
    written = io.StringIO(newline="")
    write_rows(found.rows, written, found.label_column, lines=lines)
    if out is not None:
        write_file(out, written.getvalue())
        print(f"wrote {plural(len(found.rows), 'row')} of {found.considered:,} to {out}", file=sys.stderr)
    if json:
        return print_json(
            {
                "rows": [{"line": line, **row} for line, row in zip(found.lines, found.rows, strict=True)],
                "label_column": found.label_column,
                "considered": found.considered,
                "left_out": found.left_out,
                "warnings": found.warnings,
            }
        )
    if out is None:
        sys.stdout.write(written.getvalue())
    return None
