"""Quantiles of Student's distribution are those of the published tables."""

import pytest

from hiddenstate.metrics.student import normal_quantile, student_quantile


@pytest.mark.parametrize(
    ("level", "freedom", "expected"),
    [
        *[(0.8, 1, 3.0777), (0.95, 1, 12.7062), (0.95, 2, 4.3027), (0.95, 5, 2.5706)],
        *[(0.99, 10, 3.1693), (0.95, 29, 2.0452), (0.95, 30, 2.0423), (0.8, 120, 1.2886)],
    ],
)
def test_a_quantile_is_that_of_the_table(level: float, freedom: float, expected: float) -> None:
    assert student_quantile(level, freedom) == pytest.approx(expected, abs=1e-4)


def test_a_quantile_falls_with_the_degrees_of_freedom_to_the_normal_one() -> None:
    each = [student_quantile(0.95, v) for v in (1, 1.2, 2.5, 7, 29.99, 30, 1e9)]
    assert each == sorted(each, reverse=True)
    assert each[-1] == pytest.approx(normal_quantile(0.95))
