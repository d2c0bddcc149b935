import itertools

import pytest
import torch
from torch import nn

from xstilts.config.training import Train
from xstilts.errors import StageError
from xstilts.train.checkpoint import CheckpointSelector
from xstilts.train.fit import seed_of
from xstilts.train.loop import train
from xstilts.train.optim import decay_of_unused_weights, optimiser, rate_factor


def test_learning_rate_schedule():
    rates = [rate_factor(step, 100, 0.1) for step in range(101)]
    assert rates[0] > 0
    assert max(rates) == rates[10] == 1
    assert all(a < b for a, b in itertools.pairwise(rates[:11]))
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert rates[100] == 0


def test_decay_of_unused_weights_equals_adamw():
    settings = Train(learning_rate=0.01, weight_decay=0.5)
    idle, moved = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    adam, schedule = optimiser([idle, moved], [], settings, 20)
    for _ in range(20):
        (moved.sum() + 0 * idle.sum()).backward()
        adam.step()
        schedule.step()
        adam.zero_grad()
    assert torch.allclose(idle, torch.full((2, 2), decay_of_unused_weights(settings, 20)), atol=1e-6)


def test_optimiser_groups():
    frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)
    adam, _ = optimiser([frozen, nn.Parameter(torch.ones(3))], [nn.Parameter(torch.ones(2, 2))], Train(), 10)
    decays = {tuple(p.shape): group["weight_decay"] for group in adam.param_groups for p in group["params"]}
    assert decays == {(3,): 0.0, (2, 2): Train().weight_decay}


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return type("Output", (), {"loss": ((self.weight * x - 2 * x) ** 2).mean()})


def run(batches, steps=50):
    model = Line()
    adam, schedule = optimiser(model.parameters(), [], Train(learning_rate=0.2, warmup_ratio=0, weight_decay=0), steps)
    losses = [
        step.loss
        for step in train(
            ((model, [batch]) for batch in batches), adam, schedule, norm=1.0, precision="fp32", device="cpu"
        )
    ]
    return model, losses


def test_loop_yields_after_every_step():
    model, losses = run([{"x": torch.ones(4)}] * 50)
    assert len(losses) == 50
    assert losses[-1] < 0.01 * losses[0]
    assert model.weight.item() == pytest.approx(2, abs=0.2)


def test_non_finite_loss_raises():
    with pytest.raises(StageError, match="2"):
        run([{"x": torch.ones(1)}, {"x": torch.tensor([float("inf")])}])


def keep(strategy, scores, start=False):
    weight = nn.Parameter(torch.zeros(1))
    values = iter(scores)
    selector = CheckpointSelector({"w": weight}, 10, strategy, 5, lambda: next(values))
    if start:
        selector.consider_initial_weights()
    for step in range(1, 11):
        with torch.no_grad():
            weight.fill_(step)
        selector.after_step(step)
    selector.load_selected_weights()
    return weight.item(), selector


def test_checkpoint_strategies():
    assert keep("last", [])[0] == 10
    weight, selector = keep("best", [0.1, 0.5, 0.5, 0.2, 0.3])
    assert (weight, selector.selected_step) == (6, 6)
    assert [step for step, _ in selector.curve] == [2, 4, 6, 8, 10]
    assert keep("average", [])[0] == pytest.approx(6)


@pytest.mark.parametrize(
    ("scores", "patience", "steps"),
    [
        ([0.1, 0.5, 0.5, 0.2, 0.3], 2, 8),
        ([0.1, 0.5, 0.5, 0.6, 0.3], 2, 10),
        ([0.5, 0.4, 0.9, 0.9, 0.9], 1, 4),
        ([0.1, 0.2, 0.3, 0.4, 0.5], 1, 10),
        ([0.5, 0.1, 0.1, 0.1, 0.1], None, 10),
    ],
)
def test_patience_counts_evaluations_that_are_not_better(scores, patience, steps):
    values = iter(scores)
    selector = CheckpointSelector({}, 10, "best", 5, lambda: next(values), patience)
    taken = 0
    for taken in range(1, 11):
        selector.after_step(taken)
        if selector.has_stopped_improving:
            break
    assert taken == steps


def test_initial_weights_can_be_selected():
    for scores, best_step in (([0.5, 0.1, 0.5, 0.5, 0.2, 0.3], 0), ([0.4, 0.1, 0.5, 0.5, 0.2, 0.3], 6)):
        weight, selector = keep("best", scores, start=True)
        assert (weight, selector.selected_step) == (best_step, best_step)
        assert [step for step, _ in selector.curve] == [0, 2, 4, 6, 8, 10]
    assert keep("last", [], start=True)[0] == 10
    assert keep("average", [], start=True)[0] == pytest.approx(6)


def test_seed_of_a_purpose_is_stable_and_distinct():
    assert seed_of(0, "head", "intent") == seed_of(0, "head", "intent")
    assert len({seed_of(0, "head"), seed_of(1, "head"), seed_of(0, "target"), seed_of(0, "he", "ad")}) == 4
