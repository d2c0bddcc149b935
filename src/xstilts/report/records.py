"""Tables of values that stages recorded in addition to their scores."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import ABSENT, MISSING, arm_name
from xstilts.analysis.results import ArmName, selection_of
from xstilts.config.recipe import MAJORITY
from xstilts.planning.stage import Cell
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance
from xstilts.report.tables import language_entry, language_order
from xstilts.store.facts import ModelScoredFacts, TrainedFacts
from xstilts.store.model_facts import TrainingFacts
from xstilts.store.store import Manifest

Manifests = Mapping[str, Manifest | None]


def fewshot_training_table(cells: Sequence[Cell], manifests: Manifests, provenance: Provenance) -> Table:
    """For each few-shot arm: runs, changed weights, steps, and how the checkpoint was selected."""
    fewshot_cells = sorted((cell for cell in cells if cell.shots and cell.method != MAJORITY), key=_task_and_arm)
    heads = ("runs", "weights changed", "steps", "selected step")
    return Table(
        caption="Few-shot training by task and arm, over all languages, seeds and draws.",
        heads=(
            (
                Head(text="task", number=False),
                Head(text="arm", number=False),
                *(Head(text=text) for text in heads),
                Head(text="step selected on", number=False),
            ),
        ),
        rows=tuple(
            _fewshot_training_row(task_and_arm, tuple(group), manifests, provenance.link(*task_and_arm))
            for task_and_arm, group in groupby(fewshot_cells, key=_task_and_arm)
        ),
    )


def changed_entries(manifests: Sequence[Manifest]) -> tuple[Entry, Entry]:
    """The number of few-shot runs whose weights changed, and the selected steps."""
    trainings = _trainings(manifests)
    changed = sum(training.weights_changed for training in trainings)
    steps = _range([training.step_kept for training in trainings])
    return Entry(text=f"{changed} of {len(manifests)}", kind="number"), Entry(text=steps, kind="number")


def tokenizer_table(design: TaskDesign, cells: Sequence[Cell], manifests: Manifests, provenance: Provenance) -> Table:
    """Tokenizer statistics by language."""
    heads = ("unknown tokens", "tokens per word", "truncated texts")
    entries = _tokenizer_entries(design, cells, manifests, provenance)
    missing = (Entry(text=MISSING, kind="missing"),) * len(heads)
    rows = tuple(
        Row(entries=(language_entry(language), *entries.get(language, missing))) for language in language_order(design)
    )
    return Table(
        caption=f"{design.task.name}: tokenizer statistics of the scored texts.",
        heads=((Head(text="language", number=False), *(Head(text=text) for text in heads)),),
        rows=rows,
    )


def _selection_text(selection: str | None) -> str:
    match selection:
        case "oracle":
            return "development data of the target language (ORACLE: not available in a true few-shot setting)"
        case "english_dev":
            return "development data of the source language"
        case _:
            return "none (fixed number of steps)"


def _task_and_arm(cell: Cell) -> tuple[str, ArmName]:
    return cell.task, ArmName.of(cell)


def _fewshot_training_row(
    task_and_arm: tuple[str, ArmName], cells: Sequence[Cell], manifests: Manifests, href: str
) -> Row:
    task, arm = task_and_arm
    finished = [manifest for cell in cells if (manifest := manifests[cell.artifact]) is not None]
    changed, selected_step = changed_entries(finished)
    selections = {_selection_text(selection_of(manifest)) for manifest in finished}
    entries = (
        Entry(text=task, kind="head"),
        Entry(text=arm_name(arm)),
        Entry(text=f"{len(finished)} of {len(cells)}", kind="number", href=href),
        changed,
        Entry(text=_range([training.steps for training in _trainings(finished)]), kind="number"),
        selected_step,
        Entry(text="; ".join(sorted(selections))),
    )
    return Row(entries=entries)


def _trainings(manifests: Sequence[Manifest]) -> list[TrainingFacts]:
    return [manifest.facts.training for manifest in manifests if isinstance(manifest.facts, TrainedFacts)]


def _range(numbers: Sequence[int | None]) -> str:
    """The range of steps; None means that checkpoints were averaged."""
    values = sorted({number for number in numbers if number is not None})
    averaged = "averaged" if None in numbers else ""
    if not values:
        return averaged or ABSENT
    span = f"{values[0]}" if len(values) == 1 else f"{values[0]}\u2013{values[-1]}"
    return f"{span}, {averaged}" if averaged else span


def _tokenizer_entries(
    design: TaskDesign, cells: Sequence[Cell], manifests: Manifests, provenance: Provenance
) -> dict[str, tuple[Entry, ...]]:
    """By language, from any artifact in the store: all arms read the same texts with the same tokenizer."""
    entries: dict[str, tuple[Entry, ...]] = {}
    for cell in cells:
        manifest = manifests[cell.artifact]
        if (
            cell.task == design.task.name
            and cell.language not in entries
            and manifest
            and isinstance(manifest.facts, ModelScoredFacts)
        ):
            facts, href = manifest.facts.texts, provenance.artifact_link(cell.artifact)
            texts = (f"{facts.unknown_rate:.2%}", f"{facts.tokens_per_word:.2f}", f"{facts.truncated_rate:.1%}")
            entries[cell.language] = tuple(Entry(text=text, kind="number", href=href) for text in texts)
    return entries
