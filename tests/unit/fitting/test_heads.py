import pytest
import torch
from sklearn.linear_model import LogisticRegression

from xstilts.fitting.heads import HeadArm, Prepared, _shots_weights, fit_head, head_arms, prepare
from xstilts.fitting.validate import english_held_out_logits, held_out_logits
from xstilts.methods.leave_one_out import Rows

LOGREG = HeadArm(name="l", description="", kind="logreg")
LDA = HeadArm(name="d", description="", kind="lda")


def rows(count: int, *, seed: int, shift: float = 0.0, classes: int = 3, prefix: str = "e") -> Rows:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    means = torch.randn(4, 8, generator=torch.Generator().manual_seed(9)) * 2
    vectors = means[labels] + torch.randn(count, 8, generator=generator) + shift
    return Rows(vectors, labels, [f"{prefix}{number}" for number in range(count)])


ENGLISH, SHOTS = rows(90, seed=0), rows(12, seed=1, shift=3.0, prefix="s")


@pytest.mark.parametrize("arm", [LOGREG, LDA])
def test_held_out_logits_are_those_of_a_refit(arm):
    prepared = prepare(arm, ENGLISH, SHOTS, 3)
    folds = [row % 4 for row in range(12)]
    logits = held_out_logits(arm, prepared, ENGLISH, SHOTS, folds, 3)
    for fold in range(4):
        left = [row for row in range(12) if row % 4 == fold]
        kept = [row for row in range(12) if row % 4 != fold]
        expected = fit_head(arm, prepared, ENGLISH, SHOTS.subset(kept), 3).logits(SHOTS.vectors[left])
        assert torch.allclose(logits[left], expected)


def test_english_rows_of_a_left_out_group_are_left_out_too():
    """A translation of each left-out row has another label in English; seeing it would decide the prediction."""
    shots = SHOTS._replace(groups=[f"e{number}" for number in range(12)])
    prepared = Prepared(penalty=1.0, start=None)
    folds = list(range(12))
    logits = held_out_logits(LOGREG, prepared, ENGLISH, shots, folds, 3)
    kept = [row for row in range(90) if row != 5]
    rest = [row for row in range(12) if row != 5]
    expected = fit_head(LOGREG, prepared, ENGLISH.subset(kept), shots.subset(rest), 3).logits(shots.vectors[[5]])
    assert torch.allclose(logits[[5]], expected, atol=1e-3)


def test_a_class_of_the_language_alone_is_learnt():
    new, fresh = (rows(count, seed=seed, shift=3.0, classes=4, prefix="s") for count, seed in ((16, 3), (200, 4)))
    head = fit_head(LOGREG, Prepared(penalty=10.0, start=None), ENGLISH, new, 4)
    found = head.logits(fresh.vectors).argmax(1)
    assert (found == fresh.labels)[fresh.labels == 3].float().mean() > 0.7


def test_rows_of_such_a_class_count_as_many_as_an_english_class():
    new = rows(16, seed=3, classes=4)
    weights = _shots_weights(3.0, ENGLISH, new, 4)
    assert weights[new.labels == 3].sum() == 30
    assert set(weights[new.labels != 3].tolist()) == {3.0}


def test_logistic_regression_is_that_of_scikit_learn():
    arm = HeadArm(name="own", description="", kind="logreg", uses_english=False)
    head = fit_head(arm, Prepared(penalty=1.0, start=None), None, ENGLISH, 3)
    scale = ENGLISH.vectors.std(0, correction=0)
    centred = ((ENGLISH.vectors - ENGLISH.vectors.mean(0)) / scale).double().numpy()
    model = LogisticRegression(C=1.0, max_iter=5000, tol=1e-8).fit(centred, ENGLISH.labels.numpy())
    ours = head.logits(ENGLISH.vectors).softmax(-1).numpy()
    assert abs(ours - model.predict_proba(centred)).max() < 1e-3


def test_balanced_heads_find_a_rare_class():
    labels = torch.tensor([0] * 60 + [1] * 6)
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(66, 4, generator=generator) + labels[:, None] * 0.8
    rare = Rows(vectors, labels, [str(row) for row in range(66)])
    plain, balanced = (
        fit_head(
            HeadArm(name="", description="", kind="logreg", balanced=flag),
            Prepared(penalty=1.0, start=None),
            rare,
            None,
            2,
        )
        for flag in (False, True)
    )
    recall = [(head.logits(vectors).argmax(1) == 1)[labels == 1].float().mean() for head in (plain, balanced)]
    assert recall[1] > recall[0]


def test_unlabelled_texts_move_the_head():
    arm = HeadArm(name="u", description="", kind="logreg", uses_unlabelled=True)
    texts = rows(300, seed=5, shift=3.0).vectors
    fresh = rows(300, seed=6, shift=3.0)
    prepared = prepare(arm, ENGLISH, None, 3)
    accuracy = [
        (fit_head(arm, prepared, ENGLISH, None, 3, unlabelled).logits(fresh.vectors).argmax(1) == fresh.labels)
        .float()
        .mean()
        for unlabelled in (None, texts)
    ]
    assert accuracy[1] > accuracy[0] + 0.02


def test_english_rows_are_held_out():
    prepared = prepare(LDA, ENGLISH, None, 3)
    logits, numbers = english_held_out_logits(LDA, prepared, ENGLISH, 3)
    assert numbers == list(range(90))
    assert not torch.isnan(logits).any()
    dev_logits, dev = english_held_out_logits(LDA, prepared, ENGLISH, 3, dev=[3, 7])
    kept = [row for row in range(90) if row not in (3, 7)]
    assert dev == [3, 7]
    assert torch.allclose(
        dev_logits, fit_head(LDA, prepared, ENGLISH.subset(kept), None, 3).logits(ENGLISH.vectors[dev])
    )


def test_arms_suit_the_rows():
    def names(problem="classification", *, english=True, shots=True, unlabelled=False):
        return [arm.name for arm in head_arms(problem, english=english, shots=shots, unlabelled=unlabelled)]

    everything = {"english": True, "shots": True, "unlabelled": True}
    assert all(arm.uses_english for arm in head_arms("classification", english=True, shots=False, unlabelled=False))
    assert "logistic regression, unlabelled texts" in names(unlabelled=True)
    assert names(english=False)
    assert names()[0] == "logistic regression, sub-words"
    assert not [arm for arm in head_arms("classification", **everything, subwords=False) if arm.uses_subwords]
    assert not [arm for arm in head_arms("classification", **everything | {"shots": False}) if arm.uses_subwords]
    assert names("multi-label") == ["labels", "labels, own rows only"]
