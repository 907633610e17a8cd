"""Carries a hidden state over rows that are consecutive windows of one signal."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from hiddenstate.config.parameters import errors_for_python
from hiddenstate.data import Rows
from hiddenstate.engines import Predictor, TrainingState
from hiddenstate.engines.signals import follow_signals
from hiddenstate.errors import DataError, OptionError
from hiddenstate.estimators.atomic import of_one_fit
from hiddenstate.estimators.hidden import HiddenStatesMixin
from hiddenstate.estimators.inputs import unwrapped, unwrapped_parts
from hiddenstate.estimators.online import OnlineRegressorMixin
from hiddenstate.estimators.signals import joined, signals_in
from hiddenstate.inference.inputs import shaped_inputs
from hiddenstate.inference.stream import Stream
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array


def check_equal(rows: Rows) -> None:
    """Refuse rows of unequal length, which have no state in common (`DataError`)."""
    if rows.lengths is not None:
        raise DataError("forward: the rows of X must have equal length; pass them one by one")


def follow_each(predictor: Predictor, rows: Rows, lengths: Array) -> Array:
    """Return the outputs of consecutive windows of unequal length, padded with zeros."""
    state: Params = {}
    parts = []
    for row, n in zip(rows.X, lengths, strict=True):
        output, state = predictor.follow(row[None, :n], state)
        if output.ndim == 3:
            output = np.pad(output, ((0, 0), (0, len(row) - n), (0, 0)))
        parts.append(output)
    return np.concatenate(parts)


class CarriedStateMixin(HiddenStatesMixin, OnlineRegressorMixin):
    """The methods of a regressor that pass a hidden state on."""

    if TYPE_CHECKING:  # attributes and methods of the estimator
        model_: FittedModel
        device: str
        threads: int
        _training: TrainingState

        def _keep(self, after: TrainingState) -> None: ...
        def _predictor(self) -> Predictor: ...
        def _prepare(self, X: Any) -> Rows: ...
        def _checked_rows(self, X: Any, reset: bool) -> Rows: ...

        targets_shape_: tuple[int, ...]

    def _outputs(self, predictor: Predictor, rows: Rows) -> Array:
        """Outputs for prepared rows; consecutive windows if the model is stateful."""
        if not self.model_.stateful:
            return predictor.predict(rows.X, rows.lengths)
        if rows.lengths is None:
            return follow_signals(predictor, self.model_.net, rows, {})[0]
        return follow_each(predictor, rows, rows.lengths)

    def _as_targets(self, outputs: Array, rows: Rows) -> Array:
        return self._in_shape_of_y(
            self.model_.transform.undo_targets(outputs, rows.X, rows.lengths)
        )

    def _in_shape_of_y(self, targets: Array) -> Array:
        """Targets (..., O) without the last axis, if `fit` had one target without it; several
        quantiles along one more axis."""
        many = len(self.targets_shape_) == (2 if self.model_.net.output == "steps" else 1)
        if (n := len(self.model_.transform.quantiles)) > 1:
            targets = targets.reshape(*targets.shape[:-1], -1, n)
            return targets if many else targets[..., 0, :]
        return targets if many else targets[..., 0]

    def _nearest(self, predicted: Array) -> Array:
        """Return answers in the shape of y: of several quantiles the median."""
        quantiles = self.model_.transform.quantiles
        if len(quantiles) < 2:
            return predicted
        if 0.5 not in quantiles:
            raise OptionError("score: R2 is that of the median; train with it in quantile")
        median = quantiles.index(0.5)
        if predicted.dtype != object:
            return np.asarray(predicted[..., median])
        nearest = np.empty(len(predicted), object)
        for i, each in enumerate(predicted):
            nearest[i] = each[..., median]
        return nearest

    def _compared(
        self, X: ArrayLike, answers: Any, y: Any, sample_weight: Any
    ) -> tuple[Any, Any, Any]:
        """Return answers, targets and weights of all rows, or of all steps, as samples."""
        true = unwrapped_parts(y)
        if self.model_.stateful and signals_in(X) is not None:
            rows = self._checked_rows(X, reset=False)
            answers, true = np.concatenate(list(answers)), joined(true, rows)
            sample_weight = joined(sample_weight, rows)
        predicted = self._nearest(answers)
        if self.model_.net.output == "steps":
            counts = [len(row) for row in predicted]
            if [np.size(row, 0) for row in true] != counts:
                raise DataError("y: a series of targets and its series of X have different lengths")
            predicted, true = np.concatenate(list(predicted)), np.concatenate(list(true))
            if sample_weight is not None:
                sample_weight = np.repeat(np.asarray(unwrapped(sample_weight)), counts)
        return predicted, true, sample_weight

    def reset_state(self) -> Self:
        """Set the carried hidden state to zero before the next :meth:`partial_fit`."""
        check_is_fitted(self)
        self._keep(replace(self._training, carried={}))
        return self

    @of_one_fit
    def forward(self, X: ArrayLike, state: Params | None = None) -> tuple[Array, Params]:
        """Return predicted targets for a batch X and the state after it.

        Parameters
        ----------
        X : array-like of shape (B, T, I)
            Rows that are independent of one another, each with its own state.
        state : dict of ndarray, optional
            What an earlier call returned, or :attr:`state_` to continue where training ended; by
            default that before the first step. The arrays of the cell, such as `h`, are of shape
            (layers * directions, B, hidden_size), or (..., states) of 'lru'. With
            `missing="forward"` there is also the last known value of each feature, and with
            `readout="mean"` the sum of the states so far and their number
            (:class:`hiddenstate.inference.stream.Stream`).

        Returns
        -------
        y : ndarray
            Predicted targets, in the shape of y in `fit`.
        state : dict of ndarray
            As above.

        Raises
        ------
        DataError
            If `state` and X have different batch sizes, or the rows have unequal lengths.
        """
        check_is_fitted(self)
        config = self.model_.net.recurrent
        if config.bidirectional and not config.stem and config.members == 1:
            predictor, rows = self._predictor(), self._prepare(X)
            check_equal(rows)
            outputs, after = predictor.forward(rows.X, state or {})
            return self._as_targets(outputs, rows), after
        with errors_for_python():
            rows = shaped_inputs(self.model_, self._checked_rows(X, reset=False), "X")
            check_equal(rows)
            stream = Stream(self.model_, len(rows), self.device, self.threads, state)
            targets = stream.feed(rows.X)
        targets = targets if self.model_.net.output == "steps" else targets[:, -1]
        return self._in_shape_of_y(targets), dict(stream.state)
