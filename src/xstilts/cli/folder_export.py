"""The options of `export` for model folders, and what it prints."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from xstilts.cli.options import print_json
from xstilts.errors import UserError

if TYPE_CHECKING:
    from xstilts.fitting.export.write import Exported

FORMATS = {
    "onnx": "one graph for onnxruntime, with a loop in Python that needs no torch",
    "transformers": "a checkpoint for `pipeline`, where the encoder has a fitting head",
    "sentence-transformers": "a folder whose `encode` gives the logits",
    "setfit": "a folder for SetFitModel; contains a pickle",
}


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class FolderExport:
    """Options for model folders."""

    to: Annotated[
        Literal["onnx", "transformers", "sentence-transformers", "setfit"] | None,
        Parameter(help="Model folder: the format.", show_default=False),
    ] = None
    languages: Annotated[
        str, Parameter(help="Model folder: cut the vocabulary to these languages, such as en,sw.", show_default=False)
    ] = ""
    texts: Annotated[
        tuple[Path, ...],
        Parameter(help="Model folder: keep the sub-words of this file's texts too.", show_default=False, negative=()),
    ] = ()
    pieces: Annotated[int | None, Parameter(help="Model folder: keep at most so many sub-words.")] = None
    int8: Annotated[bool, Parameter(name="--int8", help="Model folder: quantise an ONNX model.")] = False
    check: Annotated[
        tuple[Path, ...],
        Parameter(help="Model folder: compare predictions on this file too.", show_default=False, negative=()),
    ] = ()
    accept_loss: Annotated[
        bool, Parameter(help="Model folder: write it even if more than 2% of the predictions of a language change.")
    ] = False
    push_to_hub: Annotated[
        str | None, Parameter(help="Model folder: upload to the repository owner/name, with the token in HF_TOKEN.")
    ] = None
    public: Annotated[bool, Parameter(help="Model folder: make a new repository public.")] = False


def export_model_folder(source: Path, folder: Path, options: FolderExport, *, json: bool) -> None:
    if options.to is None:
        lines = "\n  ".join(f"--to {name}: {what}" for name, what in FORMATS.items())
        raise UserError(f"{source} is a model folder, which can be exported in several formats", lines)
    from xstilts.api import artifacts as api

    exported = api.export_model_folder(
        source,
        folder,
        to=options.to,
        languages=[name.strip() for name in options.languages.split(",") if name.strip()],
        texts=options.texts,
        pieces=options.pieces,
        int8=options.int8,
        check=options.check,
        accept_loss=options.accept_loss,
        push_to_hub=options.push_to_hub,
        public=options.public,
    )
    for line in exported.warnings:
        print(f"note: {line}", file=sys.stderr)
    if json:
        return print_json(_as_json(exported))
    return _print(exported)


def _as_json(exported: "Exported") -> dict[str, object]:
    return {
        "folder": str(exported.folder),
        "megabytes": exported.megabytes,
        "vocabulary": None if exported.vocabulary is None else asdict(exported.vocabulary),
        "agreement": [row.model_dump() | {"share": row.share} for row in exported.agreement],
        "address": exported.address,
        "warnings": list(exported.warnings),
    }


def _print(exported: "Exported") -> None:
    if (cut := exported.vocabulary) is not None:
        print(f"kept {cut.pieces:,} of {cut.before:,} sub-words (scripts {', '.join(cut.scripts)})")
        for row in cut.tokenised:
            print(f"  {row.language}: {row.changed:,} of {row.texts:,} texts would change sub-words if they were new")
    for row in exported.agreement:
        right = (
            f", right {row.right_before:,} before and {row.right_after:,} after of {row.labelled:,}"
            if row.labelled
            else ""
        )
        print(
            f"  {row.language}, {row.source}: {row.same:,} of {row.rows:,} predictions are the same, probabilities "
            f"differ by {row.difference:.4f} on average{right}"
        )
    print(f"wrote {exported.folder} ({exported.megabytes:,.1f} MB)")
    if exported.address is not None:
        print(f"uploaded to {exported.address}")
