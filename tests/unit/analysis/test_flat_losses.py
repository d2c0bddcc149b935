import pytest
from tests.facts import facts_for, training
from tests.unit.planning.world import TASKS, recipe

from xstilts.analysis.flat_losses import flat_loss_notices
from xstilts.config.recipe import Intermediate
from xstilts.planning.expand import expand
from xstilts.store.facts import TrainedFacts
from xstilts.store.store import Store

GRAPH = expand(
    recipe(
        intermediate={
            "none": Intermediate(),
            "facts": Intermediate(tasks=("facts",)),
            "shuffled": Intermediate(tasks=("facts",), shuffle_labels=True),
            "both": Intermediate(tasks=("facts", "tags")),
        },
        primary=None,
    ),
    TASKS,
    "1234",
)


@pytest.fixture
def told(tmp_path):
    def tell(**losses):
        """`losses` by the beginning of a stage's title, its last loss; all begin at 1."""
        store = Store(tmp_path)
        for spec in GRAPH.stages.values():
            with store.draft(spec) as draft:
                (draft.path / "rows").write_text("")
                last = next((loss for title, loss in losses.items() if spec.title.startswith(title)), 0.5)
                draft.facts = facts_for(spec)
                if isinstance(draft.facts, TrainedFacts):
                    trained = training(steps=losses.get("steps", 40), first_loss=1.0, last_loss=last)
                    draft.facts = facts_for(spec, training=trained)
        return flat_loss_notices(GRAPH.stages.values(), {key: store.manifest(key) for key in GRAPH.stages})

    return tell


def test_what_learnt_is_not_spoken_of(told):
    assert told() == ()
    assert told(target=0.97) == ()


def test_how_many_hardly_learnt_is_told_by_task(told):
    (line,) = told(**{"target topic (en), seed 0": 0.99, "intermediate facts, seed 1": 1.2})
    assert "less than 2%" in line
    assert "target topic (4 of 8)" in line and "intermediate facts (1 of 2)" in line


def test_controls_and_tasks_together_are_left_out(told):
    assert told(**{"intermediate facts (labels": 1.0, "intermediate facts+tags": 1.0}) == ()


def test_few_steps_tell_nothing(told):
    assert told(target=1.0, steps=19) == ()


def test_what_is_missing_tells_nothing():
    assert flat_loss_notices(GRAPH.stages.values(), dict.fromkeys(GRAPH.stages)) == ()
