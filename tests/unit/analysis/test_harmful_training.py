"""A trained arm that is below the frozen encoder is named."""

from pathlib import Path

import pytest
from tests.unit.report.fixture import make_experiment, toy_recipe

from xstilts.analysis.comparisons import comparisons
from xstilts.analysis.contrasts import compute_estimates
from xstilts.analysis.design import design_of
from xstilts.analysis.harmful_training import harmful_training
from xstilts.config.recipe import Target


@pytest.mark.parametrize(("frozen", "named"), [(True, 4), (False, 0)])
def test_each_arm_below_the_frozen_encoder_is_named(tmp_path: Path, frozen: bool, named: int) -> None:
    recipe = toy_recipe(frozen=frozen, targets={"toy-intent": Target()})
    experiment = make_experiment(tmp_path, recipe)
    cells = experiment.graph.cells
    designs = [design_of(recipe, cells, experiment.tasks["toy-intent"])]
    estimates = compute_estimates(designs, comparisons(recipe, designs), cells, experiment.store, resamples=100)
    assert len(estimates.contrasts_on("toy-intent", "training")) == named
    assert len(harmful_training(estimates)) == named
