import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.methods.discriminant import language_offset, moments, solve, variance_within
from xstilts.methods.leave_one_out import LeaveOneGroupOut, Rows, losses

SHRINKAGES = (0.1, 0.6, 1.0)


def brute_force(english, shots, classes, weight, shrinkage, *, offset):
    """Refit without the group of each shot, with the head's own code."""
    variance = variance_within(moments(english.vectors, english.labels, classes))
    logits, scale = [], torch.ones(shots.vectors.shape[1], dtype=torch.float64)
    for row, group in enumerate(shots.groups):
        keep, kept = (
            torch.tensor([other != group for other in rows.groups], dtype=torch.bool) for rows in (shots, english)
        )
        source = moments(english.vectors[kept], english.labels[kept], classes)
        target, shift = moments(shots.vectors[keep], shots.labels[keep], classes), torch.zeros_like(scale)
        if offset:
            shift = language_offset(target, source, variance)
        total = source.plus(target.shifted(-shift).scaled(weight))
        if total.counts[shots.labels[row]] <= 0:
            logits.append(torch.full((classes,), torch.nan, dtype=torch.float64))
            continue
        head, bias = solve(total, shrinkage, scale=scale)
        logits.append(head @ (shots.vectors[row] - shift) + bias)
    return torch.stack(logits)


@st.composite
def problems(draw):
    """Shots and English rows whose groups overlap; a group may have several rows and classes."""
    width, classes = draw(st.integers(2, 7)), draw(st.integers(2, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))

    def sample(labels, shift):
        labels = torch.tensor(labels, dtype=torch.long)
        spread = torch.randn(len(labels), width, generator=generator, dtype=torch.float64)
        groups = [str(draw(st.integers(0, 9))) for _ in labels]
        return Rows(spread + labels[:, None] * 0.7 + shift, labels, groups)

    label = st.integers(0, classes - 1)
    shots = sample(draw(st.lists(label, min_size=2, max_size=9)), torch.randn(width, generator=generator))
    return classes, shots, sample(draw(st.lists(label, max_size=25)), 0.0)


@settings(max_examples=60)
@given(problems(), st.sampled_from([1.0, 3.0, 10.0]), st.booleans())
def test_left_out_logits_equal_refitting(problem, weight, offset):
    classes, shots, english = problem
    data = LeaveOneGroupOut(
        shots=shots,
        english=moments(english.vectors, english.labels, classes),
        english_rows=english,
        with_offset=offset,
    )
    for shrinkage, fast in zip(SHRINKAGES, data.logits(weight, SHRINKAGES), strict=True):
        slow = brute_force(english, shots, classes, weight, shrinkage, offset=offset)
        usable = ~slow.isnan().any(1)
        assert torch.equal(usable, ~fast.isnan().any(1))
        probable = slow[usable] > -1e20
        expected, actual = slow[usable].log_softmax(-1), fast[usable].log_softmax(-1)
        torch.testing.assert_close(actual[probable], expected[probable], rtol=1e-8, atol=1e-8)


def test_losses_are_those_of_the_best_scale():
    logits, labels = torch.tensor([[4.0, 0.0], [0.0, 4.0], [4.0, 0.0]]), torch.tensor([0, 1, 1])
    scaled = losses(logits, labels, [0.01, 0.17, 1.0])
    expected = torch.nn.functional.cross_entropy(logits * 0.17, labels, reduction="none")
    torch.testing.assert_close(scaled, expected)
