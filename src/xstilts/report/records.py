"""Tables of what the stages recorded beside their scores."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from xstilts.analysis.design import TaskDesign
from xstilts.analysis.names import ABSENT, MISSING, arm_name
from xstilts.analysis.results import ArmName, selection_of
from xstilts.planning.stage import Cell
from xstilts.report.components import Entry, Head, Row, Table
from xstilts.report.provenance import Provenance
from xstilts.report.tables import language_entry, ordered
from xstilts.store.facts import ScoredFacts, TrainedFacts, TrainingFacts
from xstilts.store.store import Manifest

Manifests = Mapping[str, Manifest | None]


def fewshot_training_table(cells: Sequence[Cell], manifests: Manifests, provenance: Provenance) -> Table:
    """What few-shot training did in each arm: whether weights changed, how many steps, what selected the step kept."""
    adapted = sorted((cell for cell in cells if cell.shots), key=_task_and_arm)
    heads = ("runs", "weights changed", "steps", "step kept")
    return Table(
        caption="Few-shot training, by task and arm: over all languages, seeds and draws.",
        heads=(
            (
                Head(text="task", number=False),
                Head(text="arm", number=False),
                *(Head(text=text) for text in heads),
                Head(text="step chosen by", number=False),
            ),
        ),
        rows=tuple(
            _honest_row(place, tuple(group), manifests, provenance.link(*place))
            for place, group in groupby(adapted, key=_task_and_arm)
        ),
    )


def changed_entries(found: Sequence[Manifest]) -> tuple[Entry, Entry]:
    """In how many few-shot trainings weights changed, and which steps were kept."""
    trainings = _trainings(found)
    changed = sum(training.weights_changed for training in trainings)
    steps = _range([training.step_kept for training in trainings])
    return Entry(text=f"{changed} of {len(found)}", kind="number"), Entry(text=steps, kind="number")


def texts_table(design: TaskDesign, cells: Sequence[Cell], manifests: Manifests, provenance: Provenance) -> Table:
    """What the tokenizer makes of each language: it explains failures that no training mends."""
    heads = ("unknown tokens", "tokens per word", "texts cut off")
    found, gone = _text_entries(design, cells, manifests, provenance), (Entry(text=MISSING, kind="missing"),) * 3
    rows = tuple(Row(entries=(language_entry(language), *found.get(language, gone))) for language in ordered(design))
    return Table(
        caption=f"{design.task.name}: what the tokenizer makes of the scored texts.",
        heads=((Head(text="language", number=False), *(Head(text=text) for text in heads)),),
        rows=rows,
    )


def _chosen_by(selection: str | None) -> str:
    match selection:
        case "oracle":
            return "target-language development data: an ORACLE, out of reach where only the shots are labelled"
        case "english_dev":
            return "development data of the source language"
        case _:
            return "nothing: fixed steps"


def _task_and_arm(cell: Cell) -> tuple[str, ArmName]:
    return cell.task, ArmName.of(cell)


def _honest_row(place: tuple[str, ArmName], cells: Sequence[Cell], manifests: Manifests, href: str) -> Row:
    task, arm = place
    found = [manifest for cell in cells if (manifest := manifests[cell.artifact]) is not None]
    changed, kept = changed_entries(found)
    selections = {selection_of(manifest) for manifest in found}
    entries = (
        Entry(text=task, kind="head"),
        Entry(text=arm_name(arm)),
        Entry(text=f"{len(found)} of {len(cells)}", kind="number", href=href),
        changed,
        Entry(text=_range([training.steps for training in _trainings(found)]), kind="number"),
        kept,
        Entry(text="; ".join(sorted(map(_chosen_by, selections)))),
    )
    return Row(entries=entries)


def _trainings(manifests: Sequence[Manifest]) -> list[TrainingFacts]:
    return [manifest.facts.training for manifest in manifests if isinstance(manifest.facts, TrainedFacts)]


def _range(numbers: Sequence[int | None]) -> str:
    known = sorted({number for number in numbers if number is not None})
    averaged = "averaged" if None in numbers else ""
    if not known:
        return averaged or ABSENT
    span = f"{known[0]}" if len(known) == 1 else f"{known[0]}\u2013{known[-1]}"
    return f"{span}, {averaged}" if averaged else span


def _text_entries(
    design: TaskDesign, cells: Sequence[Cell], manifests: Manifests, provenance: Provenance
) -> dict[str, tuple[Entry, ...]]:
    """By language, of the first artifact that is there: all arms read the same texts with the same tokenizer."""
    found: dict[str, tuple[Entry, ...]] = {}
    for cell in cells:
        manifest = manifests[cell.artifact]
        if (
            cell.task == design.task.name
            and cell.language not in found
            and manifest
            and isinstance(manifest.facts, ScoredFacts)
        ):
            facts, href = manifest.facts.texts, provenance.artifact_link(cell.artifact)
            texts = (f"{facts.unknown_rate:.2%}", f"{facts.tokens_per_word:.2f}", f"{facts.truncated_rate:.1%}")
            found[cell.language] = tuple(Entry(text=text, kind="number", href=href) for text in texts)
    return found
