"""Splits hold out the right rows, keep groups whole, and use no test target in training."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.pipeline import prepare, split_way
from hiddenstate.data.prepare.split import hold_out, split_series, split_signal
from hiddenstate.errors import DataError, OptionError

Array = np.ndarray[Any, Any]
NAN = np.nan
quick = settings(max_examples=80)
fractions = st.floats(0.05, 0.9)


def numbered(n: int, **facts: Any) -> Rows:
    """Rows whose X is their number."""
    return Rows(np.arange(n, dtype=float)[:, None, None], **facts)


def held(rows: Rows, fraction: float, way: str, seed: int = 0, purpose: str = "split") -> Array:
    """The numbers of the rows held out; every row is on one side, in its order."""
    kept, out = (
        part.X[:, 0, 0].astype(int) for part in hold_out(rows, fraction, way, seed, purpose, "here")
    )
    assert sorted([*kept, *out]) == list(range(len(rows)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(out) > 0).all()
    return np.asarray(out)


@given(st.lists(st.integers(0, 4), min_size=10, max_size=80), fractions)
@quick
def test_the_same_fraction_of_each_class_is_held_out_never_all(
    labels: list[int], share: float
) -> None:
    y = np.array(labels)
    counts = np.bincount(y)
    expected = np.minimum(np.round(share * counts), counts - (len(set(labels)) > 1)).clip(0)
    if expected.sum() in (0, len(y)) and len(set(labels)) == 1:
        with pytest.raises(DataError):
            hold_out(numbered(len(y), y=y), share, "stratified", 0, "split", "here")
        return
    out = held(numbered(len(y), y=y), share, "stratified")
    result = np.bincount(y[out], minlength=len(counts))
    if expected.any():
        np.testing.assert_array_equal(result, expected)
    else:  # one row of some classes, about the fraction of all rows
        assert result.max() == 1
        assert result.sum() == min(max(1, round(share * len(y))), (counts > 1).sum())


@given(st.lists(st.integers(0, 30), min_size=10, max_size=80), fractions)
@quick
def test_equal_rows_stay_on_one_side_of_a_distinct_split(values: list[int], share: float) -> None:
    assume(len(set(values)) > 2)
    X = np.array(values, float)[:, None, None] * np.ones((1, 3, 2))
    try:
        kept, out = hold_out(Rows(X), share, "distinct", 0, "split", "here")
    except DataError as error:
        assert "equal ones counted once" in str(error)  # noqa: PT017
        return
    assert len(kept) + len(out) == len(values)
    assert not {*kept.X[:, 0, 0]} & {*out.X[:, 0, 0]}


def test_series_of_other_lengths_are_not_equal() -> None:
    rows = Rows(np.zeros((20, 5, 1)), lengths=np.arange(20) % 4 + 2)
    kept, out = hold_out(rows, 0.5, "distinct", 0, "split", "here")
    assert kept.lengths is not None
    assert out.lengths is not None
    assert not {*kept.lengths} & {*out.lengths}


def test_many_classes_of_a_few_rows_still_give_test_rows() -> None:
    y = np.repeat(np.arange(30), 2)
    out = held(numbered(60, y=y), 0.2, "stratified")
    assert len(out) == 12 == len(set(y[out]))


@given(st.lists(st.integers(0, 6), min_size=6, max_size=60), fractions)
@quick
def test_groups_stay_whole_and_the_fraction_is_nearly_met(groups: list[int], share: float) -> None:
    names = np.array([f"g{g}" for g in groups])
    try:
        out = held(numbered(len(names), groups=names), share, "group")
    except DataError as error:
        assert "in one or two groups are too few" in str(error)  # noqa: PT017
        return
    kept = np.setdiff1d(np.arange(len(names)), out)
    assert not set(names[out]) & set(names[kept])
    # The fraction is missed by at most half the largest group, or by a whole group.
    largest = np.unique(names, return_counts=True)[1].max()
    assert abs(len(out) - share * len(names)) <= largest


def test_groups_of_one_row_meet_the_fraction() -> None:
    assert len(held(numbered(50, groups=np.arange(50)), 0.3, "group")) == 15


def test_time_holds_out_the_last_rows() -> None:
    assert held(numbered(10), 0.3, "time").tolist() == [7, 8, 9]


@given(st.lists(st.integers(0, 9), min_size=4, max_size=40), fractions)
@quick
def test_time_holds_out_the_latest_rows_and_keeps_rows_of_one_time_together(
    times: list[int], share: float
) -> None:
    clock, count = np.array(times), round(share * len(times))
    assume(0 < count < len(times))
    out = held(numbered(len(times), clock=clock), share, "time")
    if len(set(times)) == 1:  # their order is all there is
        assert out.tolist() == list(range(len(times) - count, len(times)))
        return
    kept = np.setdiff1d(np.arange(len(times)), out)
    assert clock[kept].max() < clock[out].min()
    sizes = [int((clock >= time).sum()) for time in set(times) - {min(times)}]
    assert abs(len(out) - count) == min(abs(size - count) for size in sizes)


@pytest.mark.parametrize("way", ["random", "stratified", "group"])
def test_the_split_depends_on_the_seed(way: str) -> None:
    rows = numbered(40, y=np.arange(40) % 2, groups=np.arange(40) // 2)
    first = [held(rows, 0.3, way, seed) for seed in range(6)]
    again = [held(rows, 0.3, way, seed) for seed in range(6)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({tuple(out) for out in first}) == 6
    other = held(rows, 0.3, way, 0, "valid")
    assert not np.array_equal(other, first[0])


@pytest.mark.parametrize(
    ("n", "share", "way", "message"),
    [
        (2, 0.2, "random", "2 rows are too few to hold some out for testing; use --test-fraction"),
        (1, 0.9, "random", "1 rows are too few"),
        (9, 0.5, "group", "9 rows in one or two groups are too few"),
    ],
)
def test_too_few_rows_are_refused_with_a_hint(n: int, share: float, way: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        hold_out(numbered(n, groups=np.zeros(n)), share, way, 0, "split", "here")
    with pytest.raises(DataError, match=r"for validation; use --valid-fraction 0$"):
        hold_out(numbered(n, groups=np.zeros(n)), share, way, 0, "valid", "here")


def test_auto_splits_by_groups_classes_or_time() -> None:
    config = make_config("classify")
    y = np.arange(4) // 2
    plain, grouped = numbered(4, y=y), numbered(4, y=y, groups=np.arange(4))
    assert split_way(plain, config) == "stratified"
    assert split_way(grouped, config) == "group"
    assert split_way(numbered(4), config) == "random"
    assert split_way(grouped, make_config("classify", {"split": "time"})) == "time"
    assert split_way(plain, make_config("regress")) == "random"
    with pytest.raises(OptionError, match="no groups; name their column with --group"):
        split_way(plain, make_config("classify", {"split": "group"}))


# --- the three parts of a dataset


@given(
    st.integers(20, 80),
    st.floats(0.1, 0.5),
    st.floats(0.1, 0.5),
    st.sampled_from(["stratified", "group", "time", "random"]),
    st.integers(0, 9),
)
@quick
def test_test_valid_and_training_rows_share_nothing(
    n: int, test: float, valid: float, way: str, seed: int
) -> None:
    rows = numbered(n, y=np.arange(n) % 2, groups=np.arange(n) // 3)
    options = {"split": way, "test_fraction": test, "valid_fraction": valid, "seed": seed}
    result = prepare(SequenceDataset("own", rows), make_config("classify", options))
    parts = [result.train, result.test, result.valid]
    assert None not in parts
    which = [part.X[:, 0, 0].astype(int).tolist() for part in parts if part is not None]
    assert sorted([*which[0], *which[1], *which[2]]) == list(range(n))
    if way == "time":  # training, then validation, then test
        assert max(which[0]) < min(which[2]) <= max(which[2]) < min(which[1])
    if way == "group":
        groups = [group for part in which for group in set(np.array(part) // 3)]
        assert len(groups) == len(set(groups))


def test_no_rows_are_held_out_if_the_data_has_test_rows() -> None:
    rows, test = numbered(10, y=np.arange(10) % 2), numbered(4, y=np.arange(4) % 2)
    result = prepare(SequenceDataset("own", rows, test), make_config("classify"))
    assert (len(result.train), len(result.X_test)) == (10, 4)
    options = {"test_fraction": 0.0}
    assert prepare(SequenceDataset("own", rows), make_config("classify", options)).test is None


# --- one long signal

signals = st.tuples(
    st.integers(20, 120),  # steps
    st.integers(1, 12),  # window
    st.none() | st.integers(1, 12),  # stride
    st.none() | st.integers(1, 9),  # horizon
    st.floats(0.1, 0.5),
    st.sampled_from([0.0, 0.2, 0.4]),
    st.sampled_from(["steps", "last"]),
)


@given(signals)
@settings(quick, max_examples=150)
def test_no_target_of_the_test_part_is_seen_in_training(signal: Any) -> None:
    """X and y are the time: training targets precede validation targets, and these test targets."""
    T, window, stride, horizon, share, valid, output = signal
    t = np.arange(float(T))
    options = {
        "window": window,
        "stride": stride,
        "horizon": horizon,
        "test_fraction": share,
        "valid_fraction": valid,
        "output": output,
        "stateful": False,
        "dtype": "float64",
    }
    data = SequenceDataset("own", Rows(t[None, :, None], t[None, :, None]))
    try:
        result = prepare(data, make_config("regress", options))
    except DataError:
        assume(False)
    assert result.test is not None
    h = horizon or 0
    learnt, tested = result.y, result.test.y
    assert tested is not None
    boundary = learnt.max() + 1
    if result.valid is not None:
        assert result.valid.y is not None
        assert boundary <= result.valid.y.min()
        assert result.valid.X.min() > result.X.max()
        boundary = result.valid.y.max() + 1
    asked = tested[np.isfinite(tested)]
    first = T - len(asked) if h == 0 else asked.min()
    assert asked.min() >= boundary
    # The test targets are the end of the signal, the fraction of it that was asked for.
    np.testing.assert_array_equal(asked, np.arange(first, T))
    assert len(asked) == round(share * T)
    # The steps before it are inputs only: the window that precedes the first of these targets.
    begin = result.test.X[0, 0, 0]
    assert begin == first - (window - 1) - h
    np.testing.assert_array_equal(result.test.X[0, :, 0], np.arange(begin, T - h))
    assert tested.shape == result.test.X.shape
    np.testing.assert_array_equal(
        tested[0, :, 0],
        np.where(np.arange(begin, T - h) + h >= first, np.arange(begin + h, T), np.nan),
    )


def test_with_stride_1_every_step_before_the_boundary_is_trained_on_and_none_after() -> None:
    t = np.arange(100.0)
    options = {
        "window": 10,
        "stride": 1,
        "horizon": 3,
        "test_fraction": 0.2,
        "stateful": False,
        "dtype": "float64",
    }
    data = SequenceDataset("own", Rows(t[None, :, None], t[None, :, None]))
    result = prepare(data, make_config("regress", options))
    assert set(result.y.ravel()) == set(range(3, 80))
    assert set(result.X.ravel()) == set(range(77))
    assert result.test is not None
    np.testing.assert_array_equal(result.test.X[0, :, 0], np.arange(68, 97))
    # The first three test targets are forecast from training steps, and only from those.
    np.testing.assert_array_equal(result.test.y[0, :, 0], [*[np.nan] * 9, *range(80, 100)])


def test_a_carried_state_has_no_gap_between_training_and_test() -> None:
    """Windows follow one another, and the test steps follow the last one that was trained on."""
    t = np.arange(100.0)
    options = {"window": 9, "horizon": 4, "test_fraction": 0.2, "dtype": "float64"}
    data = SequenceDataset("own", Rows(t[None, :, None], t[None, :, None]))
    result = prepare(data, make_config("regress", options))
    assert result.test is not None
    np.testing.assert_array_equal(result.X.ravel(), np.arange(72))
    np.testing.assert_array_equal(result.y.ravel(), np.arange(4, 76))
    np.testing.assert_array_equal(result.test.X.ravel(), np.arange(72, 90))
    np.testing.assert_array_equal(result.test.y.ravel(), np.arange(76, 94))


def test_runs_without_a_rule_keep_their_split() -> None:
    t = np.arange(100.0)
    options: dict[str, Any] = {"window": 9, "stride": 1, "horizon": 4, "dtype": "float64"}
    options |= {"test_fraction": 0.2, "stateful": False}
    data = SequenceDataset("own", Rows(t[None, :, None], t[None, :, None]), source="file")
    before = prepare(data, make_config("regress", options), split_rule=1)
    assert before.test is not None
    np.testing.assert_array_equal(before.test.X[0, :, 0], np.arange(72 - 8, 96))
    now = prepare(data, make_config("regress", options))
    assert now.test is not None
    np.testing.assert_array_equal(now.test.X[0, :, 0], np.arange(80 - 8 - 4, 96))
    assert before.facts().get("split_rule") is None
    assert now.facts()["split_rule"] == 2


@pytest.mark.parametrize("context", [0, 3])
def test_a_signal_is_split_at_a_multiple_of_the_window(context: int) -> None:
    t = np.arange(50.0)[None, :, None]
    rows = Rows(t, t, times=t[..., 0])
    first, rest = split_signal(rows, 0.25, 7, context, "here", unit=7)
    np.testing.assert_array_equal(first.X[0, :, 0], np.arange(35))
    np.testing.assert_array_equal(rest.X[0, :, 0], np.arange(35 - context, 50))
    np.testing.assert_array_equal(rest.times[0], np.arange(35 - context, 50))
    np.testing.assert_array_equal(rest.y[0, :, 0], [*[np.nan] * context, *range(35, 50)])
    assert np.isfinite(t).all()


def test_a_signal_too_short_to_split_is_refused_with_both_numbers() -> None:
    t = np.zeros((1, 12, 1))
    with pytest.raises(DataError, match=r"12 steps are too few to hold out a fraction of 0\.2"):
        split_signal(Rows(t, t), 0.2, 9, 0, "here")


def test_a_padded_series_is_split_at_its_own_length() -> None:
    t = np.arange(40.0)[None, :, None]
    rows = Rows(t, t, lengths=np.array([30]), weights=np.array([2.0]))
    first, rest = split_signal(rows, 0.25, 5, 0, "here", unit=5)
    np.testing.assert_array_equal(first.X[0, :, 0], np.arange(20))
    np.testing.assert_array_equal(rest.y[0, :, 0], np.arange(20, 30))
    assert first.lengths is None
    assert rest.lengths is None
    assert first.weights == 2


def test_one_of_several_series_is_held_out_whole() -> None:
    X = np.arange(8.0)[:, None, None] + np.zeros((8, 30, 1))
    options = {
        "stateful": False,
        "window": 5,
        "stride": 1,
        "test_fraction": 0.25,
        "dtype": "float64",
    }
    result = prepare(SequenceDataset("own", Rows(X, X)), make_config("regress", options))
    assert len(set(result.X_test.ravel())) == 2
    assert not set(result.X_test.ravel()) & set(result.X.ravel())
    assert np.isfinite(result.y_test).all()


# --- several series, split in time


@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=5),  # steps of each series
    st.integers(1, 8),  # window
    st.none() | st.integers(1, 4),  # horizon
    st.floats(0.1, 0.5),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from(["steps", "last"]),
)
@settings(quick, max_examples=150)
def test_the_end_of_each_series_is_held_out_and_not_seen_in_training(
    lengths: list[int], window: int, horizon: int | None, share: float, valid: float, output: str
) -> None:
    """X and y are 1000 times the series plus the time."""
    longest, h = max(lengths), horizon or 0
    t = 1000.0 * np.arange(len(lengths))[:, None] + np.arange(longest)
    t[np.arange(longest) >= np.array(lengths)[:, None]] = 0
    data = SequenceDataset(
        "own",
        Rows(t[..., None], t[..., None], lengths=np.array(lengths), ids=np.array(lengths)),
        source="file",
    )
    options: dict[str, Any] = {"window": window, "stride": 1, "horizon": horizon, "output": output}
    options |= {"test_fraction": share, "valid_fraction": valid, "stateful": False}
    try:
        result = prepare(data, make_config("regress", {**options, "split": "time"}))
    except DataError:
        assume(False)
    test = result.test
    assert test is not None
    assert test.y is not None
    asked = [value for value in test.y.ravel() if np.isfinite(value) and value]
    for number, n in enumerate(lengths):
        own = [int(value % 1000) for value in asked if value // 1000 == number]
        border = max(1, n - round(share * n))
        assert own == list(range(max(border, h), n)) or not own  # too short for a window
        seen = [part.ravel() for part in (result.X, result.y) if part is not None]
        if result.valid is not None:
            assert result.valid.y is not None
            later = [value % 1000 for value in result.valid.y.ravel() if value // 1000 == number]
            assert not later or max(later) < border
            before = [v % 1000 for part in seen for v in part if v // 1000 == number]
            assert not later or not before or max(before) < min(later)
            seen += [result.valid.X.ravel()]
        for part in seen:
            assert all(value % 1000 < border for value in part if value // 1000 == number)
    # The context of the first step held out is the end of the part before it.
    lengths_ = test.lengths if test.lengths is not None else np.full(len(test), test.X.shape[1])
    for row, n in zip(test.X[..., 0], lengths_, strict=True):
        np.testing.assert_array_equal(np.diff(row[:n]), 1)


def test_series_too_short_to_be_split_stay_in_training() -> None:
    X = np.arange(6.0).reshape(2, 3, 1)
    rows = Rows(X, X, lengths=np.array([1, 3]), ids=np.array(["a", "b"]), origin=whole(2))
    kept, out = split_series(rows, 0.4, 1, "split", "here")
    assert kept.ids.tolist() == ["a", "b"]
    assert out.ids.tolist() == ["b"]
    np.testing.assert_array_equal(kept.X[..., 0], [[0, 0], [3, 4]])
    np.testing.assert_array_equal(out.X[..., 0], [[4, 5]])
    np.testing.assert_array_equal(out.y[..., 0], [[NAN, 5]])
    assert [out.origin.series, out.origin.first, out.origin.context] == [1, 1, 1]
    with pytest.raises(DataError, match=r"at most 3 steps are too short .*; use --test-fraction 0"):
        split_series(rows, 0.1, 0, "split", "here")


@pytest.mark.parametrize(
    ("train", "job", "words"),
    [
        (Rows(np.ones((9, 2))), "autoencode", "own: no times; the order of the rows is that of"),
        (Rows(np.ones((9, 2)), clock=np.ones(9)), "autoencode", "all rows start at the same time"),
        (Rows(np.ones((9, 2)), clock=np.arange(9)), "autoencode", None),
        (Rows(np.ones((2, 9, 1)), np.ones((2, 9, 1)), clock=np.ones(2)), "regress", None),
        (Rows(np.ones((1, 90, 1)), np.ones((1, 90, 1))), "regress", "own: no times; the order"),
    ],
)
def test_a_split_in_time_says_if_the_order_of_the_rows_is_that_of_time(
    train: Rows, job: str, words: str | None
) -> None:
    values: dict[str, Any] = {"split": "time", "test_fraction": 0.3}
    values |= {"stateful": False, "window": 2} if job == "regress" else {}
    remarks = prepare(SequenceDataset("own", train), make_config(job, values)).remarks
    assert words in remarks[0] if words else not remarks
    values["test_fraction"] = 0.0
    assert not prepare(SequenceDataset("own", train), make_config(job, values)).remarks


def test_many_classes_and_groups_are_split_at_once() -> None:
    """As many as there are rows: one comparison with each row would take far too long."""
    n = 60_000
    names = np.arange(n) // 2
    assert len(held(numbered(n, y=names), 0.5, "stratified")) == n // 2
    assert len(held(numbered(n, groups=names), 0.25, "group")) == n // 4


def labelled(**values: Any) -> Any:
    """40 numbered rows of two classes, prepared for `classify`."""
    rows = numbered(40, y=np.arange(40) % 2)
    dataset = SequenceDataset("rows", rows, classes=[0, 1])
    return prepare(dataset, make_config("classify", {"valid_fraction": 0.25, **values}))


def test_the_seed_of_the_split_decides_alone_if_it_is_set() -> None:
    first, other = labelled(seed=1, split_seed=5), labelled(seed=2, split_seed=5)
    for part in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(first, part).X, getattr(other, part).X)
    assert not np.array_equal(first.test.X, labelled(seed=1).test.X)
    np.testing.assert_array_equal(first.test.X, labelled(seed=5).test.X)


def test_test_rows_that_are_not_scored_are_held_out_and_gone() -> None:
    scored, unscored = labelled(), labelled(test_scores=False)
    assert unscored.test is None
    np.testing.assert_array_equal(unscored.train.X, scored.train.X)
    np.testing.assert_array_equal(unscored.valid.X, scored.valid.X)


def test_the_end_of_a_float32_signal_is_held_out_as_float32() -> None:
    X = np.arange(40, dtype=np.float32).reshape(1, 20, 2)
    _, held = split_signal(Rows(X, X), 0.5, 4, 3, "own")
    assert held.y is not None
    assert held.y.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(held.y[0, :, 0]), np.arange(13) < 3)
