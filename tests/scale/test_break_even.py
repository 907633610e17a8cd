"""The arithmetic of data parallel training, in numbers worked out by hand."""

import pytest

from hiddenstate.scale import break_even
from hiddenstate.scale.break_even import (
    NETWORKS,
    measured_rate,
    rows_and_steps,
    seconds_of_update,
    summary,
)


def test_the_break_even_of_a_fast_host():
    # 0.8 / 0.2 x 2 x 4 bytes / (1.25e8 bytes/s) x 370e9 / 6
    assert rows_and_steps(370e9, NETWORKS["1 GbE"]) == 15_787
    assert rows_and_steps(370e9, NETWORKS["10 GbE"]) == 1_579
    assert rows_and_steps(370e9, NETWORKS["1 GbE"], n_hosts=2) == 7_893
    assert rows_and_steps(370e9, NETWORKS["1 GbE"], itemsize=8) == 31_573


def test_at_the_break_even_a_host_computes_80_percent_of_the_time():
    rate, bandwidth, weights = 50e9, 1.25e8, 10**6
    amount = rows_and_steps(rate, bandwidth, n_hosts=4)
    computing = 6 * weights * amount / rate
    whole = seconds_of_update(computing, 4 * weights, 4, bandwidth)
    assert computing / whole == pytest.approx(0.8, rel=1e-3)


def test_one_host_sends_nothing():
    assert seconds_of_update(0.5, 10**9, 1, 1.0) == 0.5


def test_the_line_names_the_rate_and_both_networks():
    assert summary(370e9) == (
        "80% efficient from 15,787 on 1 GbE or 1,579 on 10 GbE (rows x steps of a batch on each "
        "host, at the 370 GFLOP/s measured here)"
    )


def test_the_rate_is_measured_in_few_updates(monkeypatch):
    pytest.importorskip("torch")
    for name, value in (("HIDDEN", 4), ("ROWS", 2), ("UPDATES", 2)):
        monkeypatch.setattr(break_even, name, value)
    assert measured_rate() > 0
