"""Training that ends with the numbers of a net in integers, and then answers as that net."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from hiddenstate.engines.integers import calibrated_on
from hiddenstate.engines.interface import (
    Chunk,
    Engine,
    EngineInfo,
    Predictor,
    Source,
    Task,
    TrainingState,
)
from hiddenstate.engines.members import averaged
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.integers import params_on_grid
from hiddenstate.models.net import Params
from hiddenstate.program.calibrating import Calibration
from hiddenstate.system.typing import Array


class Rounding(Engine, Protocol):
    """An engine that can compute with rounded numbers."""

    def quantise(self, calibration: Calibration) -> None:
        """Compute with the numbers of a net in integers from now on."""
        ...


class RoundedEngine:
    """Trains as the engine in it; see `Engine`. After :meth:`settle`, it answers in integers.

    From `task.grid_from` on numbers are rounded, with bits that are found there, once.

    Parameters
    ----------
    task : Task
    engine : Rounding
        Computes the steps.
    state : TrainingState
        With which `engine` began.
    make : callable
        As :func:`hiddenstate.engines.choose.make_predictor`.

    Attributes
    ----------
    calibration : Calibration or None
        The bits of all vectors, while numbers are rounded.
    """

    def __init__(
        self, task: Task, engine: Rounding, state: TrainingState, make: Callable[..., Predictor]
    ) -> None:
        self.task, self._engine, self._make = task, engine, make
        self.calibration: Calibration | None = None
        self._model: FittedModel | None = None
        self._predictors: list[Predictor] = []
        self.name, self.version, self.device = engine.name, engine.version, engine.device
        self.threads = engine.threads
        assert task.grid_from is not None
        self._grid_from = task.grid_from
        if state.calibration is not None and state.step > self._grid_from:
            self._quantise(state.calibration)

    def _quantise(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self._engine.quantise(calibration)

    def settle(self, model: FittedModel) -> None:
        """Answer as a model in integers from now on, of which this is the net."""
        self._model, threads = model, self.threads
        self._predictors = [self._make(each, "cpu", threads) for each in model.members()]

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Run steps `first` to `last` - 1; see `Engine.run`.

        Raises
        ------
        NotInteger
            If the numbers of the net do not fit where they begin to be rounded.
        """
        self._model, self._predictors = None, []
        if first < self._grid_from:
            last = min(last, self._grid_from)
        elif self.calibration is None:  # or in a checkpoint of an older version
            self._quantise(calibrated_on(self.task, self._engine.export().params))
        return self._engine.run(first, last, stop)

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Engine.predict`."""
        if self._model is None:
            return self._engine.predict(X, lengths)
        return averaged(self.each(X, lengths), self.task.net)

    def each(self, X: Source, lengths: Array | None = None) -> list[Array]:
        """Return the outputs of each member for rows `X`."""
        if self._model is not None:
            return [net.predict(X, lengths) for net in self._predictors]
        of_each = getattr(self._engine, "each", None)
        return of_each(X, lengths) if of_each else [self._engine.predict(X, lengths)]

    def encode(self, X: Source) -> Array:
        """Return the codes of rows `X`; see `Engine.encode`."""
        return (self._predictors[0] if self._model else self._engine).encode(X)

    def restore(self, params: Params) -> None:
        """Replace the weights; see `Engine.restore`."""
        self._engine.restore(params)
        if self._model is not None:
            self.settle(replace(self._model, params=params_on_grid(self.task.net, params)))

    def set_lr(self, lr: float) -> None:
        """Set the initial rate of the schedule; see `Engine.set_lr`."""
        self._engine.set_lr(lr)

    def export(self) -> TrainingState:
        """Return a copy of the state; see `Engine.export`. Settled weights are rounded."""
        state = replace(self._engine.export(), calibration=self.calibration)
        return state if self._model is None else replace(state, params=dict(self._model.params))

    def about(self) -> EngineInfo:
        """Return what config.json records about the engine; see `Engine.about`."""
        return self._engine.about()
