"""A run beside the best of its baselines, and what its network adds."""

from collections.abc import Mapping
from typing import Any

import pytest

from hiddenstate.metrics.comparison import (
    Baseline,
    Scored,
    compare,
    drawn_baseline,
    equal_to_best,
    scored_alone,
    share_in_words,
)
from hiddenstate.metrics.glossary import written
from hiddenstate.metrics.intervals import interval_of
from hiddenstate.program.words import BESIDE, Words

FORECAST = {
    **{"test_mse": 2830.149191, "baseline_mse": 13328.1, "seasonal_mse": 4789.6},
    **{"linear_mse": 2830.149263, "net_share": 0.565},
}


def compared_to(job: str, results: Mapping[str, float], **options: Any) -> Baseline:
    """Return the comparison, which there is."""
    found = compare(job, results, options)
    assert found is not None
    return found


def test_a_forecast_is_compared_with_the_best_of_what_needs_no_network() -> None:
    against_season = FORECAST | {"test_mse": 4000.0, "linear_mse": 5000.0}
    compared = compared_to("regress", against_season, horizon=1)
    assert compared.in_words() == (
        "Without a network, repeating the value a season ago reached 4,790; the error of the "
        "network is 16.5 % lower."
    )
    against_path = compared_to("regress", FORECAST | {"test_mse": 4000.0}, horizon=1)
    assert against_path.warning().startswith("worse than the linear path alone")


def test_the_last_value_is_called_a_season_ago_where_it_is_the_same() -> None:
    week = FORECAST | {"seasonal_mse": FORECAST["baseline_mse"], "seasonal_days": 7.0}
    options = {"horizon": 7}
    assert drawn_baseline("regress", options, week) == "the value of a week ago"
    assert drawn_baseline("regress", options, FORECAST) == "the last value"
    assert drawn_baseline("regress", options, {}) == "the last value"
    while_it_trains = (options | {"season": (7,)}, {}, False)
    assert drawn_baseline("regress", *while_it_trains, 1.0) == "the value of a week ago"
    assert drawn_baseline("regress", *while_it_trains, 0.0) == "the value of 7 steps ago"
    assert drawn_baseline("regress", *while_it_trains, None) == "the last value"


def test_a_network_that_adds_nothing_is_neither_better_nor_worse() -> None:
    compared = compared_to("regress", FORECAST, horizon=1)
    assert not compared.better
    assert not compared.worse
    assert compared.in_words() == (
        "Without a network, the linear path alone reached 2,830: the network is no better."
    )


def test_a_path_that_answers_alone_is_compared_with_what_is_simpler() -> None:
    alone = FORECAST | {"net_share": 0.0}
    compared = compared_to("regress", alone, horizon=1)
    assert compared.other == 4789.6
    assert compared.in_words() == (
        "Repeating the value a season ago reached 4,790; the error of the linear path, which "
        "answers alone, is 40.9 % lower."
    )
    worse = compared_to("regress", alone | {"baseline_mse": 2000.0}, horizon=1)
    assert worse.who == "the linear path"
    assert worse.warning() == (
        "worse than the last value: test mean squared error 2,830, the last value 2,000"
    )
    by_chance = alone | {"baseline_mse": 2900.0, "gain_low": -90.0, "gain_high": 200.0}
    found = compared_to("regress", by_chance, horizon=1)
    assert found.in_words().startswith(
        "Repeating the last value reached 2,900: no clear difference, as the gain, -90 to 200"
    )


@pytest.mark.parametrize(
    ("job", "results", "words"),
    [
        ("regress", FORECAST, "linear path alone 2830, the network adds 56% of its output"),
        ("regress", FORECAST | {"net_share": 0.0}, "answered by the linear path alone"),
        (
            "regress",
            {"net_share": 0.565, "net_part": 0.1},
            "linear path alone, the network adds 56%",
        ),
        ("classify", {"net_share": 0.0}, "the network adds nothing to fixed convolutions"),
        ("classify", {"net_share": 0.75}, "the network adds 75% of the answer to fixed"),
        ("classify", {"net_share": 1.0}, ""),
        ("autoencode", {"test_mse": 1.0}, ""),
    ],
)
def test_what_the_network_adds_is_said(job: str, results: dict[str, float], words: str) -> None:
    said = share_in_words(job, results)
    assert said.startswith(words)
    assert bool(said) is bool(words)


def test_convolutions_that_answer_alone_are_no_baseline_of_themselves() -> None:
    scores = {"test_accuracy": 0.9, "baseline_accuracy": 0.5, "convolutions_accuracy": 0.9}
    alone, both, net = (
        compared_to("classify", scores | {"net_share": share}, convolutions=True)
        for share in (0.0, 0.25, 1.0)
    )
    assert alone.other == 0.5
    assert both.who == "the answer with the network"
    assert both.other == 0.9
    assert (net.who, net.other) == ("the network", 0.9)


FEW = {
    **{"test_accuracy": 0.58, "test_accuracy_low": 0.45, "test_accuracy_high": 0.71},
    **{"baseline_accuracy": 0.52, "interval_rows": 60},
}


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({}, "not clearly better or worse than always the most frequent class"),
        (
            {"gain_low": -0.08, "gain_high": 0.2},
            "not clearly better or worse than always the most frequent class",
        ),
        ({"gain_low": 0.01, "gain_high": 0.12}, ""),
        (
            {"test_accuracy": 0.5, "gain_low": -0.1, "gain_high": 0.06},
            "not clearly better or worse than always the",
        ),
        ({"test_accuracy": 0.3, "gain_low": -0.4, "gain_high": -0.06}, "worse than always the"),
    ],
)
def test_a_difference_within_the_interval_is_none(others: dict[str, float], words: str) -> None:
    compared = compared_to("classify", FEW | others)
    assert compared.verdict().startswith(words)
    assert compared.better is not bool(words)
    assert compared.worse is words.startswith("worse")
    within = "95 % interval of 60 rows" in compared.warning()
    assert within is words.startswith("not clearly")


def test_runs_whose_intervals_leave_their_order_open_are_equal() -> None:
    def scored(accuracy: float, reach: float = 0.1, question: str = "own.csv") -> Scored:
        ends = {f"test_accuracy_{n}": accuracy + s * reach for n, s in (("low", -1), ("high", 1))}
        return Scored(
            "classify", question, {"test_accuracy": accuracy, "interval_rows": 90, **ends}
        )

    assert equal_to_best([scored(0.7), scored(0.75), scored(0.5)]) == (1, [0])
    assert equal_to_best([scored(0.7), scored(0.9)]) == (1, [])
    assert equal_to_best([scored(0.7), scored(0.7, question="other.csv")]) is None
    of_05 = Scored("classify", "own.csv", {"test_accuracy": 0.71})
    assert equal_to_best([scored(0.7), of_05]) is None
    errors = {"test_mse": 1.0, "test_mse_low": 0.5, "test_mse_high": 1.5}
    fewer = {"test_mse": 0.9, "test_mse_low": 0.4, "test_mse_high": 1.4}
    runs = [Scored("regress", "own.csv", errors), Scored("regress", "own.csv", fewer)]
    assert equal_to_best(runs) == (1, [0])
    scaled = {"target_series": 5, "test_mase": 0.5, "test_mase_low": 0.4, "test_mase_high": 0.6}
    panels = [errors | scaled, fewer | scaled | {"test_mase": 0.8, "test_mase_low": 0.7}]
    assert equal_to_best([Scored("regress", "own.csv", each) for each in panels]) == (0, [])
    pooled = [each | {"target_1_mae": 1.0, "target_2_mae": 2.0} for each in (errors, fewer)]
    assert equal_to_best([Scored("regress", "own.csv", each) for each in pooled]) is None


@pytest.mark.parametrize(
    ("job", "words"), [(job, words) for job, every in BESIDE.items() for words in every]
)
def test_whatever_stands_beside_nets_is_a_baseline_that_is_defined(job: str, words: Words) -> None:
    score, plain, better = (5.0, 9.0, 2.0) if words.adds else (0.5, 0.1, 0.8)
    kind = "mse" if words.adds else "accuracy"
    results = {f"test_{kind}": score, f"baseline_{kind}": plain, words.result: better}
    compared = compared_to(job, results, horizon=1)
    assert compared.verdict() == f"worse than {words.method}"
    assert compared.other_entry.definition == words.definition
    assert words.title in compared.other_entry.title
    assert [found for found, _ in scored_alone(job, results)] == [words]


PANEL = {
    **{"test_mse": 110_486.6, "baseline_mse": 1_007_445.0, "seasonal_mse": 274_071.0},
    **{"target_series": 5, "target_1_mae": 30.8, "target_1_last_mae": 96.6},
    **{"target_1_seasonal_mae": 50.3, "seasonal_days": 7.0},
}


def test_a_difference_within_its_standard_error_is_a_tie() -> None:
    tie = PANEL | {"relative_gain": 0.02, "relative_gain_low": -0.01, "relative_gain_high": 0.05}
    compared = compared_to("regress", tie, horizon=1, target=["sales_eur"])
    assert (compared.tie, compared.better, compared.worse) == (True, False, False)
    assert compared.verdict() == "not clearly better or worse than the value of a week ago"
    assert compared.in_words() == (
        "Without a network, repeating the value of a week ago reached ± 50.3 EUR in the median of "
        "5 series: no clear difference, as the gain of 2.0 % in mean absolute error, 95 % interval "
        "-1.0 to 5.0 %, may be chance."
    )


def test_targets_of_unlike_units_are_compared_by_shares_alone() -> None:
    results = {
        **{"test_mse": 8e8, "baseline_mse": 3e10, "target_1_mae": 32_000.0, "target_2_mae": 1.6e-7},
        **{"target_1_mean_mae": 2e5, "target_2_mean_mae": 1.5e-7, "relative_gain": 0.4},
        **{"relative_gain_low": 0.3, "relative_gain_high": 0.5},
    }
    compared = compared_to("regress", results, horizon=None)
    assert compared.better
    assert compared.sizes == (0.6, 1.0)
    assert compared.in_words() == (
        "The baseline is predicting the training mean; the mean absolute error of the network is "
        "40.0 % lower, in the mean of 2 targets."
    )


BY_TARGET = {
    **{"test_mse": 9.0, "baseline_mse": 8.0, "target_1_mae": 2.0, "target_1_last_mae": 4.0},
    **{"target_1_seasonal_mae": 0.02, "seasonal_mse": 0.01, "seasonal_days": 7},
}


def test_an_error_many_times_as_large_is_no_percentage() -> None:
    ends = {"relative_gain_low": -1e6, "relative_gain_high": -40.0}
    found = compared_to("regress", BY_TARGET | {"relative_gain": -99.0} | ends, horizon=1)
    assert found.warning() == (
        "worse than the value of a week ago: a mean absolute error 100 times as large, "
        "95 % interval 41 to more than 1,000 times"
    )
    assert found.in_words().endswith(
        "; the mean absolute error of the network is 100 times as large."
    )


def test_quantiles_are_compared_with_the_best_simple_forecast_of_their_targets() -> None:
    pinball = {"test_pinball": 1.0, "baseline_pinball": 2.0, "relative_gain": -99.0}
    found = compared_to("regress", BY_TARGET | pinball, horizon=1, quantile=[0.1, 0.5])
    assert found.worse
    assert found.short == "the value of a week ago"
    mean = {"target_1_mae": 2.0, "target_1_mean_mae": 4.0, "test_pinball": 1.0}
    mean |= {"baseline_pinball": 2.0, "relative_gain": 0.5}
    one, two = (
        compared_to("regress", mean | others, horizon=0, quantile=[0.5])
        for others in ({}, {"target_2_mae": 1.0, "target_2_mean_mae": 2.0})
    )
    assert one.in_words() == (
        "Without a network, predicting the training quantiles reached 2; the error of the network "
        "is 50.0 % lower."
    )
    assert two.in_words().startswith("The baseline is predicting the training mean; the mean abs")


def test_the_interval_of_the_gain_names_no_units_of_other_scores() -> None:
    results = {"relative_gain": 0.2, "relative_gain_low": 0.1, "relative_gain_high": 0.3}
    interval = interval_of("relative_gain", {**results, "interval_blocks": 4, "interval_steps": 7})
    assert interval is not None
    assert interval.in_words(str) == "95 % interval 0.1 to 0.3"


def test_medians_that_speak_against_the_gain_are_left_out() -> None:
    """Two of three series are constant: the third decides the gain, but no median."""
    of_series = {"target_1_mae": 4.8e-5, "target_1_last_mae": 4.8e-8, "target_series": 3}
    of_series |= {"test_mse": 1.0, "baseline_mse": 100.0, "relative_gain": 0.946}
    found = compared_to("regress", of_series, horizon=1)
    assert found.in_words() == (
        "The baseline is repeating the last value; the mean absolute error of the network is "
        "94.6 % lower."
    )


def test_a_share_far_below_zero_is_not_written_in_digits() -> None:
    assert [written(x, "share") for x in (-1.5e8, -9.5, 0.5)] == [
        *("below -1,000 %", "-950.00 %", "50.00 %")
    ]
