"""The steps of random transforms, forwards, backwards and in a stream."""

import ast
from pathlib import Path

import numpy as np
import pytest

import hiddenstate.program
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.program.order import check_complete, has_far_targets, prepared, step_of, undone
from hiddenstate.program.rows import Rows
from hiddenstate.program.steps import Fill, Forecast, Fractions, Logarithm, Unreadable

N, T = 5, 9


def random_transform(rng: np.random.Generator) -> Transform:
    """A transform of features a, b, c, d, of which targets and columns known ahead are some."""
    chance = rng.random
    n_targets, ahead = int(rng.integers(1, 3)), chance() < 0.4
    names, targets = ("a", "b", "c", "d"), ("c", "a")[:n_targets]
    width = 4 + ahead
    missing = str(rng.choice(["error", "mean", "forward", "mask"]))
    linear = by_window = None
    if chance() < 0.7:
        inputs = (1, 3)[: int(rng.integers(0, 3))]
        P, Q = rng.integers(1, 12, 2)
        linear = LinearPath(
            weights=rng.normal(size=(n_targets, P)) * (rng.random((n_targets, P)) < 0.6),
            bias=rng.normal(size=n_targets),
            log=tuple(bool(each) for each in rng.random(n_targets) < 0.4),
            effects=rng.normal(size=(n_targets, 1)) if ahead else None,
            inputs=inputs,
            input_weights=rng.normal(size=(n_targets, Q, len(inputs))) if inputs else None,
        )
        by_window = missing in ("error", "forward") and chance() < 0.5
    scaling = (rng.normal(size=width), rng.uniform(0.1, 3, width))
    level = 10.0 ** rng.integers(0, 5)
    return Transform(
        missing=missing,
        fill=None if missing == "error" else rng.normal(size=width),
        scaling=scaling if chance() < 0.6 else None,
        target_scaling=(level * rng.normal(size=n_targets), rng.uniform(0.1, 3, n_targets))
        if chance() < 0.7
        else None,
        change=(2, 0)[:n_targets] if linear is None and chance() < 0.5 else None,
        columns=names,
        targets=targets,
        reading={"window": int(rng.integers(0, 12)), "horizon": 3}
        | ({"future": ("d",)} if ahead else {}),
        linear=linear,
        by_window=bool(by_window),
    )


def random_rows(rng: np.random.Generator, t: Transform) -> tuple[np.ndarray, np.ndarray | None]:
    X = 5 + rng.normal(size=(N, T, 4 + len(t.known.ahead)))
    X[1, :, 2] = 4.0  # a flat window
    X[2] = np.abs(X[2]) + 10.0 ** rng.integers(0, 6)
    if t.linear is not None:
        X = np.abs(X) + 0.1
    if t.fill is not None:
        X[rng.random(X.shape) < 0.2] = np.nan
        X[3, 0] = np.inf
    if rng.random() < 0.5:
        return X, None
    lengths = rng.integers(1, T + 1, N)
    X[np.arange(T) >= lengths[:, None]] = 0
    return X, lengths


def same(a: np.ndarray, b: np.ndarray) -> None:
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_are_read_forwards_and_backwards(dtype: type) -> None:
    rng, rtol = np.random.default_rng(3), 1e-9 if dtype == np.float64 else 1e-2
    for _ in range(100):
        t = random_transform(rng)
        X, lengths = random_rows(rng, t)
        x = t.apply(X, lengths, dtype, "X")
        same(np.ascontiguousarray(prepared(t.steps, X, lengths).astype(x.dtype)), x)
        inside = np.isfinite(X) & (lengths is None or (np.arange(T) < lengths[:, None])[..., None])
        np.testing.assert_allclose(t.undo(x)[inside], X[inside], rtol)
        every = not t.by_window and bool(rng.random() < 0.5)
        y = rng.uniform(1, 9, (N, T, len(t.targets)) if every else (N, len(t.targets)))
        made = t.undo_targets(t.apply_targets(y, x, lengths, dtype), x, lengths)
        if every and lengths is not None:
            y[np.arange(T) >= lengths[:, None]] = made[np.arange(T) >= lengths[:, None]]
        np.testing.assert_allclose(made, y, rtol, 1e-2 if dtype == np.float32 else 1e-9)
        rows = Rows(x, lengths, every)
        undone(t.steps, made, rows)
        far = rows.spread is not None and bool(rows.spread.far.any())
        assert made.dtype == (np.float64 if far or has_far_targets(t.steps) else dtype)


def test_a_stream_carries_what_steps_read_of_earlier_ones() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        t = random_transform(rng)
        steps, (X, lengths) = t.steps, random_rows(rng, t)
        if t.by_window or t.linear is None or lengths is not None:
            continue
        kept = prepared(steps, X)
        y = rng.normal(size=(N, T, len(t.targets)))
        whole = undone(steps, y, Rows(kept, None, True))
        lags = np.full((N, step_of(steps, Forecast).n_lags, kept.shape[2]), np.nan)
        memory = {"last": np.full((N, X.shape[2]), np.nan), "lags": lags}
        cut = int(rng.integers(1, T))
        for part in (slice(0, cut), slice(cut, T)):
            x = prepared(steps, X[:, part], None, memory)
            same(x, np.ascontiguousarray(kept[:, part]))
            parts = undone(steps, y[:, part], Rows(x, None, True, memory))
            np.testing.assert_allclose(parts, whole[:, part], rtol=1e-12)


def test_a_value_that_cannot_be_read_is_located() -> None:
    X = np.ones((3, 2, 4))
    X[1, 1, 2] = -1
    with pytest.raises(Unreadable) as logarithm:
        prepared([Fractions(), Logarithm((0, 2), (True, True))], X)
    assert vars(logarithm.value) == {"reason": "logarithm", "row": 1, "position": (1, 2)}
    X[2, 1, 3] = np.nan
    with pytest.raises(Unreadable) as missing:
        check_complete([Fractions()], X)
    assert vars(missing.value) == {"reason": "missing", "row": 2, "position": (1, 3)}
    check_complete([Fractions()], X, np.array([2, 2, 1]))
    check_complete([Fill(np.zeros(4))], X)


def test_the_source_is_that_of_python_3_8() -> None:
    for path in Path(hiddenstate.program.__file__).parent.glob("*.py"):
        ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


def test_a_row_without_a_value_takes_none_from_after_its_end() -> None:
    fill = Fill(np.array([5.0]), forward=True, backward=(0,))
    x = np.array([np.nan, np.nan, 7.0, 8.0]).reshape(1, 4, 1)
    assert prepared((fill,), x, np.array([2]))[0, :2, 0].tolist() == [5, 5]
    assert prepared((fill,), x, np.array([3]))[0, :3, 0].tolist() == [7, 7, 7]
