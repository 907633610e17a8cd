"""What an exported Python file offers: a model that answers rows, series and steps.

The text of the file is that of the modules of `program/` and of this folder, and then the model.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from hiddenstate.export.facts import Facts
from hiddenstate.program.ahead import Ahead
from hiddenstate.program.cells import STATES
from hiddenstate.program.companions import FixedConvolutions
from hiddenstate.program.layers import (
    Beside,
    Convolution,
    Dense,
    Direction,
    Norm,
    Pool,
    Readout,
    Recurrent,
    run_layers,
    state_of,
)
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.rows import Array, Rows, carry_forward
from hiddenstate.program.steps import (
    Change,
    Fill,
    Forecast,
    Fractions,
    Logarithm,
    Mask,
    Quantiles,
    Scale,
    TargetScale,
    Unreadable,
    WindowScale,
)

PARTS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(Program, FixedConvolutions, Direction, Ahead),
        *(Beside, Convolution, Dense, Norm, Pool, Readout, Recurrent),
        *(Fractions, Quantiles, Logarithm, Fill, Scale, Mask, Forecast, WindowScale, TargetScale),
        Change,
    )
}
"""What a program consists of, by the name that it is stored under."""


def unpacked(value: Any) -> Any:
    """Return what :func:`hiddenstate.export.python.file.packed` packed: a program or its parts."""
    if isinstance(value, list):
        return tuple(unpacked(each) for each in value)
    if not isinstance(value, dict):
        return value
    if "base64" in value:
        flat = np.frombuffer(base64.b64decode(value["base64"]), value["dtype"])
        array = flat.reshape(value["shape"])
        kinds = {"f": np.int64 if "whole" in value else np.float64, "i": np.int64}
        return array.astype(kinds.get(array.dtype.kind, array.dtype))
    fields = {name: unpacked(each) for name, each in value.items() if name != "part"}
    return PARTS[value["part"]](**fields) if "part" in value else fields


def loaded(program: str, about: str) -> Model:
    """Return the model that two JSON texts describe."""
    return Model(unpacked(json.loads(program)), json.loads(about))


REASONS = {
    "missing": "values are missing, and the model was trained without any",
    "logarithm": "a value of 0 or less, but the model forecasts logarithms, as all training values "
    "are above 0; correct it",
}
"""Why a model does not read a value, in words."""


class Model:
    """A trained model.

    Attributes
    ----------
    program : Program
        What it computes.
    about : dict
        Names of classes, columns and targets, and where the model comes from.
    """

    def __init__(self, program: Program, about: Facts) -> None:
        self.program, self.about = program, about

    def predict(self, X: Array, lengths: Array | None = None) -> dict[str, Array]:
        """Return the answers for rows, each read from a state of zeros.

        Parameters
        ----------
        X : array (N, T, I), or (N, F) for an autoencoder
            As the data has them; of pixels numbers from 0 to 255.
        lengths : array (N,), optional
            Steps of each row; by default T.

        Returns
        -------
        dict of array
            A classifier: "probabilities" (N, C) and "class" (N,), the number of the most probable.
            A regressor: "y" (N, T, O), or (N, O). An autoencoder: "code" (N, Z), "reconstruction"
            (N, F), both in units of the data, and "error" (N,), the mean square of what the net
            sees.
        """
        X = self._checked(X)
        if lengths is not None:
            lengths = np.asarray(lengths)
            sound = lengths.dtype.kind in "iu" and lengths.shape == X.shape[:1]
            if not sound or lengths.min() < 1 or lengths.max() > X.shape[1]:
                raise ValueError(f"lengths: expected {len(X)} numbers from 1 to {X.shape[1]}")
        try:
            return self.program.predict(X, lengths)
        except Unreadable as error:
            raise ValueError(f"X: {REASONS[error.reason]}") from None

    def forecast(self, X: Array) -> dict[str, Array]:
        """Return forecasts of the next H steps after the end of series, H being the horizon.

        Parameters
        ----------
        X : array (N, T, I)
            Series as the data has them. Those known ahead are, at each step, the values H steps
            later.

        Returns
        -------
        dict of array
            "y" (N, H, O) and, where they could be calibrated, the ends of intervals, such as
            "lower_80": of forecasts of the held-out steps of the run, in the scale of each series.
        """
        try:
            return self.program.forecast(self._checked(X))
        except Unreadable as error:
            raise ValueError(f"X: {REASONS[error.reason]}") from None

    def _checked(self, X: Array) -> Array:
        X, n = np.asarray(X), self.program.n_features
        ndim = 2 if self.program.kind.has_codes else 3
        if X.ndim != ndim or X.shape[-1] != n or not X.size:
            steps = "" if ndim == 2 else "steps, "
            raise ValueError(f"X: expected (rows, {steps}{n}), got shape {X.shape}")
        return X

    def decode(self, code: Array) -> Array:
        """Return the rows (N, F), in the units of the data, that codes (N, Z) decode to."""
        return self.program.decode(np.asarray(code, np.float64))

    def stream(self, rows: int = 1) -> Stream:
        """Return a :class:`Stream` of parallel series."""
        return Stream(self, rows)

    def series(self, x: Array) -> tuple[Array, Array]:
        """Return the steps (n,) of one series x (T, I) that have an answer, and "y" (n, O)."""
        p, x = self.program, np.asarray(x)
        if not p.kind.has_targets:
            raise ValueError("series: only a regressor answers the steps of a series; use predict")
        fill = step_of(p.steps, Fill)
        if fill is not None and fill.forward:  # before it is cut into windows
            x = carry_forward(np.where(np.isfinite(x), x, np.nan)[None])[0]
        T, W, every = len(x), p.window, p.readout == "steps"
        if not W or (p.stateful and every):
            y = self.predict(x[None])["y"]
            return (np.arange(T), y[0]) if every else (np.array([T - 1]), y)
        if T < W:
            raise ValueError(f"the series has {T} steps, fewer than a window of {W}")
        if p.stateful:
            return self._carried(x, W)
        parts = []
        for first in range(0, T - W + 1, 1024):
            ends = np.arange(first + W, min(first + 1024 + W, T + 1))
            y = self.predict(x[ends[:, None] + np.arange(-W, 0)])["y"]
            parts += [y[0, :-1]] if every and first == 0 else []
            parts.append(y[:, -1] if every else y)
        return np.arange(0 if every else W - 1, T), np.concatenate(parts)

    def _carried(self, x: Array, W: int) -> tuple[Array, Array]:
        """Return steps and answers of consecutive windows, the state carried between them."""
        p, parts = self.program, []
        state = zeros = state_of(p.nets[0], 1)  # a mean begins anew in each window
        for first in range(0, len(x) // W * W, W):
            window = p.kept(self._checked(x[None, first : first + W]))
            y, _, after = run_layers(p.nets[0], window, None, state)
            state = {**zeros, **{name: after[name] for name in STATES if name in after}}
            parts.append(p.answers(y, Rows(window))["y"])
        return np.arange(W - 1, len(x) // W * W, W), np.concatenate(parts)


class Stream:
    """Reads parallel series step by step, and answers after every step.

    Attributes
    ----------
    state : dict of array
        All that is remembered. The first axis of an array are the series; of a cell's arrays, the
        layers.
    """

    def __init__(self, model: Model, rows: int = 1) -> None:
        self.model, self.rows = model, rows
        self.reset()

    def reset(self) -> None:
        """Begin new series."""
        self.state = self.model.program.state(self.rows)

    def step(self, x: Array) -> dict[str, Array]:
        """Read one step x (rows, I) of every series; return the answers after it.

        They are those of :meth:`Model.predict` if the series ended here.
        """
        if np.ndim(x) != 2 or len(x) != self.rows:
            raise ValueError(f"x: expected {self.rows} rows of a step, got shape {np.shape(x)}")
        X = self.model._checked(np.asarray(x)[:, None])
        try:
            answers, self.state = self.model.program.advance(X, self.state)
        except Unreadable as error:
            raise ValueError(f"X: {REASONS[error.reason]}") from None
        return {name: each[:, 0] for name, each in answers.items()}
