"""Exports a model folder: cuts the vocabulary, writes the wanted format, and compares it with the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from xstilts.errors import StageError, UserError
from xstilts.fitting.export.agreement import Agreement, compare, require_agreement
from xstilts.fitting.export.card import Facts, export_json, readme
from xstilts.fitting.export.hub import push, require_token
from xstilts.fitting.export.texts import TRAINING, CheckRow, by_language, file_texts, in_languages, training_texts
from xstilts.fitting.export.vocabulary import VocabularyCut, cut_vocabulary
from xstilts.fitting.folder import require_new
from xstilts.fitting.languages import find_language
from xstilts.fitting.model import FittedModel, load_model
from xstilts.platform.files import apply_umask, new_folder

Format = Literal["onnx", "transformers", "sentence-transformers", "setfit"]
TOLERANCE = 1e-3
"""Largest difference of logits from those of the model on `SAMPLE` texts. Rounding errors are about 1e-6."""
SAMPLE = 8
MOST_VERIFIED = 1000
PROBES = ("A text.", "Andiko.", "قصير", "短い", "உரை", "12")
"""Texts to verify an export with, if the folder has no training rows."""

Probabilities = Callable[[Sequence[Any]], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    to: Format
    languages: tuple[str, ...] = ()
    """Codes or English names."""
    texts: tuple[Path, ...] = ()
    """Unlabelled files whose sub-words are kept too. Texts in other languages than `languages` are left out."""
    pieces: int | None = None
    """At most so many sub-words; None keeps all of the languages' scripts."""
    int8: bool = False
    check: tuple[Path, ...] = ()
    """Files to compare predictions on, beside the training rows."""
    accept_loss: bool = False
    push_to_hub: str | None = None
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    folder: Path
    vocabulary: VocabularyCut | None
    agreement: tuple[Agreement, ...]
    """Empty for exports that compute the same as the model."""
    megabytes: float
    """Of all files."""
    address: str | None
    """On the Hub."""
    warnings: tuple[str, ...]


def export_folder(source: Path, folder: Path, settings: ExportSettings) -> Exported:
    """Write the model in `source` into `folder`, which must be new or empty, and upload it if wanted.

    Every export is verified on a few texts. With a cut vocabulary or int8, which change numbers, the predictions are
    compared with those of the model by language, on training rows and the files of `check`.

    Raises UserError for settings that do not go together, if the format does not fit the model, and if fewer than 98%
    of the predictions of a language are the same (unless `accept_loss`); SourceError if the Hub cannot be reached.
    """
    codes = dict.fromkeys(find_language(language).code for language in settings.languages)
    settings = replace(settings, languages=tuple(codes))
    _check(settings)
    require_new(folder)
    if settings.push_to_hub:
        require_token(settings.push_to_hub)
    model = load_model(source)
    rows, warnings = _rows(model, settings)
    if model.subwords is not None and settings.to != "onnx":
        model = replace(model, subwords=None, facts=model.facts.model_copy(update={"reads_subwords": False}))
        warnings.append(
            f"{settings.to} holds no scores of sub-words: they are left out, and predictions differ from those of the "
            "model; export with --to onnx to keep them"
        )
    changed, cut = model, None
    if settings.languages:
        # not those of --check, so that these are compared as new texts
        texts = by_language([row for row in rows if row.source == TRAINING])
        for path in settings.texts:
            more, notes = file_texts(path, model.facts)
            for language, own in in_languages(path, more, settings.languages, notes).items():
                texts.setdefault(language, []).extend(own)
            warnings += notes
        again = replace(load_model(source), subwords=model.subwords, facts=model.facts)
        changed, cut = cut_vocabulary(again, texts, settings.languages, settings.pieces)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(folder) as draft:
        if folder.is_dir():
            folder.rmdir()
        probabilities = _write(changed, draft, settings)
        exact = not settings.int8
        if exact:
            _verify(changed, probabilities, rows)
        compared: tuple[Agreement, ...] = ()
        if not exact or cut is not None:
            compared = compare(model.facts, rows, model.predict_proba, probabilities)
            if not settings.accept_loss:
                require_agreement(compared, _what(settings))
        facts = Facts(model=model.facts, to=settings.to, int8=settings.int8, vocabulary=cut, agreement=compared)
        (draft / "README.md").write_text(readme(facts), encoding="utf-8")
        (draft / "export.json").write_text(export_json(facts), encoding="utf-8")
        apply_umask(draft)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    address = push(folder, settings.push_to_hub, public=settings.public) if settings.push_to_hub else None
    return Exported(
        folder=folder,
        vocabulary=cut,
        agreement=compared,
        megabytes=round(size, 1),
        address=address,
        warnings=tuple(warnings),
    )


def _check(settings: ExportSettings) -> None:
    if settings.int8 and settings.to != "onnx":
        raise UserError("--int8 is for ONNX only", "add `--to onnx`, or leave out --int8")
    if (settings.texts or settings.pieces is not None) and not settings.languages:
        raise UserError("--texts and --pieces choose sub-words of languages", "name the languages with --languages")
    if settings.check and not (settings.int8 or settings.languages):
        raise UserError(
            "--check compares predictions, which this export does not change", "use it with --int8 or --languages"
        )


def _rows(model: FittedModel, settings: ExportSettings) -> tuple[list[CheckRow], list[str]]:
    """The rows to compare predictions on, and what is left out of them."""
    rows = [*training_texts(model.training, model.facts)]
    warnings: list[str] = []
    for path in settings.check:
        more, notes = file_texts(path, model.facts)
        rows, warnings = rows + more, warnings + notes
    kept = [row for row in rows if not settings.languages or row.language in settings.languages]
    if len(kept) < len(rows):
        others = sorted({row.language for row in rows} - set(settings.languages))
        warnings.append(
            f"{len(rows) - len(kept):,} rows in {', '.join(others)} are not compared: their language is cut"
        )
    missing = [language for language in settings.languages if all(row.language != language for row in kept)]
    if missing:
        warnings.append(f"no row is in {', '.join(missing)}: nothing was compared or counted there")
    if not kept and (settings.int8 or settings.languages) and not settings.accept_loss:
        raise UserError(
            "there are no texts to compare predictions on",
            "name a file with --check, or write it without a comparison with --accept-loss",
        )
    if not kept and (settings.int8 or settings.languages):
        warnings.append("there were no texts to compare predictions on")
    return kept, warnings


def _write(model: FittedModel, draft: Path, settings: ExportSettings) -> Probabilities:
    """Write one format, and return how its folder computes probabilities."""
    if settings.to == "onnx":
        from xstilts.fitting.export.graph import require_onnx

        require_onnx()
        from xstilts.fitting.export.onnx import write_onnx
        from xstilts.fitting.export.predict import Model

        write_onnx(model, draft, int8=settings.int8)
        return Model(draft).probabilities
    if settings.to == "transformers":
        from xstilts.fitting.export.transformers_checkpoint import write_checkpoint

        return write_checkpoint(model, draft)
    from xstilts.fitting.export.sentence_transformers import write_sentence_transformers

    write_sentence_transformers(model, draft)
    if settings.to == "setfit":
        from xstilts.fitting.export.setfit import write_setfit

        return write_setfit(model, draft)
    return load_model(draft).predict_proba


def _verify(model: FittedModel, probabilities: Probabilities, rows: Sequence[CheckRow]) -> None:
    """Raises StageError if an export that should compute the same does not."""
    fitting = [row.text for row in rows[:MOST_VERIFIED] if _has_one_window(model, row.text)]
    texts = fitting[:: max(1, len(fitting) // SAMPLE)][:SAMPLE]
    if not texts:
        texts = [(text, "another") for text in PROBES] if model.facts.reads_pairs else list(PROBES)
    exact = replace(model, states=replace(model.states, precision="fp32"))
    difference = float(np.abs(exact.predict_proba(texts) - probabilities(texts)).max())
    if difference > TOLERANCE:
        raise StageError(
            f"the export is wrong: its probabilities differ by up to {difference:.2g} from those of the model",
            "please report this with the encoder's name",
        )


def _has_one_window(model: FittedModel, text: Any) -> bool:
    """Only those are read alike by all formats; texts of several windows are tested with each format's own loop."""
    parts = (text,) if isinstance(text, str) else text
    tokenizer: Any = model.states.tokenizer
    return len(tokenizer(*parts)["input_ids"]) <= model.facts.windows.tokens


def _what(settings: ExportSettings) -> str:
    parts = ["the cut vocabulary"] * bool(settings.languages) + ["int8"] * settings.int8
    return " with ".join(parts)
