"""A model as what it computes: steps that prepare rows, nets, companions, and the steps undone.

This is the meaning of a model, in numpy: exact in float64, and the text of the Python export. A
program has no names of torch and no options.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiddenstate.program.ahead import Ahead
from hiddenstate.program.companions import Companion, mean_probabilities
from hiddenstate.program.equations import softmax
from hiddenstate.program.jobs import JobKind, kind_of
from hiddenstate.program.layers import Dense, Layer, Readout, run_layers, state_of
from hiddenstate.program.order import check_complete, for_nets, prepared, restored, step_of, undone
from hiddenstate.program.rows import Array, Rows, carry_forward
from hiddenstate.program.steps import Fill, Forecast, Fractions, Mask, Step


@dataclass(frozen=True)
class Program:
    """A model.

    Rows pass the `steps` forwards, as far as they are not for nets only: that is how they are kept.
    The nets read kept rows after the other steps. Their mean is the output, of a classifier the
    mean of probabilities, which `companions` join. The answers of a classifier are probabilities;
    outputs of a regressor are undone by the steps backwards; an autoencoder's net gives codes,
    which `decoder` turns into reconstructed rows, restored by the steps.

    Parameters
    ----------
    job : str
        Name of a job.
    steps : tuple of Step
    nets : tuple of tuple of Layer
        Several if the model has members.
    companions : tuple of Companion
    decoder : tuple of Dense
        Of an autoencoder.
    n_steps : int
        Steps of the rows it was trained on; rows may have other numbers. 0 for an autoencoder.
    n_features, n_outputs : int
        Of the data: features of a step (I) or of a row; classes, targets, or features. The last
        `n_moved` features are others, known ahead, as they are at the time that is predicted.
    window : int
        Steps that a regressor reads for each answer; 0 if it reads whole series.
    stateful : bool
        Whether a regressor carries its state from window to window.
    horizon : int
        Steps from the last one that is read to the one that is answered.
    ahead : Ahead, optional
        Of a model that forecasts all steps up to the horizon.
    """

    job: str
    steps: tuple[Step, ...]
    nets: tuple[tuple[Layer, ...], ...]
    companions: tuple[Companion, ...] = ()
    decoder: tuple[Dense, ...] = ()
    n_steps: int = 0
    n_features: int = 1
    n_outputs: int = 1
    window: int = 0
    stateful: bool = False
    horizon: int = 0
    n_moved: int = 0
    ahead: Ahead | None = None

    @property
    def kind(self) -> JobKind:
        """What the job is."""
        return kind_of(self.job)

    @property
    def readout(self) -> str:
        """What the heads of the nets read: "last", "mean", or "steps"; "" of an autoencoder."""
        if self.kind.has_codes:
            return ""
        return next((each.kind for each in self.nets[0] if isinstance(each, Readout)), "steps")

    @property
    def width(self) -> int:
        """Features of kept rows, which the nets read."""
        return self.n_features * (1 if step_of(self.steps, Mask) is None else 2)

    @property
    def streams(self) -> bool:
        """Whether it can answer after every step, from a state."""
        whole = any(layer.whole_rows for net in self.nets for layer in net)
        whole = whole or any(step.net_only for step in self.steps) or bool(self.companions)
        return self.kind.has_series and len(self.nets) == 1 and not whole

    def kept(
        self, X: Array, lengths: Array | None = None, memory: dict[str, Array] | None = None
    ) -> Array:
        """Return rows X (N, T, I) or (N, F) as they are kept, float64; a `memory` is advanced.

        Raises
        ------
        Unreadable
            If a value is missing and nothing fills it in, or has no logarithm.
        """
        fractions = () if step_of(self.steps, Fractions) else (Fractions(),)
        check_complete(self.steps, X, lengths)
        return prepared((*fractions, *self.steps), X, lengths, memory)

    def outputs(self, x: Array, lengths: Array | None = None) -> Array:
        """Return the outputs (N, T, O) or (N, O) of nets and companions for kept rows."""
        read = for_nets(self.steps, x, lengths)
        nets = [run_layers(net, read, lengths)[0] for net in self.nets]
        if not self.kind.has_classes:
            return np.asarray(np.mean(nets, axis=0))
        y = nets[0] if len(nets) == 1 else mean_probabilities(nets)
        for companion in self.companions:
            y = companion.join(y, x, lengths)
        return y

    def predict(self, X: Array, lengths: Array | None = None) -> dict[str, Array]:
        """Return the answers for rows, each read from a state of zeros.

        Parameters
        ----------
        X : ndarray (N, T, I), or (N, F) for an autoencoder
            As the data has them; of pixels numbers from 0 to 255.
        lengths : ndarray (N,), optional
            Steps of each row; by default T.

        Returns
        -------
        dict of ndarray
            A classifier: "probabilities" (N, C) and "class" (N,), the number of the most probable.
            A regressor: "y" (N, T, O), or (N, O). An autoencoder: "code" (N, Z), "reconstruction"
            (N, F), both in units of the data, and "error" (N,), the mean square of what the net
            sees.
        """
        return self.predict_kept(self.kept(X, lengths), lengths)

    def predict_kept(self, x: Array, lengths: Array | None = None) -> dict[str, Array]:
        """Return the answers for kept rows, from whose float type nets compute."""
        y = self.outputs(x, lengths)
        if self.kind.has_series:
            return self.answers(y, Rows(x, lengths, y.ndim == 3))
        rows = run_layers(self.decoder, y)[0]
        error = ((rows - x) ** 2).mean(axis=1)
        return {"code": y, "reconstruction": restored(self.steps, rows), "error": error}

    def decode(self, code: Array) -> Array:
        """Return the rows (N, F), in the units of the data, that codes (N, Z) decode to."""
        return restored(self.steps, run_layers(self.decoder, code)[0])

    def answers(self, y: Array, rows: Rows) -> dict[str, Array]:
        """Return the answers that outputs of nets and companions become."""
        if self.kind.has_classes:
            p = softmax(y)
            return {"probabilities": p, "class": p.argmax(axis=-1)}
        for step in self.steps:
            y = step.from_net(y, rows)
        return {"y": undone(self.steps, y, rows)}

    @property
    def least(self) -> int:
        """Fewest steps of a series whose next steps are forecast; a linear path needs fewer."""
        path = step_of(self.steps, Forecast) is not None
        return self.horizon if path else self.window + self.horizon - 1

    def forecast(self, X: Array) -> dict[str, Array]:
        """Return forecasts of the next `horizon` steps after the end of series.

        Step j is the answer to the window that ended `horizon` - j steps earlier; a model with
        paths of nearer steps also reads the newest window for it.

        Parameters
        ----------
        X : ndarray (N, T, I)
            As the data has them, at least `least` steps. Those known ahead are, at each step, the
            values `horizon` steps later.

        Returns
        -------
        dict of ndarray
            "y" (N, H, O) and, if the model has intervals, their ends, such as "lower_80".
        """
        T, H, W, ahead = X.shape[1], self.horizon, self.window, self.ahead
        if ahead is None:
            raise ValueError("forecast: the model does not forecast all steps up to a horizon")
        if self.least > T:
            raise ValueError(f"forecast: a series has {T} steps; at least {self.least} are read")
        fill, read = step_of(self.steps, Fill), X
        if fill is not None and fill.forward:  # also from before a window
            read = carry_forward(np.where(np.isfinite(X), X, np.nan))
        made, newest = [], self._window(read, T - 1, W)
        for place in range(H):
            rows = self._window(read, T - H + place, W)
            y = self.outputs(rows.x)
            rows.every_step = y.ndim == 3
            if place >= len(ahead.nearer):
                y = self.answers(y, rows)["y"]
            else:
                y = y[:, -1] if y.ndim == 3 else y
                rows, last = Rows(rows.x), Rows(newest.x.copy())
                if self.n_moved:  # known ahead, at the time of the step
                    moved = slice(self.n_features - self.n_moved, self.n_features)
                    last.x[:, -1, moved] = rows.x[:, -1, moved]
                for step in self.steps:
                    y = step.from_net(y, rows)
                y = ahead.undone(self.steps, place, y, rows, last)
            made.append(y[:, -1] if y.ndim == 3 else y)
        y = np.stack(made, axis=1)
        return {"y": y, **ahead.intervals(self.steps, X, y)}

    def _window(self, X: Array, end: int, size: int) -> Rows:
        """Return the kept rows of the window of series X (N, T, I) up to step `end`."""
        return Rows(self.kept(X[:, max(0, end + 1 - size) : end + 1]))

    def state(self, rows: int) -> dict[str, Array]:
        """Return the state of `rows` parallel series before their first step.

        The arrays of the cell, each (L, rows, H), or (L, rows, S) of complex states; with a mean
        `sum` (rows, H) and `count` (rows,); with convolutions `recent` (rows, M), the last steps
        that each reads, and of means of steps `pooled` (rows, C) and `phase` (rows,); `last`
        (rows, I), the last known values, and `lags` (rows, P, I), the last kept rows.
        """
        if not self.streams:
            raise ValueError("stream: this model has no answer before the end of a series")
        state, fill = state_of(self.nets[0], rows), step_of(self.steps, Fill)
        if fill is not None and fill.forward:
            state["last"] = np.full((rows, self.n_features), np.nan)
        if (path := step_of(self.steps, Forecast)) is not None:
            state["lags"] = np.full((rows, path.n_lags, self.width), np.nan)
        return state

    def advance(
        self, x: Array, state: dict[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return the answers after each step of x (rows, n, I), and the state after the last.

        They are those of `predict` if the series ended there. Of no step there are none, and the
        state stays.
        """
        if not x.shape[1]:
            none = np.zeros((len(x), 0, self.n_outputs))
            return self.answers(none, Rows(x)) if self.kind.has_classes else {"y": none}, state
        names: tuple[str, ...] = ("last", "lags")
        memory = {name: state[name] for name in names if name in state}
        x, parts = self.kept(x, None, memory), []
        for t in range(x.shape[1]):
            y, _, state = run_layers(self.nets[0], x[:, t : t + 1], None, state)
            parts.append(y if y.ndim == 3 else y[:, None])
        answers = self.answers(np.concatenate(parts, axis=1), Rows(x, None, True, memory))
        return answers, {**state, **memory}
