"""What is inside the estimators of sequences: hidden states, and what answers rest on."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hiddenstate.data import Rows
from hiddenstate.engines import Predictor
from hiddenstate.estimators.atomic import of_one_fit
from hiddenstate.estimators.inputs import by_series
from hiddenstate.estimators.signals import by_signal
from hiddenstate.inference.hidden_states import at_every_step
from hiddenstate.inference.why import Explainer, mean_row
from hiddenstate.inference.why_rows import reason
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.typing import Array


class HiddenStatesMixin:
    """The methods of an estimator that return hidden states, and what answers rest on."""

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

    @of_one_fit
    def why(
        self, X: ArrayLike, answer: Any = None, background: ArrayLike | None = None
    ) -> dict[str, Array]:
        """Return what the answer after the last step of each row rests on.

        The attributions of a row add up to the difference of its answer and that of a baseline:
        integrated gradients (Sundararajan, Taly and Yan, 2017). A positive one is for the
        answer. What fixed convolutions answer is found by occlusion, which does not add up.

        Parameters
        ----------
        X : array-like (n_samples, n_timesteps, n_features)
            As for `predict`.
        answer : label, str or int, optional
            A class, by its label, or the name or number of a target. By default the most probable
            class of each row, or the first target.
        background : array-like, optional
            Training rows, whose mean is the baseline. By default zeros as the network reads them,
            which are the mean of features that are scaled.

        Returns
        -------
        dict of ndarray
            "attributions" (n_samples, n_timesteps, n_features), for series of unequal length an
            object array with one array each; "answer" and "base" (n_samples,), the answers to the
            rows and to the baseline. Of a classifier they are log(p / (1 - p)), of a regressor in
            the units of the target.
        """
        rows, model = self._prepare(X), self.model_
        mean = None if background is None else mean_row(model, self._prepare(background))
        explainer = Explainer(model, mean)
        wanted = answer if model.net.kind.has_targets or answer is None else str(answer)
        found = [reason(explainer, rows, n, answer=wanted).why for n in range(len(rows))]
        whole = np.zeros((len(rows), rows.X.shape[1], explainer.program.n_features))
        for row, each in zip(whole, found, strict=True):
            row[: len(each.attributions)] = each.attributions
        return {
            "attributions": by_series(whole, rows.lengths),
            "answer": np.array([each.answer for each in found]),
            "base": np.array([each.base for each in found]),
        }
