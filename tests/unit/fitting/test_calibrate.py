import numpy as np
import pytest
from scipy.special import softmax

from xstilts.fitting.calibrate import calibration_error, calibration_report, fit_temperature, least_probability


def drawn(rows: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `temperature` times too large, and labels drawn from the probabilities."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(rows, 3))
    labels = np.array([rng.choice(3, p=row) for row in softmax(logits, axis=1)])
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found(temperature):
    assert fit_temperature(*drawn(3000, temperature)) == pytest.approx(temperature, rel=0.1)


def test_few_rows_stay_near_the_prior():
    logits, labels = np.array([[3.0, 0.0], [0.0, 3.0]]), np.array([0, 1])
    assert fit_temperature(logits, labels, prior=2.0) == pytest.approx(2.0, rel=0.3)


def test_temperature_of_labels():
    logits, _ = drawn(3000, 1.0)
    rng = np.random.default_rng(1)
    gold = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(int)
    assert fit_temperature(2 * logits, gold) == pytest.approx(2.0, rel=0.1)


def test_calibration_error():
    p = np.array([0.5] * 8 + [0.9] * 8)
    right = np.array([1, 0] * 4 + [1] * 8)
    assert calibration_error(p, right) == pytest.approx(0.05)


def test_threshold_reaches_the_precision():
    p, right = np.linspace(0.3, 1, 100), (np.arange(100) >= 40).astype(float)
    threshold = least_probability(p, right, 0.9)
    assert threshold is not None
    assert right[p >= threshold].mean() >= 0.9
    assert right[p >= threshold - 0.05].mean() < 0.93
    assert least_probability(p, np.zeros(100), 0.9) is None


def test_report_has_a_point_at_the_threshold():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.3, 1, 200)
    report = calibration_report(p.tolist(), (rng.random(200) < p).tolist(), 1.0, 0.8)
    assert report.error_low <= report.error <= report.error_high
    assert report.least_probability in {point.threshold for point in report.abstention}
    assert sum(one.rows for one in report.bins) == 200
    assert report.abstention[0].coverage == 1.0
