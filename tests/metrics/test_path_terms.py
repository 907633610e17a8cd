"""The terms of a linear path in words and numbers."""

from dataclasses import replace

import numpy as np

from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.metrics.path_terms import MOST_TERMS, path_terms

PATH = LinearPath(
    weights=np.array([[0.5, 0.0, -0.25, 0.125, 0.0625]]),
    bias=np.array([2.0]),
    log=(False,),
    season=None,
    effects=np.array([[12.1]]),
    inputs=(1,),
    input_weights=np.array([[[0.0], [0.93]]]),
)
TRANSFORM = Transform(
    columns=("sales", "lead", "promotion"),
    targets=("sales",),
    reading={"horizon": 2, "future": ("promotion",)},
    linear=PATH,
)


def test_the_largest_terms_are_named_by_column_and_lag() -> None:
    (terms,) = path_terms(TRANSFORM)
    assert terms.in_words() == (
        "0.5 x the last, -0.25 x 4 steps before, 0.125 x 5 steps before, 1 more with a sum of "
        "0.0625; lead: 0.93 x 3 steps before; known ahead: promotion +12.1"
    )


def test_of_logarithms_a_unit_adds_percents() -> None:
    effects = np.log([[1.28]])
    path = replace(PATH, log=(True,), effects=effects, input_weights=np.log([[[0.9]]]))
    (terms,) = path_terms(replace(TRANSFORM, linear=path))
    assert terms.in_words(1) == (
        "0.5 x the last, 3 more with a sum of -0.0625; lead, each unit: -10 % (the last); known "
        "ahead: "
        "promotion +28 %"
    )


def test_inputs_are_sorted_by_what_they_usually_add() -> None:
    scaling = np.zeros(4), np.array([1.0, 1 / 0.01, 1 / 100, 1.0])  # deviations 0.01 and 100
    path = replace(PATH, inputs=(1, 2), input_weights=np.array([[[5.0, 0.1]]]), effects=None)
    transform = replace(
        TRANSFORM, columns=("sales", "lead", "price", "promotion"), scaling=scaling, linear=path
    )
    (terms,) = path_terms(transform)
    assert [term.column for term in terms.of("input")] == ["price", "lead"]
    assert "; price: 0.1 x the last; lead: 5 x the last" in terms.in_words()


def test_json_has_a_bounded_number_of_terms() -> None:
    weights = np.linspace(1, 2, 100)[None, :]
    (terms,) = path_terms(replace(TRANSFORM, linear=replace(PATH, weights=weights)))
    facts = terms.facts()
    assert len(facts["past"]) == MOST_TERMS
    assert facts["past"][0] == {"column": "sales", "steps_before": 101, "weight": 2.0}
    assert facts["input"] == [{"column": "lead", "steps_before": 3, "weight": 0.93}]
    assert facts["ahead"] == [{"column": "promotion", "steps_before": 0, "weight": 12.1}]
    assert path_terms(replace(TRANSFORM, linear=None)) == ()


def test_a_column_at_the_time_that_is_forecast_is_known_ahead() -> None:
    # The features are sales, lead, promotion and promotion two steps later.
    weights = np.array([[[0.0, 5.0], [0.7, 0.0], [0.0, 0.4]]])
    path = replace(PATH, inputs=(2, 3), input_weights=weights, effects=None)
    (terms,) = path_terms(replace(TRANSFORM, linear=path))
    assert terms.in_words(1) == (
        "0.5 x the last, 3 more with a sum of -0.0625; promotion: 0.7 x 3 steps before; known "
        "ahead: promotion +5, 1 weight of earlier steps"
    )


def test_values_of_a_calendar_are_named_together_after_other_columns() -> None:
    columns = (
        *("sales", "weekday(Sat)", "weekday(Sun)", "weekday(Mon)", "sin(hour)", "cos(hour)", "p"),
    )
    path = replace(PATH, inputs=(), input_weights=None)
    path = replace(path, effects=np.array([[-9.0, 8.0, 0.5, 3.0, 4.0, 2.0]]))
    transform = replace(TRANSFORM, columns=columns, linear=path)
    transform = replace(transform, reading={"horizon": 2, "future": columns[1:]})
    (terms,) = path_terms(transform)
    words = terms.in_words(2).split("; known ahead: ")[1]
    assert words == "p +2, weekday (Sat -9, Sun +8, 1 more), hour up to +5"
