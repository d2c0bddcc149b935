"""Sizes, agreement and speed of the exports of a model folder.

    XSTILTS_DATA_ROOT=DATA python bench/export.py FOLDER [--rows N] [--write docs/guides/export.md]

Makes the model of bench/export_model.py in FOLDER and exports it as `xstilts export` does. Models and exports that
FOLDER already has are used again. Compared are N test sentences of SIB-200 in each language, which no export has seen.
"""

import argparse
import json
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer

from export_model import SIB, build, sentences
from harness import Clock, machine
from xstilts.api.artifacts import export_model_folder
from xstilts.fitting.export.agreement import Agreement, compare
from xstilts.fitting.export.predict import Model
from xstilts.fitting.export.texts import CheckRow
from xstilts.fitting.model import FittedModel, load_model

TIMED, ROUNDS, BATCH = 48, 5, 16
"""Sentences that are timed, how often, and how many are predicted at once."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Options of one export."""

    to: str
    options: Mapping[str, Any] = field(default_factory=dict)
    unlabelled: str = ""
    """Language of the unlabelled sentences that `--texts` names."""

    @property
    def command(self) -> str:
        names = [f"--to {self.to}"]
        for name, value in self.options.items():
            shown = "" if value is True else f" {','.join(value) if isinstance(value, tuple) else value}"
            names.append(f"--{name}{shown}")
        return " ".join([*names, *[f"--texts {self.unlabelled}.jsonl"] * bool(self.unlabelled)])

    @property
    def languages(self) -> Sequence[str]:
        return self.options.get("languages", tuple(SIB))


FORMATS = (
    Variant("onnx"),
    Variant("onnx", {"int8": True}),
    Variant("onnx", {"int8": True, "languages": ("en", "sw")}),
)
VOCABULARIES = (
    Variant("sentence-transformers", {"languages": ("en", "sw")}),
    Variant("sentence-transformers", {"languages": ("en", "sw"), "pieces": 60000}),
    Variant("sentence-transformers", {"languages": ("ta",)}),
    Variant("sentence-transformers", {"languages": ("ta",)}, unlabelled="ta"),
)


class Measured(NamedTuple):
    variant: Variant
    megabytes: float
    """Of all files."""
    pieces: int
    agreement: Mapping[str, Agreement]
    tokenised: Mapping[str, float]
    """By language: the share of the sentences whose sub-words differ from the model's."""
    speed: float | None
    """Relative to the model, on English and Swahili; None if they are cut, which makes more sub-words of them."""


def export(model: Path, variant: Variant, number: int) -> Path:
    folder = model.with_name(f"{number}-{re.sub('[^a-z0-9]+', '-', variant.command)}")
    if not folder.is_dir():
        texts = []
        if variant.unlabelled:
            # one text per line as a table, because the sentences are in another language than the model
            texts = [model.with_name(f"{variant.unlabelled}.jsonl")]
            rows = [
                {"text": text, "language": variant.unlabelled} for text, _ in sentences(variant.unlabelled, "train")
            ]
            texts[0].write_text("".join(json.dumps(row) + "\n" for row in rows))
        export_model_folder(model, folder, to=variant.to, texts=texts, accept_loss=True, **variant.options)  # type: ignore[arg-type]
    return folder


def measure(model: FittedModel, folders: Mapping[Path, Variant], rows: Sequence[CheckRow]) -> Iterator[Measured]:
    predict: dict[Path | None, Callable[[Sequence[Any]], Any]] = {None: model.predict_proba}
    for folder, variant in folders.items():
        loaded = Model(folder, threads=1).probabilities if variant.to == "onnx" else load_model(folder).predict_proba
        predict[folder] = loaded
    timed = {name: call for name, call in predict.items() if name is None or "en" in folders[name].languages}
    seconds = times(timed, [row.text for row in rows if row.language in ("en", "sw")][::4][:TIMED])
    whole: Tokenizer = model.states.tokenizer.backend_tokenizer  # type: ignore[attr-defined]
    whole.no_truncation()
    whole.no_padding()
    known = dict(zip([row.text for row in rows], model.predict_proba([row.text for row in rows]), strict=True))

    def before(texts: Sequence[str]) -> np.ndarray:
        return np.stack([known[text] for text in texts])

    for folder, variant in folders.items():
        own = [row for row in rows if row.language in variant.languages]
        agreement = {row.language: row for row in compare(model.facts, own, before, predict[folder])}
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        yield Measured(
            variant=variant,
            megabytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6,
            pieces=tokenizer.get_vocab_size(),
            agreement=agreement,
            tokenised={name: changed(whole, tokenizer, own, name) for name in variant.languages},
            speed=seconds[None] / seconds[folder] if folder in seconds else None,
        )


def times(
    predict: Mapping[Path | None, Callable[[Sequence[Any]], Any]], texts: Sequence[str]
) -> dict[Path | None, float]:
    """Median seconds of each, in turns, so that other load on the machine affects all of them alike."""
    seconds: dict[Path | None, list[float]] = {name: [] for name in predict}
    for _ in range(ROUNDS):
        for name, call in predict.items():
            with Clock() as clock:
                for start in range(0, len(texts), BATCH):
                    call(texts[start : start + BATCH])
            seconds[name].append(clock.seconds)
    return {name: statistics.median(values) for name, values in seconds.items()}


def changed(whole: Tokenizer, cut: Tokenizer, rows: Sequence[CheckRow], language: str) -> float:
    texts = [row.text for row in rows if row.language == language]
    return sum(whole.encode(text).tokens != cut.encode(text).tokens for text in texts) / len(texts)


def table(measured: Sequence[Measured], model_megabytes: float, whole: int) -> Iterator[str]:
    yield "| options of `export` | sub-words | MB | same prediction | tokenised differently | speed |"
    yield "|---|---:|---:|---|---|---:|"
    yield f"| none: the model folder | {whole:,} | {model_megabytes:,.0f} | | | 1.00 |"
    for row in measured:
        same = ", ".join(f"{name} {agreement.share:.0%}" for name, agreement in row.agreement.items())
        tokenised = ", ".join(f"{name} {share:.0%}" for name, share in row.tokenised.items())
        speed = "" if row.speed is None else f"{row.speed:.2f}"
        yield (
            f"| `{row.variant.command}` | {row.pieces:,} | {row.megabytes:,.0f} | {same} | "
            f"{tokenised if row.variant.options.get('languages') else ''} | {speed} |"
        )


def write(page: Path, lines: Sequence[str]) -> None:
    start, end = "<!-- bench -->", "<!-- /bench -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(start)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{start}\n\n" + "\n".join(lines) + f"\n\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--write", type=Path, help="a page with markers for the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = options.folder / "model"
    if not source.is_dir():
        build(source)
    variants = (*FORMATS, *VOCABULARIES)
    folders = {export(source, variant, number): variant for number, variant in enumerate(variants)}
    rows = [
        CheckRow(text=text, language=language, source="test", labels=(label,))
        for language in SIB
        for text, label in sentences(language, "test")[: options.rows]
    ]
    model = load_model(source)
    size = sum(path.stat().st_size for path in source.rglob("*") if path.is_file()) / 1e6
    lines = [
        *table(list(measure(model, folders, rows)), size, len(model.states.tokenizer)),
        "",
        f"{options.rows} test sentences in each language. Speed is that of the model in PyTorch = 1, on one thread "
        f"(median of {ROUNDS} runs of {TIMED} sentences, in turns). {machine()}.",
    ]
    print("\n".join(lines))
    if options.write:
        write(options.write, lines)


if __name__ == "__main__":
    main()
