"""The pools of shots: classes that the training data lack, and how many examples there are."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from xstilts.config.recipe import Fewshot, Target
from xstilts.inspection.finding import Finding
from xstilts.inspection.labels import Splits, count_labels, label_counts
from xstilts.problems import Example
from xstilts.recipe.resolve import POOL_SPLIT, applicable_methods, languages_with_pool, new_labels, sampled_ks
from xstilts.tasks.task import Task


def check_shots(task: Task, languages: Mapping[str, Splits], fewshot: Fewshot, target: Target) -> Iterator[Finding]:
    """Whether new classes are learnt from the shots, and by which methods, and whether each class has enough shots."""
    train = languages.get(target.source_language, {}).get("train", ())
    known = {label for example in train for label in example.classes}
    named = label_counts(task, train).keys()
    for language in languages_with_pool(fewshot, target, task) if sampled_ks(fewshot) else ():
        splits = languages.get(language, {})
        if (pool := splits.get(POOL_SPLIT)) is None:
            continue
        learns = bool(new_labels(task, target.source_language, (language,)))
        methods = [method.name for method in applicable_methods(fewshot, task)]
        new = Counter({label: n for label, n in label_counts(task, pool).items() if known and label not in named})
        if new:
            yield _new_labels(task, language, POOL_SPLIT, new, methods, learns=learns)
        scored = label_counts(task, splits.get(target.split, ()))
        if known and (
            unlearnt := Counter({label: n for label, n in scored.items() if label not in named | new.keys()})
        ):
            yield _new_labels(task, language, target.split, unlearnt, methods, learns=False)
        usable = [e for e in pool if learns or known.issuperset(e.classes)] if known else list(pool)
        classes = known | {label for example in pool for label in example.classes} if learns else known
        yield from _scarce(task, language, usable, classes, max(sampled_ks(fewshot)))


def _new_labels(
    task: Task, language: str, split: str, labels: Counter[str], methods: Sequence[str], *, learns: bool
) -> Finding:
    counted, names = count_labels(labels, labels), ", ".join(methods)
    if learns:
        message = f"{counted}: not in the training data, learnt from the shots by {names}"
    elif split == POOL_SPLIT:
        message = f"{counted}: not in the training data and not learnt by {names}: examples with it are not sampled"
    else:
        message = f"{counted}: without a shot to learn it from, scored as wrong with {names}, too"
    return Finding(
        code="learnt-labels" if learns else "new-labels",
        severity="warning",
        task=task.name,
        language=language,
        split=split,
        message=message,
    )


def _scarce(task: Task, language: str, usable: Sequence[Example], classes: set[str], most: int) -> Iterator[Finding]:
    where = {"task": task.name, "language": language, "split": POOL_SPLIT}
    if task.spec.shots_unit != "per class":
        if len(usable) < most:
            message = f"{most} shots are sampled from {len(usable):,} examples"
            yield Finding(
                code="too-few-shots", severity="error", message=message, hint="lower `fewshot.shots`", **where
            )
        return
    counts = Counter(dict.fromkeys(classes, 0))
    counts.update(example.stratum for example in usable if example.stratum is not None)
    if scarce := {label: count for label, count in counts.items() if count < most}:
        shown = ", ".join(f"{label!r} {count}" for label, count in sorted(scarce.items()))
        message = f"{most}-shot has fewer examples of some labels: {shown}"
        yield Finding(
            code="too-few-shots",
            severity="warning" if usable else "error",
            message=message,
            hint="" if usable else "no label of the file is one of the training data",
            **where,
        )
