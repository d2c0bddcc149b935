"""The command serve."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from xstilts.plurals import plural

if TYPE_CHECKING:
    from xstilts.serving.server import Served

CORRECTIONS = Path("corrections.csv")


def serve(
    folder: Annotated[Path, Parameter(help="A model folder that `fit` wrote.")],
    /,
    *,
    host: Annotated[str, Parameter(help="The address to listen on; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="0 for any free one.", validator=Number(gte=0, lte=65535))] = 8000,
    corrections: Annotated[
        Path, Parameter(help="CSV file for corrected labels; `xstilts fit --shots` reads it.")
    ] = CORRECTIONS,
    max_texts: Annotated[int, Parameter(help="Texts per request or file.", validator=Number(gte=1))] = 10_000,
    max_bytes: Annotated[int, Parameter(help="Bytes per request or file.", validator=Number(gte=1))] = 20_000_000,
) -> None:
    """Serve a page and a JSON API for a model. Wrong labels can be corrected on the page. Ctrl-C ends it."""
    from xstilts.serving.server import serve as run

    rows = run(
        folder,
        host=host,
        port=port,
        corrections=corrections,
        max_texts=max_texts,
        max_bytes=max_bytes,
        report=_print_address,
    )
    if rows:
        print(f"stopped; {corrections} has {plural(rows, 'correction')}", file=sys.stderr)
        return
    print("stopped", file=sys.stderr)


def _print_address(served: "Served") -> None:
    print(served.url, flush=True)
    if not served.is_loopback:
        warning = (
            "anyone who can reach this machine can read the training texts shown as neighbours and save corrections"
        )
        print(f"warning: {warning}", file=sys.stderr)
    print("Ctrl-C stops the server", file=sys.stderr, flush=True)
