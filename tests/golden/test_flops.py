"""The operations and parameters on the encoders' cards, counted anew by torch on models without weights."""

import pytest
from bench.studies import flops

from xstilts.encoders import find_card


@pytest.mark.parametrize("name", ["e5-small", "xlm-roberta-large", "modernbert-base"])
def test_the_cards_hold_what_torch_counts(name: str):
    card, model = find_card(name), flops.build(*flops.CONFIGS[name])
    assert flops.fit({length: flops.count(model, length) for length in flops.LENGTHS}) == card.forward_flops
    assert sum(p.numel() for n, p in model.named_parameters() if not n.startswith("pooler.")) == card.parameters


def test_counts_that_are_no_such_polynomial_are_refused():
    assert flops.fit({1: 5, 2: 14, 3: 27}) == (3, 2)
    with pytest.raises(ValueError, match="are not first"):
        flops.fit({1: 5, 2: 14, 3: 28})
    with pytest.raises(ValueError, match="no whole coefficients"):
        flops.fit({1: 5, 3: 14})
