"""The trivial baseline: predictions from the labels of the training data, scored like those of a model."""

from xstilts.data.leakage import check_disjoint
from xstilts.data.load import check_labels
from xstilts.planning.specs import MajorityStage
from xstilts.stages.job_context import JobContext
from xstilts.stages.lineage import check_lineage, count_items_trained_on
from xstilts.stages.scoring import write_scores
from xstilts.stages.shots import draw_shots, pool_sizes, with_new_labels, write_shots
from xstilts.stages.training import scored_items
from xstilts.store.facts import LeakFacts, MajorityFacts
from xstilts.store.store import Draft


def run(spec: MajorityStage, draft: Draft, context: JobContext) -> None:
    task = context.task(spec.evaluation.task)
    examples = context.examples(spec.evaluation, spec.split)
    check_labels(examples, task, spec.split)
    training = context.examples(spec.data, "train")
    # the pools contain scored items, which are never drawn; the shots are checked below
    reads = tuple(read for read in spec.splits_read if read.role == "train" and read.data not in spec.pools)
    history = (spec.encoder, task, spec.split, examples, reads)
    unchecked = check_lineage(context, *history)
    shots = draw_shots(spec, context, with_new_labels(context.labels(spec.data), spec)) if spec.shots else ()
    check_disjoint(shots, examples, task.name)
    predicted = task.spec.trivial_predictions([*training, *shots], examples)
    if shots:
        write_shots(draft.path, shots)
    pool, pool_scored = pool_sizes(spec, context)
    draft.facts = MajorityFacts(
        examples=len(training) + len(shots),
        shots=len(shots),
        scores=write_scores(draft.path, scored_items(task, examples, predicted), task),
        unusable=context.unusable_images(spec.evaluation, spec.split),
        rows_left_out=context.rows_left_out(spec.evaluation, spec.split),
        leaks=LeakFacts(
            unchecked=tuple(unchecked),
            images_shared={},
            items_trained_on=count_items_trained_on(context, *history),
            pool=pool,
            pool_scored=pool_scored,
        ),
    )
