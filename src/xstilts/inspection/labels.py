"""The labels of a task's splits, compared with those that its models are trained with."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from xstilts.inspection.finding import Finding
from xstilts.problems import Example
from xstilts.problems.labels import LabelDifferences, compare_labels, spelling_variants
from xstilts.tasks.task import Task

_NAMED = 6
"""Labels that a message names."""

Splits = Mapping[str, Sequence[Example]]


def label_counts(task: Task, examples: Sequence[Example]) -> Counter[str]:
    """How often each label occurs; of tags that mark spans, the type counts, at the beginning of each span."""
    return Counter(label for example in examples for label in task.spec.label_names(example))


def check_labels(task: Task, languages: Mapping[str, Splits], source: str) -> Iterator[Finding]:
    """Labels of all splits against those of the training data in the `source` language.

    Labels that differ in spelling alone, and no common label at all, are errors; new and absent labels are warnings.
    """
    known = label_counts(task, languages.get(source, {}).get("train", ()))
    if not known:
        return
    yield from _variants(task, source, known)
    if len(known) == 1 and task.spec.loss == "cross-entropy" and task.problem != "tagging":
        yield Finding(
            code="one-label",
            severity="error",
            task=task.name,
            language=source,
            split="train",
            message=f"all {known.total():,} examples have the label {next(iter(known))!r}",
            hint="a classifier needs examples of two labels",
        )
    for language, splits in languages.items():
        for split, examples in splits.items():
            if (language, split) != (source, "train") and (counts := label_counts(task, examples)):
                yield from _compare(task, language, split, counts, known, source)


def _variants(task: Task, source: str, known: Counter[str]) -> Iterator[Finding]:
    for labels in spelling_variants(known):
        message = f"the labels {count_labels(labels, known)} differ in spelling alone"
        yield _spelling_error(message, task=task.name, language=source, split="train")


def _spelling_error(message: str, **where: str) -> Finding:
    return Finding(code="label-spelling", severity="error", message=message, hint=_SPELLING, **where)


_SPELLING = "correct the file, or set `labels: {normalise: true}` or `labels: {map: {old: new}}` for the task"


def _compare(
    task: Task, language: str, split: str, counts: Counter[str], known: Counter[str], source: str
) -> Iterator[Finding]:
    differences = compare_labels(counts, known)
    where = {"task": task.name, "language": language, "split": split}
    for label, other in differences.respelled.items():
        message = f"the label {label!r} ({counts[label]:,}) is spelled {other!r} in the training data of {source}"
        yield _spelling_error(message, **where)
    for labels in spelling_variants(differences.new):
        message = f"the labels {count_labels(labels, counts)} differ in spelling alone"
        yield _spelling_error(message, **where)
    if differences.disjoint:
        labels, others = count_labels(differences.new, counts), count_labels(known, known)
        message = f"none of the labels ({labels}) is a label of {source} ({others})"
        hint = "map them: `labels: {map: {label in this file: label in the training data}}`"
        yield Finding(code="different-labels", severity="error", message=message, hint=hint, **where)
    else:
        yield from _new_and_absent(differences, counts, known, source, where)


def _new_and_absent(
    differences: LabelDifferences, counts: Counter[str], known: Counter[str], source: str, where: dict[str, str]
) -> Iterator[Finding]:
    if differences.new:
        message = (
            f"{count_labels(differences.new, counts)} {_are(differences.new)} not in the training data of {source}: "
            "zero-shot predictions of these examples are wrong by design"
        )
        yield Finding(code="new-labels", severity="warning", message=message, **where)
    if differences.absent:
        names = ", ".join(map(repr, differences.absent[:_NAMED]))
        message = f"no example of {names} ({len(differences.absent)} of {len(known)} labels of the training data)"
        yield Finding(code="absent-labels", severity="warning", message=message, **where)


def _are(labels: Sequence[str]) -> str:
    return "is" if len(labels) == 1 else "are"


def count_labels(labels: Sequence[str] | Counter[str], counts: Counter[str]) -> str:
    """The first labels, each with its count."""
    names = list(labels)
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*(f"{label!r} ({counts[label]:,})" for label in names[:_NAMED]), *more])
