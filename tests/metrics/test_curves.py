"""Calibration, ROC and precision-recall are those of scikit-learn."""

import math

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from hiddenstate.metrics.curves import (
    BINS,
    POINTS,
    calibration,
    expected_calibration_error,
    one_against_rest,
)


def answers(n=400, n_classes=4, ties=False):
    """Return probabilities (n, n_classes) and class numbers (n,) that agree more than by chance."""
    random = np.random.default_rng(n + n_classes)
    y = random.integers(0, n_classes, n)
    outputs = random.normal(size=(n, n_classes)) + 1.5 * np.eye(n_classes)[y]
    probabilities = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    return (probabilities.round(1) if ties else probabilities), y


def test_calibration_is_that_of_scikit_learn():
    probabilities, y = answers()
    found = calibration(probabilities, y)
    top, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    accuracy, confidence = calibration_curve(correct, top, n_bins=BINS)
    used = found.rows > 0
    np.testing.assert_allclose(found.accuracy[used], accuracy)
    np.testing.assert_allclose(found.confidence[used], confidence)
    assert found.rows.sum() == len(y)
    error = (found.rows[used] * abs(accuracy - confidence)).sum() / len(y)
    assert expected_calibration_error(found) == pytest.approx(error)


def test_certain_answers_are_in_the_last_interval_and_too_certain_ones_in_error():
    found = calibration(
        np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.arange(4) % 2
    )
    assert found.rows.tolist() == [0] * 9 + [4]
    assert found.accuracy[-1] == 0.75
    assert expected_calibration_error(found) == 0.25
    assert math.isnan(expected_calibration_error(calibration(np.zeros((0, 2)), np.zeros(0))))


@pytest.mark.parametrize("ties", [False, True])
def test_curves_are_those_of_scikit_learn(ties):
    probabilities, y = answers(ties=ties)
    found, x = one_against_rest(probabilities, y), np.linspace(0, 1, POINTS)
    for number in range(4):
        is_class, score = y == number, probabilities[:, number]
        area = metrics.roc_auc_score(is_class, score)
        assert found.roc_area[number] == pytest.approx(area)
        average = metrics.average_precision_score(is_class, score)
        assert found.average_precision[number] == pytest.approx(average)
        fall_out, recall, _ = metrics.roc_curve(is_class, score, drop_intermediate=False)
        expected = [recall[fall_out <= place + 1e-9].max() for place in x]
        np.testing.assert_allclose(found.roc[number], expected)
        precision, recall, _ = metrics.precision_recall_curve(is_class, score)
        precision, recall = precision[:-1], recall[:-1]  # without its artificial end
        strictest = [np.flatnonzero(recall >= place - 1e-9)[-1] for place in x]
        np.testing.assert_allclose(found.precision[number], precision[strictest])


def test_a_class_of_all_or_no_rows_has_no_curve():
    found = one_against_rest(np.full((3, 2), 0.5), np.zeros(3, int))
    assert all(np.isnan(part).all() for part in found)


def test_rows_without_a_probability_do_not_count():
    probabilities = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8]])
    assert calibration(probabilities, np.array([0, 0, 1])).rows.sum() == 2
    assert np.isnan(one_against_rest(probabilities, np.array([0, 0, 1])).roc_area).all()
