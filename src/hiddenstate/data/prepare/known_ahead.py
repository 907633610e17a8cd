"""Inputs that are known ahead, and those that do not change: which they are, and their values.

A column known ahead, such as a price or a holiday, is read twice: at its own time, and at the time
that is predicted, `horizon` steps later. The second features stand after all others, and do not
exist in the data: they are the first ones, moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.data.prepare.encoding import Encoding, spans
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, count, listed, printable
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class KnownAhead:
    """Which features of series are known ahead, or never change.

    Parameters
    ----------
    ahead, static : list of int
        The features of the columns that `--future` and `--static` name.
    names : tuple of str
        Names of all features as read, without those that are moved.
    horizon : int
        Steps from a window to its target.
    columns : tuple of str
        The columns that `--future` names.
    """

    ahead: list[int]
    static: list[int]
    names: tuple[str, ...]
    horizon: int
    columns: tuple[str, ...] = ()

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of all features that a net reads: `price`, `price +12`."""
        moved = (f"{self.names[k]} +{self.horizon}" for k in self.ahead)
        return (*self.names, *moved)

    def moved(self, X: Array, lengths: Array | None, after: Array | None = None) -> Array:
        """Return series with the values `horizon` steps later beside them, (N, T, I + K).

        Parameters
        ----------
        X : ndarray (N, T, I)
        lengths : ndarray (N,), optional
            Steps of each series.
        after : ndarray (N, horizon, K), optional
            Values after the last step of series of one length; by default they are NaN.
        """
        if not self.ahead:
            return X
        N, T = X.shape[:2]
        values = X[..., self.ahead]
        values = values if values.dtype.kind == "f" else values.astype(np.float64)
        ends = np.full(N, T) if lengths is None else lengths
        later = np.arange(T) + self.horizon
        moved = np.full(values.shape, np.nan, values.dtype)
        inside = later < T
        moved[:, inside] = values[:, later[inside]]
        moved[later >= ends[:, None]] = np.nan
        if after is not None:
            moved[:, ~inside] = after[:, : int((~inside).sum())]
        moved[np.arange(T) >= ends[:, None]] = 0
        return np.concatenate([X, moved], axis=-1)


def known_ahead(
    future: Sequence[str] | None,
    static: Sequence[str] | None,
    horizon: int | None,
    columns: Sequence[str] | None,
    encodings: Sequence[Encoding],
) -> KnownAhead:
    """Return the features of the columns that `--future` and `--static` name.

    Raises
    ------
    KeyError
        If a column is not among the inputs.
    """
    parts = {name: range(*part.indices(10**9)) for name, part in spans(columns or (), encodings)}
    ahead, fixed = (
        [feature for name in names or () for feature in parts[name]] for names in (future, static)
    )
    return KnownAhead(ahead, fixed, tuple(columns or ()), horizon or 0, tuple(future or ()))


def known_steps(rows: Rows, own: Sequence[int]) -> Array:
    """Return the steps (N,) of each series up to its last known value of a feature of `own`."""
    T = rows.X.shape[1]
    known = np.isfinite(rows.X[..., list(own)]).any(axis=-1) & (np.arange(T) < rows.ends[:, None])
    return np.asarray(np.where(known.any(axis=1), T - known[:, ::-1].argmax(axis=1), 0), np.int64)


def up_to(rows: Rows, lengths: Array) -> Rows:
    """Return the first steps of series, `lengths` (N,) of each; longer ones lose their end."""
    T = int(lengths.max(initial=0))
    after = np.arange(T) >= lengths[:, None]

    def cut(values: Any) -> Any:
        if values is None or values.ndim < 2:
            return values
        kept = values[:, :T].copy()
        kept[after] = 0
        return kept

    return replace(
        rows,
        X=cut(rows.X),
        y=cut(rows.y) if rows.y is not None and rows.y.ndim == 3 else rows.y,
        times=cut(rows.times),
        lengths=None if (lengths == T).all() else lengths,
    )


def without_ends(rows: Rows, own: Sequence[int], where: str) -> tuple[Rows, list[str]]:
    """Return training series without the steps after their last known target, and say so.

    Raises
    ------
    DataError
        If a series has no known target.
    """
    lengths = known_steps(rows, own)
    ends = rows.ends
    if (lengths == ends).all():
        return rows, []
    if not lengths.all():
        row = int(np.argmin(lengths))
        name = row if rows.ids is None else printable(rows.ids[row], 40)
        raise DataError(f"{where}: series {name} has no target at any step; leave it out")
    n = int((ends - lengths).sum())
    series = int((ends > lengths).sum())
    of = f" of {series} series" if len(rows) > 1 else ""
    return up_to(rows, lengths), [
        f"{where}: {count(n, 'step')} at the end{of} without a target: read by forecast alone"
    ]


def check_static(rows: Rows, known: KnownAhead, where: str) -> None:
    """Refuse static features that change within a series (`DataError`)."""
    if not known.static:
        return
    N, T = rows.X.shape[:2]
    values = rows.X[..., known.static]
    inside = np.ones((N, T), bool) if rows.lengths is None else np.arange(T) < rows.lengths[:, None]
    same = (values == values[:, :1]) | (np.isnan(values) & np.isnan(values[:, :1]))
    wrong = np.argwhere(~same & inside[..., None])
    if len(wrong):
        row, step, feature = wrong[0].tolist()
        name = row if rows.ids is None else printable(rows.ids[row], 40)
        column = known.names[known.static[feature]].partition("=")[0]  # of text: store=north
        raise DataError(
            f"{where}: {printable(column, 40)} changes in series "
            f"{name}, at step {step}, expected one value in each series (--static); name such "
            "columns with --input, or with --future if they are known ahead"
        )


def with_known_ahead(
    rows: Rows, known: KnownAhead, own: Sequence[int], where: str
) -> tuple[Rows, list[str]]:
    """Return new series with the values known ahead, without the steps that have none.

    A series ends where its targets do, or `horizon` steps before the end of what is known ahead.

    Raises
    ------
    DataError
        If no step is left.
    """
    ends = rows.ends
    targets = known_steps(rows, own)
    lengths = np.minimum(targets, np.maximum(ends - known.horizon, 0))
    kept = np.flatnonzero(lengths)
    ahead = f"values of {listed(known.columns, each=40)} {count(known.horizon, 'step')} ahead"
    if not len(kept):
        raise DataError(f"{where}: no step has {ahead}; add later rows, or use forecast")
    n = int((targets - lengths).sum())
    remarks = []
    if n:
        remarks.append(f"{where}: {count(n, 'step')} at the end without {ahead}: not predicted")
    moved = replace(rows, X=known.moved(rows.X, rows.lengths))
    return up_to(moved, lengths).take(kept), remarks
