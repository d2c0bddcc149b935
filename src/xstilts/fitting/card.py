"""The model card (README.md) of a fitted model. Does not import torch."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from xstilts.analysis.names import language_name, points
from xstilts.encoders import find_card
from xstilts.errors import UserError
from xstilts.fitting.facts import ModelFacts
from xstilts.fitting.report import FitReport
from xstilts.fitting.wording import (
    CONTROL,
    ROLES,
    abstention_point,
    excerpt,
    headline,
    labelled_rows,
    metric_meaning,
    percent,
    score_range,
    texts_name,
    weakest_classes,
)
from xstilts.plurals import plural
from xstilts.problems import PROBLEMS

_HUB = "https://huggingface.co/"
_LABEL = 80
"""Characters of a label that are shown."""
_WEAKEST = 5
_MARKUP = re.compile(r"([\\`*_\[\]|#~$])")
WITHOUT_SUBWORDS = (
    ". These logits are of the encoder's head alone, without the scores of sub-words that the model adds, so "
    "predictions can differ"
)


def model_card(report: FitReport, facts: ModelFacts) -> str:
    """Markdown with YAML front matter for the Hub. It holds labels and counts, but no texts of the user's."""
    sections = (
        f"---\n{_front_matter(report, facts)}---",
        f"# {_plain(report.title)}",
        _purpose(report, facts),
        _use(report, facts),
        _data(report),
        _evaluation(report),
        _calibration(report),
        _limits(report, facts),
        _licence(report, facts),
        f"## Command\n\nMade by xstilts {report.version}, {report.made}:\n\n{_code(report.command, 'sh')}",
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(report: FitReport, facts: ModelFacts) -> str:
    languages = [code.partition("-")[0] for code in (facts.language, *(data.language for data in report.data))]
    results = list(_results(report, facts))
    metadata = {
        "language": list(dict.fromkeys(languages)),
        "library_name": "sentence-transformers",
        "pipeline_tag": PROBLEMS[facts.problem].pipeline_tag,
        "base_model": _base_model(facts.encoder),
        "tags": ["xstilts", facts.problem, *(["text-pairs"] if facts.reads_pairs else [])],
        "metrics": [_metric_type(report)],
        "model-index": [{"name": excerpt(report.title, _LABEL), "results": results}] if results else None,
    }
    known = {key: value for key, value in metadata.items() if value is not None}
    licence = excerpt(facts.licence or "not stated", 200)
    placeholder = f"license: other  # put the licence of your model here; licence of the encoder: {licence}\n"
    return placeholder + yaml.safe_dump(known, sort_keys=False, allow_unicode=True)


def _results(report: FitReport, facts: ModelFacts) -> Iterator[dict[str, Any]]:
    """Evaluations in the Hub's model-index format, each with its 95% interval as arguments of the metric."""
    found = (("cross-validation", report.estimate), ("test", report.test))
    for split, estimate in found:
        if estimate is not None:
            yield {
                "task": {"type": PROBLEMS[facts.problem].pipeline_tag},
                "dataset": {
                    "name": f"{excerpt(report.title, _LABEL)} ({report.language_name})",
                    "type": "own-data",
                    "config": facts.language,
                    "split": split,
                },
                "metrics": [
                    {
                        "type": _metric_type(report),
                        "name": f"{report.metric_name}, 95% interval {estimate.low:.3f} to {estimate.high:.3f}",
                        "value": round(estimate.score, 4),
                        "args": _average(report) | {"interval": [round(estimate.low, 4), round(estimate.high, 4)]},
                    }
                ],
            }


def _metric_type(report: FitReport) -> str:
    """The Hub's name of the metric."""
    return "f1" if report.metric.endswith("f1") else report.metric


def _average(report: FitReport) -> dict[str, str]:
    return {"average": report.metric.partition("_")[0]} if report.metric.endswith("_f1") else {}


def _base_model(encoder: str) -> str | None:
    """Hub id of the encoder; None for a folder or an unknown name."""
    try:
        url = find_card(encoder).url or ""
    except UserError:
        return None
    return url.removeprefix(_HUB) if url.startswith(_HUB) else None


def _purpose(report: FitReport, facts: ModelFacts) -> str:
    count = len(facts.labels)
    what = "all fitting labels" if facts.problem == "multi-label" else "one label"
    return (
        f"Gives {_plain(texts_name(report))} {what} out of {count}: {_listed(facts.labels)}.\n\n"
        f"**{_plain(headline(report))}.** {_plain(metric_meaning(report))} Scores are points out of 100, with 95% "
        "intervals."
    )


def _use(report: FitReport, facts: ModelFacts) -> str:
    columns = " and ".join(_code_span(column) for column in facts.columns.values())
    example = '[("first text", "second text")]' if facts.reads_pairs else '["a text"]'
    encoded = '[["first text", "second text"]]' if facts.reads_pairs else '["a text"]'
    scale = "sigmoid" if facts.problem == "multi-label" else "softmax"
    to_shares = "torch.sigmoid(logits / T)" if scale == "sigmoid" else "torch.softmax(logits / T, dim=-1)"
    python = (
        "import xstilts\n\n"
        'model = xstilts.load_model("model")  # this folder\n'
        f"model.predict({example})\n"
        f"model.predict_proba({example})  # calibrated, in the order of model.labels"
    )
    transformers = (
        "import torch\nfrom sentence_transformers import SentenceTransformer\n\n"
        'model = SentenceTransformer("model")  # this folder\n'
        f"T = {facts.calibration.temperature:.4f}  # the temperature in xstilts.json\n"
        f"logits = model.encode({encoded}, convert_to_tensor=True)\n"
        f"probabilities = {to_shares}\n"
        "labels = model[0].auto_model.config.id2label"
    )
    return "\n\n".join(
        (
            "## Use",
            f"A file with the column{'s' if len(facts.columns) > 1 else ''} {columns}:",
            _code("xstilts predict model new.csv", "sh"),
            "In Python:",
            _code(python, "python"),
            f"Without xstilts, as logits. sentence-transformers reads the first {facts.windows.tokens} sub-words of a "
            f"text; xstilts reads longer texts in several windows{WITHOUT_SUBWORDS * facts.reads_subwords}:",
            _code(transformers, "python"),
        )
    )


def _data(report: FitReport) -> str:
    if not report.data:
        return ""
    labels = list(dict.fromkeys([*report.labels, *(label for data in report.data for label in data.by_label)]))
    heads = [f"{language_name(data.language)} {ROLES[data.role]}" for data in report.data]
    rows = [["all", *(f"{data.rows:,}" for data in report.data)]]
    for label in labels:
        cells = ("" if data.role == "unlabelled" else f"{data.by_label.get(label, 0):,}" for data in report.data)
        rows.append([_label(label), *cells])
    return "\n\n".join(["## Data", _table(["class", *heads], rows)])


def _evaluation(report: FitReport) -> str:
    rows = [
        [name, score_range(estimate)]
        for name, estimate in (
            ("cross-validation over the labelled rows, corrected for selecting the best arm", report.estimate),
            ("test file", report.test),
            ("trivial baseline, which does not read the text", report.trivial),
        )
        if estimate is not None
    ]
    parts = ["## Evaluation"]
    parts += [_sentence(report.no_estimate)] if report.estimate is None and report.no_estimate else []
    parts += [_table([_plain(report.metric_name), "score (95% interval)"], rows)] if rows else []
    parts += [_sentence(report.estimate_note)] if report.estimate_note else []
    if report.classes:
        scores = [
            [
                _label(s.label),
                f"{s.rows:,}",
                *map(points, (s.precision, s.recall, s.f1)),
                f"{points(s.f1_low)} to {points(s.f1_high)}",
            ]
            for s in weakest_classes(report)
        ]
        parts += [_table(["class", "rows", "precision", "recall", "F1", "95% interval"], scores)]
    return "\n\n".join(parts) if len(parts) > 1 else ""


def _calibration(report: FitReport) -> str:
    calibration = report.calibration
    if calibration is None:
        return ""
    lines = [
        f"The expected calibration error, the mean distance between the probability and the share of right "
        f"predictions, is {points(calibration.error)} points (95% interval {points(calibration.error_low)} to "
        f"{points(calibration.error_high)}), on rows that the model was not fitted to. Temperature: "
        f"{calibration.temperature:.2f}."
    ]
    wanted = percent(calibration.precision)
    if calibration.least_probability is None:
        lines.append(f"No threshold reaches {wanted} right predictions, so the model never abstains.")
    else:
        point = abstention_point(report)
        share = (
            f" It then predicts {percent(point.coverage)} of the texts, {percent(point.precision)} of them right."
            if point
            else ""
        )
        lines.append(
            f"Below a probability of {percent(calibration.least_probability)}, the model abstains, so that {wanted} of "
            f"the other predictions are right.{share}"
        )
    return "\n\n".join(["## Calibration", " ".join(lines)])


def _limits(report: FitReport, facts: ModelFacts) -> str:
    name = _plain(texts_name(report))
    lines = [
        f"It is fitted to {plural(labelled_rows(report), 'labelled row')} of the language. The scores hold for {name} "
        "like these rows, not for other sources, topics or times.",
        "It knows only the classes above: a text that fits none of them gets one of them, or is abstained from."
        if facts.problem != "multi-label"
        else "It knows only the labels above.",
    ]
    if weakest := [score.label for score in weakest_classes(report) if score.f1 < 0.5]:
        lines.append(f"Classes with F1 below 50: {_listed(weakest, _WEAKEST)}.")
    lines += [_sentence(warning) for warning in report.warnings]
    lines += [_sentence(report.long_texts)] if report.long_texts else []
    lines.append(
        "**Before you publish this folder:** `training.parquet`, `report.json` and `report.html` contain texts of your "
        "files, and `training.safetensors` their vectors. The model predicts without them, but then shows no similar "
        "rows."
    )
    if facts.reads_subwords:
        lines.append(
            "`subwords.npz` holds the sub-words of your rows and their pairs, which the model needs. "
            "`xstilts fit --no-subwords` makes a model without them."
        )
    return "\n".join(["## Limits", "", *(f"- {line}" for line in lines)])


def _licence(report: FitReport, facts: ModelFacts) -> str:
    return (
        f"## Licence\n\n- Encoder {_plain(facts.encoder)}: {_plain(facts.licence or 'not stated')}.\n"
        "- This model: state it here. It depends on the licence of the encoder and on the rights in your data."
    )


def _listed(labels: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(_label(label) for label in labels[:most])
    return f"{shown} and {len(labels) - most} more" if len(labels) > most else shown


def _label(text: str) -> str:
    return _plain(excerpt(text, _LABEL))


def _plain(text: str) -> str:
    """The text on one line, without effect as Markdown or HTML."""
    return _inline(excerpt(text, max(len(text), 1)))


def _inline(text: str) -> str:
    """Escaped, with spaces for control characters; spaces at the ends are kept."""
    line = re.sub(r"\s", " ", CONTROL.sub(" ", text))
    return _MARKUP.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _sentence(text: str) -> str:
    """As `_plain`, but what is between backquotes stays code."""
    parts = re.split(r"`([^`]+)`", text)
    return "".join(_code_span(part) if number % 2 else _inline(part) for number, part in enumerate(parts)).strip()


def _code_span(text: str) -> str:
    return f"`{excerpt(text.replace('`', ''), _LABEL)}`"


def _code(text: str, language: str) -> str:
    """A fenced block, with a fence that is longer than any run of backquotes in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{CONTROL.sub(' ', text)}\n{fence}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
