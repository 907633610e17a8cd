"""The hidden states of the estimators of sequences."""

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from hiddenstate.data import Rows
from hiddenstate.engines import Predictor
from hiddenstate.estimators.atomic import of_one_fit
from hiddenstate.estimators.inputs import by_series
from hiddenstate.estimators.signals import by_signal
from hiddenstate.inference.hidden_states import at_every_step
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.typing import Array


class HiddenStatesMixin:
    """The method of an estimator that returns hidden states."""

    if TYPE_CHECKING:  # attributes and methods of the estimator
        model_: FittedModel

        def _state_predictor(self) -> Predictor: ...
        def _prepare(self, X: Any) -> Rows: ...

    def _outputs(self, predictor: Predictor, rows: Rows) -> Array:
        """Outputs for prepared rows."""
        return predictor.predict(rows.X, rows.lengths)

    @of_one_fit
    def hidden_states(self, X: ArrayLike) -> Array:
        """Return what the last layer gives after every step, (n_samples, n_timesteps, H).

        That is its state h_t, or of a cell with complex states its output. With
        `bidirectional=True` the last axis has those of the forward direction, then those of the
        backward one (2 H). With `stateful=True` the rows of X are consecutive windows, and the
        first starts from the zero state. For series of unequal length, return an object array with
        one array (T, H) each.
        """
        rows = self._prepare(X)
        states = self._outputs(self._state_predictor(), rows)
        each = at_every_step(states, self.model_.net, rows.X.shape[1])
        return by_series(by_signal(each, rows), rows.lengths)
