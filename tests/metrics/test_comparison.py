"""A run beside the best of its baselines, and what its network adds."""

import pytest

from hiddenstate.metrics.comparison import compare, share_in_words

FORECAST = {
    "test_mse": 2830.149191,
    "baseline_mse": 13328.1,
    "seasonal_mse": 4789.6,
    "linear_mse": 2830.149263,
    "net_share": 0.0,
}


def test_a_forecast_is_compared_with_the_best_of_what_needs_no_network() -> None:
    against_season = FORECAST | {"test_mse": 4000.0, "linear_mse": 5000.0}
    compared = compare("regress", against_season, {"horizon": 1})
    assert compared is not None
    assert compared.in_words() == (
        "Without a network, repeating the value a season ago reaches 4790; the error of the "
        "network is 16.5 % lower."
    )
    against_path = compare("regress", FORECAST | {"test_mse": 4000.0}, {"horizon": 1})
    assert against_path is not None
    assert against_path.warning().startswith("worse than the linear path alone")


def test_a_network_that_adds_nothing_is_neither_better_nor_worse() -> None:
    compared = compare("regress", FORECAST, {"horizon": 1})
    assert compared is not None
    assert not compared.better
    assert not compared.worse
    assert compared.in_words() == (
        "Without a network, the linear path alone reaches 2830: the network is no better."
    )


@pytest.mark.parametrize(
    ("job", "results", "words"),
    [
        ("regress", FORECAST, "linear path alone 2830, the network adds nothing"),
        ("regress", {"net_share": 0.565}, "linear path alone, the network adds 56% of its output"),
        ("classify", {"net_share": 0.0}, "the network adds nothing to fixed convolutions"),
        ("classify", {"net_share": 0.75}, "the network adds 75% of the answer to fixed"),
        ("autoencode", {"test_mse": 1.0}, ""),
    ],
)
def test_what_the_network_adds_is_said(job: str, results: dict[str, float], words: str) -> None:
    said = share_in_words(job, results)
    assert said.startswith(words)
    assert bool(said) is bool(words)
