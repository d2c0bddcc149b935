"""README.md and export.json of an exported folder."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import yaml

from xstilts.fitting.export.agreement import Agreement
from xstilts.fitting.export.vocabulary import VocabularyCut
from xstilts.fitting.facts import ModelFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was exported."""

    model: ModelFacts
    to: str
    int8: bool
    vocabulary: VocabularyCut | None
    agreement: tuple[Agreement, ...]


def readme(facts: Facts) -> str:
    """Markdown with the Hub's metadata."""
    model = facts.model
    metadata = {
        "language": model.language,
        "license": (model.licence or "unknown").lower(),
        "library_name": {"setfit": "setfit", "onnx": "onnx"}.get(facts.to, facts.to),
        "pipeline_tag": "text-classification",
        "tags": ["xstilts"],
    }
    sections = [
        f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---",
        f"# {', '.join(model.labels[:6])}{' and more' * (len(model.labels) > 6)}",
        f"{model.problem.capitalize()} of {'pairs of texts' if model.reads_pairs else 'texts'} in `{model.language}` "
        f"with {len(model.labels)} labels: a linear head "
        f"on the {model.pooling} state of {model.encoder}, fitted by xstilts "
        f"{model.version}.".replace(" .", "."),
        _use(facts),
        *_vocabulary(facts.vocabulary),
        *_agreement(facts.agreement),
    ]
    return "\n\n".join(sections) + "\n"


def export_json(facts: Facts) -> str:
    value = {
        "to": facts.to,
        "int8": facts.int8,
        "vocabulary": None if facts.vocabulary is None else asdict(facts.vocabulary),
        "agreement": [row.model_dump() | {"share": row.share} for row in facts.agreement],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _use(facts: Facts) -> str:
    text = '("a text", "another text")' if facts.model.reads_pairs else '"a text"'
    match facts.to:
        case "onnx":
            code = f"from predict import Model\n\nmodel = Model('.')\nmodel.predict([{text}])"
            note = "Needs numpy, tokenizers and onnxruntime. `predict.py` says how texts are read."
        case "transformers":
            code = 'from transformers import pipeline\n\nclassify = pipeline("text-classification", "FOLDER")'
            code += f"\nclassify({text})"
            note = "Texts longer than a model input are cut off; `xstilts predict` reads them in windows."
        case "setfit":
            code = 'from setfit import SetFitModel\n\nmodel = SetFitModel.from_pretrained("FOLDER")'
            code += f"\nmodel.predict([{text}])"
            note = (
                "`model_head.pkl` is a pickle, which can run any code when it is loaded: load it only if you trust it."
            )
        case _:
            code = "from sentence_transformers import SentenceTransformer\n\n"
            code += f'SentenceTransformer("FOLDER").encode([{text}])'
            note = "`encode` gives the uncalibrated logits. Texts longer than a model input are cut off."
    return f"## Use\n\n```python\n{code}\n```\n\n{note}"


def _vocabulary(cut: VocabularyCut | None) -> Iterator[str]:
    if cut is None:
        return
    yield (
        f"## Vocabulary\n\nOnly for {', '.join(cut.languages)} (scripts {', '.join(cut.scripts)}): {cut.pieces:,} of "
        f"{cut.before:,} sub-words. Texts of the training rows and of `--texts` that would be tokenised differently, "
        "had they not been used to choose sub-words (5-fold cross-validation):"
    )
    rows = [f"| {row.language} | {row.texts:,} | {_percent(row.changed, row.texts)} |" for row in cut.tokenised]
    yield "\n".join(["| language | texts | tokenised differently |", "|---|---:|---:|", *rows])


def _agreement(agreement: tuple[Agreement, ...]) -> Iterator[str]:
    if not agreement:
        return
    yield "## Agreement with the original model"
    lines = [
        f"| {row.language} | {row.source} | {row.rows:,} of {row.available:,} | {_percent(row.same, row.rows)} | "
        f"{row.difference:.4f} | {_percent(row.right_before, row.labelled)} | "
        f"{_percent(row.right_after, row.labelled)} |"
        for row in agreement
    ]
    head = (
        "| language | texts | rows | same prediction | difference of probabilities | right: original | right: export |"
    )
    yield "\n".join([head, "|---|---|---:|---:|---:|---:|---:|", *lines])
    yield "The original model was fitted to the training rows, so that more of them are right than of new texts."


def _percent(count: int, total: int) -> str:
    return f"{count / total:.1%}" if total else "-"
