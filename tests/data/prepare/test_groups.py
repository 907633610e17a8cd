"""What columns other than the targets are worth to a linear path."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.linear_path import Group, groups_from
from hiddenstate.data.prepare.pipeline import prepare

random = np.random.default_rng(0)
N = 280
LEAD = np.cumsum(random.normal(0, 0.9, N + 1))
PROMOTION = (random.random(N) < 0.3).astype(float)
NOISE = random.normal(size=N)


def groups_of(n_series: int = 1, **options: Any) -> dict[str, Group]:
    y = LEAD[:N] + 5 * PROMOTION + random.normal(0, 0.2, N)
    X = np.column_stack([y, LEAD[1:], PROMOTION, NOISE])
    X = np.stack([X * (1, 1, 1, 1) if k == 0 else X * (100, 100, 100, 1) for k in range(n_series)])
    data = SequenceDataset(
        "X", Rows(X, X[..., :1]), columns=("y", "lead", "promotion", "noise"), targets=("y",)
    )
    given = {"horizon": 1, "window": 12, "stride": 1, "output": "last", "stateful": False}
    given |= {"linear": True, "linear_inputs": True, "future": ("promotion",)}
    prepared = prepare(data, make_config("regress", {**given, **options}))
    assert prepared.transform.linear is not None
    groups = prepared.transform.linear.groups
    assert groups_from(prepared.facts()) == groups
    return {group.name: group for group in groups}


def test_each_group_has_the_error_with_and_without_it() -> None:
    groups = groups_of()
    assert list(groups) == ["promotion known ahead", "past of lead", "past of noise"]
    assert len({group.error for group in groups.values()}) == 1
    promotion, lead, noise = groups.values()
    assert promotion.error < 0.4  # in the unit of the target
    assert lead.without == pytest.approx(0.9 * np.sqrt(2 / np.pi), rel=0.3)
    assert promotion.without > 1
    assert noise.without == noise.error
    assert not lead.scaled


def test_errors_of_several_series_are_scaled() -> None:
    groups = groups_of(n_series=2)
    assert all(group.scaled for group in groups.values())
    assert groups["past of lead"].error < 0.3


def test_runs_without_the_option_have_no_groups() -> None:
    assert groups_of(linear_inputs=False) == {}


def test_damaged_groups_of_a_record_are_left_out() -> None:
    good = Group("past of x", 1.5, 2.0)
    facts: list[Any] = [good.facts(), {**good.facts(), "error": "1"}, {"name": "x"}, 3]
    assert groups_from({"groups": facts}) == (good,)
    assert groups_from({"groups": {}}) == groups_from({}) == ()
    assert replace(good, error=2.0).facts()["error"] == 2.0


def test_nothing_is_worth_anything_by_too_few_rows() -> None:
    assert groups_of(window=274) == {}
