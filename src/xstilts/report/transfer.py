"""What the page shows of transfer: the averages of suites, the matrix, and the best arm of each target."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from xstilts.analysis.matrix import CHOSEN
from xstilts.analysis.names import ABSENT, count, language_name, points, signed
from xstilts.analysis.transfer import BEST, Choice, Result, Transfer
from xstilts.report import plots
from xstilts.report.components import Entry, Figure, Head, Panel, Part, Row, Section, Table
from xstilts.tasks import suites
from xstilts.tasks.suites import Suite


def sections(transfer: Transfer) -> Iterator[Section]:
    """Those that the recipe has something for."""
    if transfer.baseline is None or not transfer.arms:
        return
    if tables := tuple(suite_tables(transfer)):
        lead = (
            "The mean over tasks of the mean over the languages of each. Retrieval, which over texts is never trained, "
            "mostly moves most: a mean with it and one without it say different things.",
        )
        yield Section(anchor="suites", title="Suite averages", lead=lead, parts=tables)
    if len(transfer.arms) > 1 and len(transfer.designs) > 1:
        yield _matrix_section(transfer)


def suite_tables(transfer: Transfer) -> Iterator[Table]:
    """One for each suite with a published average that the recipe has arms and tasks for."""
    if transfer.baseline is not None and transfer.arms:
        yield from (suite_table(transfer, suite) for suite in transfer.suites)


def suite_table(transfer: Transfer, suite: Suite) -> Table:
    """The three means, then each task, by intermediate arm: level, and difference to the baseline."""
    arms = [name for name in (transfer.baseline, *transfer.arms) if name is not None]
    means = [mean for mean in suites.means(suite, transfer.designs) if mean.tasks]
    rows = [(mean.name, mean.tasks, "mean") for mean in means]
    rows += [(task, (task,), "") for task in suite.tasks if task in transfer.designs]
    return Table(
        caption=f"{suite.average}, {_english(suite)}, zero-shot: points, and the difference to {transfer.baseline} "
        "\u00b1 half of its 95% interval.",
        heads=((Head(text="", number=False), *(Head(text=arm) for arm in arms)),),
        rows=tuple(
            Row(
                entries=(Entry(text=title, kind="head"), *(_level_entry(transfer, tasks, arm) for arm in arms)),
                kind="mean" if kind else "",
            )
            for title, tasks, kind in rows
        ),
        notes=_suite_notes(transfer, suite),
    )


def _english(suite: Suite) -> str:
    return "English included" if suite.english_in_average else "without English"


def best_table(transfer: Transfer) -> Table:
    """For each trained target: the baseline, the arm that development data choose, and their difference."""
    trained = [name for name, design in transfer.designs.items() if not design.retrieval]
    rows = [(task, (task,)) for task in trained]
    for suite in transfer.suites:
        _, mean, _ = suites.means(suite, transfer.designs)
        rows += [(mean.name, mean.tasks)] if len(mean.tasks) > 1 else []
    baseline = str(transfer.baseline)
    heads = (baseline, "chosen arm", "difference", "95% interval")
    left_out = [name for name, design in transfer.designs.items() if design.retrieval]
    return Table(
        caption="The best intermediate arm for each target: chosen for each seed by the score on development data of "
        "the source language, then scored in every language.",
        heads=(
            (
                Head(text="target", number=False),
                *(Head(text=text) for text in heads),
                Head(text="chosen", number=False),
            ),
        ),
        rows=tuple(_best_row(transfer, title, tasks, baseline) for title, tasks in rows),
        notes=("Nothing is trained for " + ", ".join(left_out) + ", so no such score can choose: left out.",)
        if left_out
        else (),
    )


def matrix_figure(transfer: Transfer) -> Figure:
    """Differences to the baseline by intermediate arm and target."""
    cells = [
        {"language": arm, "arm": task, **_coloured(f"{arm}, {task}", transfer.effect((task,), arm))}
        for arm in transfer.arms
        for task in transfer.designs
    ]
    svg = plots.heat_map(cells, tuple(transfer.designs), transfer.arms)
    caption = f"Difference to {transfer.baseline} in points, zero-shot; orange is worse, purple is better."
    return Figure(caption=caption, panels=(Panel(svg=Markup(svg)),))


def matrix_table(transfer: Transfer) -> Table:
    """The same with intervals, and the arm that development data choose."""
    rows = [(arm, arm) for arm in transfer.arms] + [(CHOSEN, BEST)]
    return Table(
        caption=f"Difference to {transfer.baseline} in points, zero-shot, with 95% intervals.",
        heads=((Head(text="intermediate", number=False), *(Head(text=task) for task in transfer.designs)),),
        rows=tuple(
            Row(
                entries=(
                    Entry(text=title, kind="head"),
                    *(_effect_entry(transfer.effect((task,), arm)) for task in transfer.designs),
                ),
                kind="mean" if arm == BEST else "",
            )
            for title, arm in rows
        ),
        notes=(
            "Each interval stands alone: none is corrected for how many there are. "
            + " ".join(
                f"{task}: over {count(len(transfer.languages(task)), 'language')}." for task in transfer.designs
            ),
        ),
    )


def _matrix_section(transfer: Transfer) -> Section:
    parts: list[Part] = [matrix_figure(transfer), matrix_table(transfer)]
    if any(not design.retrieval for design in transfer.designs.values()):
        parts.append(best_table(transfer))
    lead = "What each intermediate arm changes on each target, before any shots."
    return Section(anchor="transfer", title="Transfer matrix", lead=(lead,), parts=tuple(parts))


def _suite_notes(transfer: Transfer, suite: Suite) -> tuple[str, ...]:
    """What the means lack: tasks, languages, official data."""
    absent = [task for task in suite.tasks if task not in transfer.designs]
    notes = [f"Absent: {', '.join(absent)}."] if absent else []
    for task in suite.tasks:
        if task in transfer.designs and (fewer := _fewer_languages(transfer, suite, task)):
            notes.append(fewer)
        if task in transfer.recipe.partition:
            notes.append(f"{task}: splits made anew, so its scores are not the official ones.")
    if tuned := transfer.recipe.development_languages:
        notes.append(f"Settings were tuned on {', '.join(map(language_name, tuned))}: in no mean.")
    return (" ".join(notes),) if notes else ()


def _fewer_languages(transfer: Transfer, suite: Suite, task: str) -> str:
    design = transfer.designs[task]
    without_source = design.retrieval or not suite.english_in_average
    whole = len([x for x in design.task.languages if not (without_source and x == design.source)])
    used = len(transfer.languages(task))
    return f"{task}: {used} of {whole} languages." if used < whole else ""


def _level_entry(transfer: Transfer, tasks: Sequence[str], arm: str) -> Entry:
    level = transfer.level(tasks, arm)
    if isinstance(level, str):
        return _none(level)
    effect = transfer.effect(tasks, arm) if arm != transfer.baseline else level
    half = ABSENT if isinstance(effect, str) else points((effect.high - effect.low) / 2)
    note = (
        f"\u00b1{half}"
        if isinstance(effect, str) or arm == transfer.baseline
        else f"{signed(effect.value)} \u00b1{half}"
    )
    return Entry(text=points(level.value), note=note, kind="number")


def _effect_entry(effect: Result) -> Entry:
    if isinstance(effect, str):
        return _none(effect)
    return Entry(text=signed(effect.value), note=f"({interval(effect)})", kind="number")


def _none(why: str) -> Entry:
    """What is missing is said; what the recipe does not ask for, or nothing can give, is a dash."""
    missing = why.endswith("missing")
    return Entry(text="missing" if missing else ABSENT, hint=why, kind="missing" if missing else "absent")


def interval(effect: Result) -> str:
    return ABSENT if isinstance(effect, str) else f"{signed(effect.low)} to {signed(effect.high)}"


def _best_row(transfer: Transfer, title: str, tasks: tuple[str, ...], baseline: str) -> Row:
    effect = transfer.effect(tasks, BEST)
    levels = [transfer.level(tasks, arm) for arm in (baseline, BEST)]
    shown = (
        _none(level) if isinstance(level, str) else Entry(text=points(level.value), kind="number") for level in levels
    )
    entries = (
        Entry(text=title, kind="head"),
        *shown,
        _none(effect) if isinstance(effect, str) else Entry(text=signed(effect.value), kind="number"),
        Entry(text=interval(effect), kind="absent" if isinstance(effect, str) else "number"),
        Entry(text=_chosen(transfer.choice(tasks[0])) if len(tasks) == 1 else ""),
    )
    return Row(entries=entries, kind="mean" if len(tasks) > 1 else "")


def _chosen(choice: Choice | str) -> str:
    """Such as "squad 3, mnli 2", or why nothing was chosen."""
    if isinstance(choice, str):
        return choice
    return ", ".join(f"{arm} {times}" for arm, times in choice.counts.items())


def _coloured(where: str, effect: Result) -> dict[str, object]:
    if isinstance(effect, str):
        return {
            "value": None,
            "text": ABSENT if not effect.endswith("missing") else "missing",
            "label": f"{where}: {effect}",
        }
    label = f"{where}: {signed(effect.value)} points ({interval(effect)})"
    return {"value": 100 * effect.value, "text": signed(effect.value), "label": label}
