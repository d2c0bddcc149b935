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
def notices(tmp_path):
    def compute(**losses):
        """`losses` are last losses by the beginning of a stage's title; all first losses are 1."""
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

    return compute


def test_falling_losses_give_no_notice(notices):
    assert notices() == ()
    assert notices(target=0.97) == ()


def test_flat_losses_are_counted_by_task(notices):
    (line,) = notices(**{"target topic (en), seed 0": 0.99, "intermediate facts, seed 1": 1.2})
    assert "less than 2%" in line
    assert "target topic (4 of 8)" in line and "intermediate facts (1 of 2)" in line


def test_controls_and_multi_task_runs_are_ignored(notices):
    assert notices(**{"intermediate facts (labels": 1.0, "intermediate facts+tags": 1.0}) == ()


def test_short_runs_are_ignored(notices):
    assert notices(target=1.0, steps=19) == ()


def test_missing_stages_are_ignored():
    assert flat_loss_notices(GRAPH.stages.values(), dict.fromkeys(GRAPH.stages)) == ()
