"""Scores of each target of a regression, in its own unit."""

import numpy as np
import pytest

from hiddenstate.data.rows import Computed
from hiddenstate.metrics.by_target import Compared, relative_gain, results_by_target
from hiddenstate.metrics.forecasts import scaled_error, seasonal_changes
from hiddenstate.metrics.intervals import Units, paired_difference, units_of
from hiddenstate.metrics.target_scores import is_of_target, smallest_error, target_scores

rng = np.random.default_rng(0)


def shops(sizes: tuple[float, ...]) -> Compared:
    """Answers of series of different size, each with errors of a tenth of its size."""
    n, S = 40, len(sizes)
    size, series = np.repeat(sizes, n)[:, None], np.repeat(np.arange(S), n)
    shape = np.tile(np.sin(np.arange(n)), S)[:, None]
    target = size * (2 + shape)
    outputs = target + 0.1 * size * np.tile(np.resize([1, -1], n), S)[:, None]
    last = target + 0.2 * size
    return Compared(outputs, target, series, {"last": last})


def test_scores_of_series_are_medians_so_that_a_large_one_does_not_decide() -> None:
    of = shops((100.0, 10_000.0, 1.0))
    results = results_by_target(of, {n: np.array([size]) for n, size in enumerate((50, 5000, 0.5))})
    assert results["target_series"] == 3
    assert results["target_1_mae"] == pytest.approx(10)
    assert results["target_1_rmse"] == pytest.approx(10)
    assert results["target_1_last_mae"] == pytest.approx(20)
    assert results["target_1_mase"] == pytest.approx(0.2)
    within = 1 - 0.01 / np.var(np.sin(np.arange(40)))
    assert results["target_1_r2"] == pytest.approx(within)


def test_the_lines_of_targets_have_their_own_units() -> None:
    truth = np.column_stack([1e6 * rng.normal(size=90), 1e-6 * rng.normal(size=90)])
    of = Compared(truth * 1.1, truth, np.zeros(90, int), {"mean": np.zeros_like(truth)})
    results = results_by_target(of, {})
    scores = target_scores(results, {"target": ["molar_mass (g/mol)", "leak_mol_s"]})
    assert [score.name for score in scores] == ["molar_mass", "leak_mol_s"]
    assert scores[0].in_words() == (
        f"molar_mass: ± {np.abs(truth[:, 0]).mean() / 10:,.0f} g/mol; the training mean: "
        f"± {np.abs(truth[:, 0]).mean():,.0f} g/mol; R2 {results['target_1_r2']:.3f}"
    )
    assert scores[1].value == f"± {np.abs(truth[:, 1]).mean() / 10:.3g} mol/s"
    assert [score.name for score in target_scores(results, {})] == ["y_1", "y_2"]


def test_a_panel_has_its_scaled_error_first() -> None:
    results = {
        **{"target_1_mae": 30.8, "target_1_mase": 0.566, "target_1_seasonal_mae": 50.3},
        **{"target_1_last_mae": 96.6, "target_1_r2": 0.913, "target_series": 5, "seasonal_days": 7},
    }
    (score,) = target_scores(results, {"target": ["sales_eur"]})
    assert score.short == "MASE 0.566, ± 30.8 EUR"
    assert score.rest == (
        "mean absolute error of sales_eur, medians of 5 series; a week ago: ± 50.3 EUR; "
        "MASE 0.566; R2 within series 0.913"
    )
    assert score.figures == (
        "MASE 0.566, ± 30.8 EUR; a week ago: ± 50.3 EUR; R2 within series 0.913 "
        "(medians of 5 series)"
    )


def test_series_in_which_a_target_is_constant_are_left_out_and_counted() -> None:
    of = shops((100.0, 10.0, 1.0, 1.0, 1.0))
    still = of.series >= 2
    of.target[still], of.outputs[still], np.asarray(of.others["last"])[still] = 5.0, 5.01, 5.0
    scales = {
        0: np.array([50.0]),
        1: np.array([5.0]),
        **dict.fromkeys((2, 3, 4), np.array([np.nan])),
    }
    results = results_by_target(of, scales)
    assert results["target_1_constant"] == 3
    assert results["target_1_mae"] == pytest.approx(5.5)
    assert results["target_1_mase"] == pytest.approx(0.2)
    (score,) = target_scores(results, {"target": ["faults"]})
    assert score.figures.startswith("MASE 0.2, ± 5.5; the last value: ± 11; R2 within series 0.98")
    assert score.figures.endswith(" (medians of 2 series; 3 constant ones left out)")
    assert (score.facts()["series"], score.facts()["constant"]) == (2, 3)
    half = results_by_target(shops((1.0, 2.0)), {}) | {"target_1_constant": 1}
    (score,) = target_scores(half, {"target": ["faults"]})
    assert score.figures.endswith(" (1 series; 1 constant one left out)")


@pytest.mark.parametrize("n", [1, 2])
def test_a_target_that_is_constant_everywhere_says_so(n: int) -> None:
    truth, series = np.full((20, 1), 5.0), np.arange(20) % n
    of = Compared(truth + 0.1, truth, series, {"last": truth})
    (score,) = target_scores(results_by_target(of, {}), {"target": ["valve"]})
    where = " (constant)" if n == 1 else " (constant in all 2 series)"
    assert score.in_words() == "valve: ± 0.1; the last value: ± 0" + where


def test_a_constant_target_leaves_the_others_their_scaled_errors() -> None:
    steps = np.arange(30.0)
    values = np.stack([steps % 3, np.zeros(30)], axis=1)[None]
    scales = seasonal_changes(values, np.zeros(1, int), None, np.zeros(1, int))
    assert scales[0][0] > 0
    assert np.isnan(scales[0][1])
    of = Compared(values[0] + 0.5, values[0], np.zeros(30, int), {})
    assert results_by_target(of, scales)["target_1_mase"] == pytest.approx(0.5 / scales[0][0])
    scaled = scaled_error(of.outputs, of.target, of.series, scales)
    assert scaled == pytest.approx(0.5 / scales[0][0])


def test_results_of_earlier_versions_have_no_lines() -> None:
    assert target_scores({"test_mse": 1.0, "baseline_mse": 2.0}, {"target": ["x"]}) == []
    assert [is_of_target(n) for n in ("target_1_mae", "target_series", "test_mse")] == [1, 1, 0]


def test_the_gain_counts_series_alike() -> None:
    of = shops((100.0, 10_000.0, 1.0))
    units = Units("rows", np.arange(len(of.series)), len(of.series))
    gain = relative_gain(of, of.others["last"], units)
    assert gain["relative_gain"] == pytest.approx(0.5)


def test_the_standard_error_of_independent_rows_is_that_of_the_mean() -> None:
    values = rng.normal(0.2, 1, 400)
    ends = paired_difference(values, np.ones(400), Units("rows", np.arange(400), 400))
    assert ends is not None
    error = values.std(ddof=1) / 20
    assert ends[0] == pytest.approx(values.mean() - 1.966 * error, abs=2e-4)
    assert sum(ends) / 2 == pytest.approx(values.mean())


def test_blocks_widen_the_interval_of_differences_that_follow_one_another() -> None:
    """An autoregressive series of 0.9 has a variance of the mean that is 19 times as large."""
    noise = rng.normal(size=4000)
    values = np.zeros(4000)
    for t in range(1, 4000):
        values[t] = 0.9 * values[t - 1] + noise[t]
    steps, zero = np.arange(4000), np.zeros(4000, int)
    rows = paired_difference(values, np.ones(4000), Units("rows", steps, 4000))
    blocks = paired_difference(values, np.ones(4000), units_of(zero, steps, 100))
    assert rows is not None
    assert blocks is not None
    assert 3 < (blocks[1] - blocks[0]) / (rows[1] - rows[0]) < 5.5


def test_fewer_than_five_units_have_no_interval() -> None:
    four = Units("series", np.arange(8) // 2, 4)
    assert paired_difference(np.arange(8.0), np.ones(8), four) is None


def test_a_target_without_errors_of_its_own_has_no_part_in_the_gain() -> None:
    """A constant target, whose simple errors are none or rounding, has no share of an error."""
    of = shops((100.0,))
    constant = np.full_like(of.target, 7.1, np.float32)
    both = Compared(
        np.hstack([of.outputs, constant + 0.5]), np.hstack([of.target, constant]), of.series, {}
    )
    other, units = of.others["last"], Units("rows", np.arange(40), 40)
    for error in (0.0, 4e-7):
        gain = relative_gain(both, np.hstack([other, constant + error]), units)
        assert gain == relative_gain(of, other, units)
        alone = Compared(constant + 0.5, constant, of.series, {})
        assert relative_gain(alone, constant + error, units) == {}
        assert "target_1_r2" not in results_by_target(alone, {})


def test_answers_are_scored_in_parts_to_the_bit_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, series = rng.normal(5, 2, (400, 3)), rng.integers(0, 4, 400)
    own, other = (truth + 0.1 * rng.normal(size=truth.shape) for _ in range(2))
    computed = Computed(lambda rows: other[rows], other.shape, 64)
    units, made = Units("rows", np.arange(400), 400), []
    for at_once, given in ((2**18, other), (30, other), (30, computed)):
        monkeypatch.setattr("hiddenstate.metrics.by_target.AT_ONCE", at_once)
        of = Compared(own, truth, series, {"last": given})
        made.append(results_by_target(of, {}) | relative_gain(of, given, units))
    assert made[0] == made[1] == made[2]


def test_no_gain_is_above_one() -> None:
    truth = rng.normal(size=(6, 1))
    other = truth + np.array([[0.0], [0], [0], [0], [0], [9]])
    gain = relative_gain(
        Compared(truth, truth, np.zeros(6, int), {}), other, Units("rows", np.arange(6), 6)
    )
    assert gain["relative_gain"] == pytest.approx(1)
    assert gain["relative_gain_high"] == 1


def test_a_constant_target_does_not_choose_the_best_simple_method() -> None:
    errors = {"target_1_mae": 1.3, "target_1_last_mae": 26.0, "target_1_seasonal_mae": 1.9}
    errors |= {f"target_2_{name}mae": 1.5e-9 for name in ("last_", "seasonal_")}
    for own in (0.0, 1.5e-9):
        assert smallest_error(errors | {"target_2_mae": own}, ["last", "seasonal"]) == "seasonal"
    zero = errors | {"target_2_mae": 0.0, "target_2_last_mae": 0.0, "target_2_seasonal_mae": 0.0}
    assert smallest_error(zero, ["last", "seasonal", "linear"]) == "seasonal"
    assert smallest_error(zero, ["mean"]) is None
    assert smallest_error({}, ["last"]) is None


def test_a_fit_far_below_zero_is_not_written_in_digits() -> None:
    results = {"target_1_mae": 49218.0, "target_1_r2": -6706662.1, "target_series": 2}
    (score,) = target_scores(results, {})
    assert score.fit == "R2 within series below -100"


def test_the_headline_of_a_forecast_says_how_far_ahead_it_is() -> None:
    results = {"target_1_mae": 2.0, "target_1_last_mae": 3.0}
    (score,) = target_scores(results, {"target": ["sold"], "horizon": 7})
    assert score.rest == "mean absolute error of sold, 7 steps ahead; the last value: ± 3"
