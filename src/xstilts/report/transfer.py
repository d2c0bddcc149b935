"""Sections on transfer: suite averages, the transfer matrix, and the arm chosen for each target."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from xstilts.analysis.matrix import CHOSEN_ON_DEV
from xstilts.analysis.names import ABSENT, MISSING, language_name, points, signed
from xstilts.analysis.transfer import CHOSEN_ARM, ChosenArms, EstimateOrReason, Transfer
from xstilts.plurals import plural
from xstilts.report import plots
from xstilts.report.components import Component, Entry, Figure, Head, Panel, Row, Section, Table
from xstilts.tasks import suites
from xstilts.tasks.suites import Suite


def transfer_sections(transfer: Transfer) -> Iterator[Section]:
    """The sections that apply to the recipe."""
    if transfer.baseline is None or not transfer.arms:
        return
    if tables := tuple(suite_tables(transfer)):
        lead = (
            "The mean over tasks of each task's mean over languages. Text retrieval is never fine-tuned and often "
            "changes most, so averages with and without it are not comparable.",
        )
        yield Section(anchor="suites", title="Suite averages", lead=lead, parts=tables)
    if len(transfer.arms) > 1 and len(transfer.designs) > 1:
        yield _matrix_section(transfer)


def suite_tables(transfer: Transfer) -> Iterator[Table]:
    """One table per suite with a published average that the recipe has arms and tasks for."""
    if transfer.baseline is not None and transfer.arms:
        yield from (suite_table(transfer, suite) for suite in transfer.suites)


def suite_table(transfer: Transfer, suite: Suite) -> Table:
    """The three means, then each task, by intermediate arm: mean score, and difference to the baseline."""
    arms = [name for name in (transfer.baseline, *transfer.arms) if name is not None]
    means = [mean for mean in suites.suite_means(suite, transfer.designs) if mean.tasks]
    rows = [(mean.name, mean.tasks, "mean") for mean in means]
    rows += [(task, (task,), "") for task in suite.tasks if task in transfer.designs]
    english = "including English" if suite.english_in_average else "without English"
    return Table(
        caption=f"{suite.average}, {english}, zero-shot: points, and the difference to {transfer.baseline} "
        "\u00b1 half the width of its 95% CI.",
        heads=((Head(text="", number=False), *(Head(text=arm) for arm in arms)),),
        rows=tuple(
            Row(
                entries=(Entry(text=title, kind="head"), *(_arm_mean_entry(transfer, tasks, arm) for arm in arms)),
                kind="mean" if kind else "",
            )
            for title, tasks, kind in rows
        ),
        notes=_suite_notes(transfer, suite),
    )


def chosen_arm_table(transfer: Transfer) -> Table:
    """For each trained target: the baseline, the arm chosen on development data, and their difference."""
    rows: list[tuple[str, tuple[str, ...]]] = []
    rows += [(name, (name,)) for name, design in transfer.designs.items() if not design.retrieval]
    for suite in transfer.suites:
        _, trained_mean, _ = suites.suite_means(suite, transfer.designs)
        if len(trained_mean.tasks) > 1:
            rows.append((trained_mean.name, trained_mean.tasks))
    baseline = str(transfer.baseline)
    heads = (baseline, "chosen arm", "difference", "95% CI")
    retrieval = [name for name, design in transfer.designs.items() if design.retrieval]
    not_included = "Not included, because there is no fine-tuning and so no development score: "
    return Table(
        caption="The best intermediate arm for each target, chosen for each seed on development data of the source "
        "language, then scored in every language.",
        heads=(
            (
                Head(text="target", number=False),
                *(Head(text=text) for text in heads),
                Head(text="chosen arm (seeds)", number=False),
            ),
        ),
        rows=tuple(_chosen_arm_row(transfer, title, tasks, baseline) for title, tasks in rows),
        notes=(f"{not_included}{', '.join(retrieval)}.",) if retrieval else (),
    )


def matrix_figure(transfer: Transfer) -> Figure:
    """Differences to the baseline by intermediate arm and target."""
    cells = [
        {"language": arm, "arm": task, **_heat_cell(f"{arm}, {task}", transfer.effect((task,), arm))}
        for arm in transfer.arms
        for task in transfer.designs
    ]
    svg = plots.heat_map(cells, tuple(transfer.designs), transfer.arms)
    caption = f"Difference to {transfer.baseline} in points, zero-shot. Purple is better, orange is worse."
    return Figure(caption=caption, panels=(Panel(svg=Markup(svg)),))


def matrix_table(transfer: Transfer) -> Table:
    """The transfer matrix with 95% CIs, and a row for the arm chosen on development data."""
    rows = [(arm, arm) for arm in transfer.arms] + [(CHOSEN_ON_DEV, CHOSEN_ARM)]
    return Table(
        caption=f"Difference to {transfer.baseline} in points, zero-shot, with 95% CIs.",
        heads=((Head(text="intermediate", number=False), *(Head(text=task) for task in transfer.designs)),),
        rows=tuple(
            Row(
                entries=(
                    Entry(text=title, kind="head"),
                    *(_effect_entry(transfer.effect((task,), arm)) for task in transfer.designs),
                ),
                kind="mean" if arm == CHOSEN_ARM else "",
            )
            for title, arm in rows
        ),
        notes=(
            "The intervals are not corrected for multiple comparisons. "
            + " ".join(
                f"{task}: over {plural(len(transfer.languages(task)), 'language')}." for task in transfer.designs
            ),
        ),
    )


def _matrix_section(transfer: Transfer) -> Section:
    parts: list[Component] = [matrix_figure(transfer), matrix_table(transfer)]
    if any(not design.retrieval for design in transfer.designs.values()):
        parts.append(chosen_arm_table(transfer))
    lead = "The zero-shot effect of each intermediate arm on each target."
    return Section(anchor="transfer", title="Transfer matrix", lead=(lead,), parts=tuple(parts))


def _suite_notes(transfer: Transfer, suite: Suite) -> tuple[str, ...]:
    """How the means differ from the official ones: missing tasks and languages, custom splits."""
    missing = [task for task in suite.tasks if task not in transfer.designs]
    notes = [f"Not in the recipe: {', '.join(missing)}."] if missing else []
    for task in suite.tasks:
        if task in transfer.designs and (fewer := _fewer_languages(transfer, suite, task)):
            notes.append(fewer)
        if task in transfer.recipe.partition:
            notes.append(f"{task}: custom splits, so its scores are not comparable with published ones.")
    if tuned := transfer.recipe.development_languages:
        notes.append(f"Hyperparameters were tuned on {', '.join(map(language_name, tuned))}, which no mean includes.")
    return (" ".join(notes),) if notes else ()


def _fewer_languages(transfer: Transfer, suite: Suite, task: str) -> str:
    design = transfer.designs[task]
    excluded = {design.source} if design.retrieval or not suite.english_in_average else set()
    total = len(set(design.task.languages) - excluded)
    used = len(transfer.languages(task))
    return f"{task}: {used} of {total} languages." if used < total else ""


def _arm_mean_entry(transfer: Transfer, tasks: Sequence[str], arm: str) -> Entry:
    mean = transfer.arm_mean(tasks, arm)
    if isinstance(mean, str):
        return _reason_entry(mean)
    effect = mean if arm == transfer.baseline else transfer.effect(tasks, arm)
    if isinstance(effect, str):
        note = f"\u00b1{ABSENT}"
    else:
        difference = "" if arm == transfer.baseline else f"{signed(effect.value)} "
        note = f"{difference}\u00b1{points((effect.high - effect.low) / 2)}"
    return Entry(text=points(mean.value), note=note, kind="number")


def _effect_entry(effect: EstimateOrReason) -> Entry:
    if isinstance(effect, str):
        return _reason_entry(effect)
    return Entry(text=signed(effect.value), note=f"({interval(effect)})", kind="number")


def _reason_entry(reason: str) -> Entry:
    """ "missing" for missing scores; a dash for what the recipe does not have or what cannot be computed."""
    missing = reason.endswith(MISSING)
    return Entry(text=MISSING if missing else ABSENT, tooltip=reason, kind="missing" if missing else "absent")


def interval(effect: EstimateOrReason) -> str:
    return ABSENT if isinstance(effect, str) else f"{signed(effect.low)} to {signed(effect.high)}"


def _chosen_arm_row(transfer: Transfer, title: str, tasks: tuple[str, ...], baseline: str) -> Row:
    effect = transfer.effect(tasks, CHOSEN_ARM)
    means = (transfer.arm_mean(tasks, arm) for arm in (baseline, CHOSEN_ARM))
    entries = (
        Entry(text=title, kind="head"),
        *(
            _reason_entry(mean) if isinstance(mean, str) else Entry(text=points(mean.value), kind="number")
            for mean in means
        ),
        _reason_entry(effect) if isinstance(effect, str) else Entry(text=signed(effect.value), kind="number"),
        Entry(text=interval(effect), kind="absent" if isinstance(effect, str) else "number"),
        Entry(text=_chosen_text(transfer.chosen_arms(tasks[0])) if len(tasks) == 1 else ""),
    )
    return Row(entries=entries, kind="mean" if len(tasks) > 1 else "")


def _chosen_text(choice: ChosenArms | str) -> str:
    """Such as "squad 3, mnli 2", or why nothing was chosen."""
    if isinstance(choice, str):
        return choice
    return ", ".join(f"{arm} {count}" for arm, count in choice.counts.items())


def _heat_cell(name: str, effect: EstimateOrReason) -> dict[str, object]:
    if isinstance(effect, str):
        return {"value": None, "text": _reason_entry(effect).text, "label": f"{name}: {effect}"}
    label = f"{name}: {signed(effect.value)} points ({interval(effect)})"
    return {"value": 100 * effect.value, "text": signed(effect.value), "label": label}
