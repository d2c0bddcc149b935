"""Exports of Label Studio: JSON (tasks with annotations) and JSON-MIN (a flat object per annotation)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.content import Row
from xstilts.formats.notes import Notes
from xstilts.formats.spans import Span, label_columns, note_relations, parse_span, tag_words

_MIN_KEYS = {"annotation_id", "annotator", "lead_time"}


def is_label_studio(row: Row) -> bool:
    """Whether a row is a task of the JSON export."""
    return isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list)


def is_label_studio_min(row: Row) -> bool:
    """Whether a row is one of the JSON-MIN export."""
    return row.keys() >= _MIN_KEYS


def label_studio_rows(path: Path, rows: Sequence[tuple[int, Row]], notes: Notes) -> Iterator[tuple[int, Row]]:
    """A row per annotated task: its data, a column for each control with choices, and `label` and `labels` if there is
    one such control; `words` and `tags` if any task has labelled spans.

    Of several annotations the first that is not cancelled is used (note `annotations-ignored`). Tasks without one are
    left out (note `not-annotated`). Raises DataError, with the line, for annotations of another form.
    """
    tasks = [(line, row, _results(path, line, row, notes)) for line, row in rows]
    results_of_all = [result for _, _, results in tasks for result in results or ()]
    has_spans = any("labels" in value for _, value in results_of_all)
    controls = dict.fromkeys(control for control, value in results_of_all if isinstance(value.get("choices"), list))
    for line, row, results in tasks:
        if results is None:
            notes.add("not-annotated", line, "tasks without a completed annotation were left out")
            continue
        columns = dict(row["data"])
        if isinstance(text := _text(row["data"]), str):
            columns["text"] = text
        yield line, {**columns, **_derived(text, results, controls, has_spans, f"{path}:{line}", line, notes)}


def label_studio_min_rows(path: Path, rows: Sequence[tuple[int, Row]], notes: Notes) -> Iterator[tuple[int, Row]]:
    """The rows with `label`, `labels`, `words` and `tags` as in `label_studio_rows`.

    A single choice is a text in the column of its control already. Of several annotations of a task the first is used
    (note `annotations-ignored`).
    """
    has_spans = any(_is_spans(value) for _, row in rows for value in row.values())
    tasks: set[Any] = set()
    for line, row in rows:
        where, task = f"{path}:{line}", row.get("id")
        if isinstance(task, int | str):
            if task in tasks:
                notes.add("annotations-ignored", line, _IGNORED)
                continue
            tasks.add(task)
        results: list[tuple[str, Mapping[str, Any]]] = []
        for name, value in row.items():
            if isinstance(value, dict) and isinstance(value.get("choices"), list):
                results.append((name, value))
            elif _is_spans(value):
                results.extend((name, span) for span in value)
        yield line, {**row, **_derived(row.get("text"), results, (), has_spans, where, line, notes)}


_IGNORED = "of several annotations of a text, the first was used"


def _results(path: Path, line: int, row: Row, notes: Notes) -> list[tuple[str, Mapping[str, Any]]] | None:
    """The control and the value of each result of the first annotation that is not cancelled; None without one."""
    where = f"{path}:{line}"
    if not is_label_studio(row):
        raise DataError(f"{where}: no `data` or no `annotations`", "export all tasks as JSON")
    annotations = row["annotations"]
    if not all(isinstance(one, dict) and isinstance(one.get("result"), list) for one in annotations):
        raise DataError(f"{where}: an annotation without a `result`", "export the tasks as JSON, not as a snapshot")
    completed = [one for one in annotations if not one.get("was_cancelled")]
    if not completed:
        return None
    if len(annotations) > 1:
        notes.add("annotations-ignored", line, _IGNORED, count=len(annotations) - 1)
    results = [one for one in completed[0]["result"] if isinstance(one, dict)]
    note_relations([one for one in results if one.get("type") == "relation"], line, notes)
    valued = [(str(one.get("from_name")), one["value"]) for one in results if isinstance(one.get("value"), dict)]
    usable = [(control, value) for control, value in valued if "labels" in value or "choices" in value]
    if len(usable) < len(valued):
        message = "results that are neither choices nor labels were ignored"
        notes.add("results-ignored", line, message, count=len(valued) - len(usable))
    return usable


def _text(data: Mapping[str, Any]) -> str | None:
    """The column `text`, or the only text of a task."""
    texts = [value for value in data.values() if isinstance(value, str)]
    text = data.get("text", texts[0] if len(texts) == 1 else None)
    return text if isinstance(text, str) else None


def _derived(
    text: Any,
    results: Sequence[tuple[str, Mapping[str, Any]]],
    controls: Iterable[str],
    has_spans: bool,
    where: str,
    line: int,
    notes: Notes,
) -> Row:
    """Columns for the choices of each control (of `controls` even without a choice), and for the labelled spans."""
    choices: dict[str, list[Any]] = {control: [] for control in controls}
    for control, value in results:
        if isinstance(value.get("choices"), list):
            choices.setdefault(control, []).extend(value["choices"])
    columns: dict[str, Any] = {control: label_columns(names)["label"] for control, names in choices.items()}
    if len(choices) == 1:
        columns |= label_columns(next(iter(choices.values())))
    if has_spans:
        if not isinstance(text, str):
            raise DataError(f"{where}: no `text` for the labelled spans", "name the column with the text `text`")
        spans = [_span(value, where) for _, value in results if "labels" in value]
        columns |= tag_words(text, spans, None, where, line, notes)
    return columns


def _span(value: Mapping[str, Any], where: str) -> Span:
    labels = value["labels"]
    if not isinstance(labels, list) or len(labels) != 1:
        raise DataError(f"{where}: a span has {labels!r} as labels", "give each span one label")
    return parse_span(value.get("start"), value.get("end"), labels[0], where, value.get("text"))


def _is_spans(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and {"start", "end", "labels"} <= one.keys() for one in value)
    )
