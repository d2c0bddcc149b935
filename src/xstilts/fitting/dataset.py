"""The rows of a fit as examples, with everything that was left out, repaired or guessed. Does not import torch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xstilts.errors import DataError, RowsError
from xstilts.fitting.columns import CHOSEN, REASON, Columns, missing_column
from xstilts.fitting.inputs import Input
from xstilts.fitting.languages import Language, share_in_script
from xstilts.formats.content import Row
from xstilts.plurals import plural
from xstilts.problems import PROBLEMS, Example
from xstilts.problems.cells import FileRow
from xstilts.problems.labels import compare_labels, spelling_variants

ENGLISH = Language(code="en", name="English", script="Latn")
OTHER_SCRIPT = 0.5
"""A warning is given if a smaller share of letters than this is in the script of the language."""
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The examples of one source, each with its file and line."""

    examples: tuple[Example, ...]
    places: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.examples)

    def subset(self, rows: Sequence[int]) -> "Part":
        return Part(examples=tuple(self.examples[row] for row in rows), places=tuple(self.places[row] for row in rows))

    def labels(self) -> Counter[str]:
        return Counter(label for example in self.examples for label in example.classes)


PAIR_MARK = " | "


def shown_text(example: Any) -> str:
    """The text, or both texts of a pair, as one."""
    return example.text if example.pair is None else f"{example.text}{PAIR_MARK}{example.pair}"


EMPTY = Part(examples=(), places=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """English and target-language rows; `labels` are the classes of the model, sorted."""

    problem: str
    columns: Mapping[str, str]
    language: Language
    source_language: Language = ENGLISH
    """Of the rows called English here."""
    english: Part
    shots: Part
    test: Part
    unlabelled: tuple[Example, ...]
    labels: tuple[str, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]
    guessed: tuple[str, ...]

    def labels_of(self, part: "Part") -> tuple[str, ...]:
        """The model's classes, and after them those that only `part` has, as a test file may."""
        return (*self.labels, *sorted(set(part.labels()) - set(self.labels)))

    @property
    def only_shots(self) -> tuple[str, ...]:
        """Classes that have no English row."""
        known = self.english.labels()
        return tuple(label for label in self.labels if label not in known) if self.english else ()

    @property
    def only_english(self) -> tuple[str, ...]:
        """Classes that have no row in the language."""
        known = self.shots.labels()
        return tuple(label for label in self.labels if label not in known) if self.shots else ()


def build_dataset(
    train: Input | None,
    shots: Input | None,
    test: Input | None,
    unlabelled: Input | None,
    columns: Columns,
    language: Language,
    *,
    source_language: Language = ENGLISH,
    drop_english_only: bool = False,
) -> Dataset:
    """Read all inputs. Rows without a usable text or label are left out and counted.

    Raises DataError if a column is missing, an input has no usable row, no label of the shots is an English one, or
    fewer than two classes are left; RowsError if most rows of an input cannot be used.
    """
    notes: list[str] = []
    warnings: list[str] = []

    def read(table: Input | None, code: str) -> Part:
        return EMPTY if table is None else _read(table, columns, code, notes)

    english, own, scored = read(train, source_language.code), read(shots, language.code), read(test, language.code)
    own, scored = (
        _respelled(part, english, name, source_language.name, notes)
        for part, name in ((own, "shots"), (scored, "test"))
    )
    english, own = (
        _without_repeats(part, name, notes) for part, name in ((english, source_language.name), (own, language.name))
    )
    scored = _without_training(scored, (english, own), notes)
    labels = set(english.labels()) | set(own.labels())
    if drop_english_only and own:
        english, labels = _drop_english_only(english, own, source_language.name, notes)
    warnings += _chosen_warnings(shots)
    warnings += _label_warnings(english, own, scored, labels, language, source_language)
    texts = () if unlabelled is None else _texts(unlabelled, columns, language.code, notes)
    warnings += _script_warnings(language, [(own, "shots"), (scored, "test")], texts)
    if len(labels) < 2:
        raise DataError(
            f"there is one class: {next(iter(labels), 'none')}", "give rows of at least two classes, or check --label"
        )
    return Dataset(
        problem=columns.problem,
        columns=columns.columns,
        language=language,
        source_language=source_language,
        english=english,
        shots=own,
        test=scored,
        unlabelled=texts,
        labels=tuple(sorted(labels)),
        left_out=tuple(notes),
        warnings=tuple(warnings),
        guessed=columns.guessed,
    )


def _read(table: Input, columns: Columns, code: str, notes: list[str]) -> Part:
    fields = _fields(table, columns, labelled=True)
    problem: Any = PROBLEMS[columns.problem]  # type: ignore[index]
    examples: list[Example] = []
    places: list[str] = []
    errors: list[DataError] = []
    rows = _with_label(table, fields[problem.label_columns[0]], notes)
    for number, (line, row) in enumerate(rows):
        read, row_errors = problem.read_rows([(FileRow(table.path, line, row, fields), str(number))], code)
        examples += read
        places += [f"{table.name}:{line}"] * len(read)
        errors += row_errors
    notes += [f"{table.name}: {note.text} ({note.count:,}, first in line {note.first_line})" for note in table.notes]
    if errors and len(errors) > len(examples):
        raise RowsError(errors)
    if errors:
        shown = "; ".join(error.message.removeprefix(f"{table.name}:") for error in errors[:SHOWN])
        notes.append(f"{table.name}: {plural(len(errors), 'row')} left out (line {shown})")
    return Part(examples=tuple(examples), places=tuple(places))


def _with_label(table: Input, column: str, notes: list[str]) -> Sequence[tuple[int, Row]]:
    """Without the rows whose label nobody has filled in yet, as in a file from `label`; all rows if no row has one."""
    rows = [(line, row) for line, row in table.rows if row.get(column) not in (None, "")]
    if not rows or len(rows) == len(table.rows):
        return table.rows
    notes.append(f"{table.name}: {plural(len(table.rows) - len(rows), 'row')} left out without a label")
    return rows


def _fields(table: Input, columns: Columns, *, labelled: bool) -> dict[str, str]:
    """The columns of the model in this table. Guessed names may differ between the files; named ones may not."""
    spec = PROBLEMS[columns.problem]  # type: ignore[index]
    rename = {"label": spec.label_columns[0]}
    fields = {rename.get(field, field): name for field, name in columns.columns.items()}
    if not labelled:
        fields = {field: name for field, name in fields.items() if field in ("text", "pair")}
    if table.is_text and "pair" not in fields:
        fields = {field: "text" for field in fields if field == "text"}
    for field, name in fields.items():
        if name not in table.columns:
            raise missing_column(table, field, name)
    return fields


def _texts(table: Input, columns: Columns, code: str, notes: list[str]) -> tuple[Example, ...]:
    fields = _fields(table, columns, labelled=False)
    cells = [(FileRow(table.path, line, row, fields), str(line)) for line, row in table.rows]
    examples, errors = PROBLEMS[columns.problem].read_rows(cells, code)  # type: ignore[index]
    if errors:
        notes.append(f"{table.name}: {plural(len(errors), 'text')} left out (first: {errors[0].message})")
    return tuple({example.texts: example for example in examples}.values())


def _respelled(part: Part, english: Part, name: str, source: str, notes: list[str]) -> Part:
    """Labels that differ from English ones in spelling alone (case, blanks, 1.0 for 1) become these.

    Raises DataError if there is no common label.
    """
    if not part or not english:
        return part
    differences = compare_labels(list(part.labels()), list(english.labels()))
    if differences.disjoint:
        own, known = (", ".join(list(one.labels())[:6]) for one in (part, english))
        raise DataError(
            f"no label of the {name} ({own}) is one of the {source} rows ({known})", "rename the labels in one file"
        )
    for old, new in differences.respelled.items():
        notes.append(f"{name}: label {old!r} read as {new!r} ({plural(part.labels()[old], 'row')})")
    if not differences.respelled:
        return part
    return replace(part, examples=tuple(_renamed(example, differences.respelled) for example in part.examples))


def _renamed(example: Any, names: Mapping[str, str]) -> Any:
    if hasattr(example, "label"):
        return replace(example, label=names.get(example.label, example.label))
    return replace(example, labels=tuple(sorted({names.get(label, label) for label in example.labels})))


def _without_repeats(part: Part, name: str, notes: list[str]) -> Part:
    """Without rows that repeat both text and label of an earlier one."""
    first: dict[Any, int] = {}
    for row, example in enumerate(part.examples):
        first.setdefault((example.texts, example.target), row)
    if len(first) < len(part):
        notes.append(f"{name}: {plural(len(part) - len(first), 'row')} left out that repeat an earlier row")
    labels: dict[Any, set[Any]] = {}
    for text, target in first:
        labels.setdefault(text, set()).add(target)
    if contradicting := sum(len(targets) > 1 for targets in labels.values()):
        notes.append(f"{name}: {plural(contradicting, 'text')} with several labels kept with each of them")
    return part.subset(list(first.values()))


def _without_training(test: Part, training: Sequence[Part], notes: list[str]) -> Part:
    groups = {example.group for part in training for example in part.examples}
    kept = [row for row, example in enumerate(test.examples) if example.group not in groups]
    if test and not kept:
        raise DataError("all rows of the test file are training rows too", "give a test file with other texts")
    if len(kept) < len(test):
        notes.append(f"test: {plural(len(test) - len(kept), 'row')} left out that are also in the training data")
    return test.subset(kept)


def _drop_english_only(english: Part, own: Part, source: str, notes: list[str]) -> tuple[Part, set[str]]:
    labels = set(own.labels())
    kept = [row for row, example in enumerate(english.examples) if set(example.classes) <= labels]
    dropped = sorted(set(english.labels()) - labels)
    if dropped:
        notes.append(f"{source}: {plural(len(english) - len(kept), 'row')} of {', '.join(dropped)} dropped as asked")
    return english.subset(kept), labels


def _chosen_warnings(shots: Input | None) -> list[str]:
    """Cross-validation over rows that `label` chose estimates the score of such rows."""
    if shots is None or not set(CHOSEN) <= set(shots.columns):
        return []
    chosen = sum(bool(row.get(REASON)) for _, row in shots.rows)
    if not chosen:
        return []
    return [
        f"`xstilts label` chose {plural(chosen, 'row')} of {shots.name}: these are harder than new texts, so the "
        "expected score is too low; label some random rows and give them with --test"
    ]


def _label_warnings(
    english: Part, own: Part, test: Part, labels: set[str], language: Language, source: Language
) -> list[str]:
    warnings = [
        f"the labels {', '.join(map(repr, variants))} differ in spelling alone; they stay apart"
        for variants in spelling_variants(labels)
    ]
    if english and own:
        known, mine = english.labels(), own.labels()
        if new := [f"{label} ({mine[label]})" for label in mine if label not in known]:
            warnings.append(f"only {language.name} has {', '.join(new)}: learnt from these rows alone")
        if absent := [f"{label} ({known[label]:,})" for label in known if label not in mine]:
            warnings.append(
                f"only {source.name} has {', '.join(absent)}: kept; nothing is known about their score in "
                f"{language.name} (--drop-english-only leaves them out)"
            )
    if unknown := [f"{label} ({count})" for label, count in test.labels().items() if label not in labels]:
        warnings.append(f"only the test file has {', '.join(unknown)}: always predicted wrong")
    if single := _in_one_group(own):
        warnings.append(
            f"all rows of {', '.join(single)} in {language.name} are of one group, which cross-validation leaves out "
            "together: the expected score is too low for them"
        )
    return warnings


def _in_one_group(part: Part) -> list[str]:
    """Classes of which several rows share their only group."""
    groups: dict[str, list[str]] = {}
    for example in part.examples:
        for label in example.classes:
            groups.setdefault(label, []).append(example.group)
    return [label for label, found in sorted(groups.items()) if len(found) > 1 and len(set(found)) == 1]


def _script_warnings(language: Language, parts: Sequence[tuple[Part, str]], texts: Sequence[Example]) -> list[str]:
    warnings: list[str] = []
    named = [*((part.examples, name) for part, name in parts), (texts, "unlabelled texts")]
    for examples, name in named:
        share = share_in_script([text for example in examples for text in example.texts], language.script)
        if examples and share < OTHER_SCRIPT:
            warnings.append(
                f"{1 - share:.0%} of the letters of the {name} are not in the script of {language.name} "
                f"({language.script}): check --language"
            )
    return warnings
