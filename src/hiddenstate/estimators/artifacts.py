"""What a fitted estimator gives: streams, torch modules, exports and its file."""

import os
import warnings
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from hiddenstate.config.parameters import errors_for_python
from hiddenstate.data import Rows
from hiddenstate.errors import OptionError
from hiddenstate.estimators.atomic import of_one_fit
from hiddenstate.estimators.online import save_learner
from hiddenstate.inference.stream import Stream, saved_stream
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.extras import require


class ArtifactsMixin:
    """The methods of an estimator that make something else of its model."""

    if TYPE_CHECKING:  # attributes and methods of the estimator
        model_: FittedModel
        device: str
        threads: int

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def _prepare(self, X: Any) -> Rows: ...

    @of_one_fit
    def stream(self, rows: int | str | os.PathLike[str] = 1) -> Stream:
        """Return a stream, which reads parallel series step by step and answers after every step.

        Parameters
        ----------
        rows : int or path, default 1
            Number of parallel series, or the file that :meth:`Stream.save` wrote, to continue it.

        Raises
        ------
        OptionError
            If the network has no answer before the end of a series: an autoencoder, or one that
            reads in both directions. Also if the model encodes text or dates.
        UntrustedFileError
            If the file is damaged, or belongs to another model.
        """
        check_is_fitted(self)
        with errors_for_python():
            if isinstance(rows, (str, os.PathLike)):
                return saved_stream(self.model_, rows, self.device, self.threads)
            return Stream(self.model_, rows, self.device, self.threads)

    def to_torch(self) -> Any:
        """Return the trained network as a `torch.nn.Module` with the attribute names of the
        classic scripts.

        Scaling is folded into its first and last layers, or applied before a stem, so it takes
        unscaled X, as float32 or float64; its weights have the type that the model was fitted in,
        float64 for an ordinary frame. A net with members averages their answers, and one that
        has more beside it, such as fixed convolutions, answers as `predict_proba`, with logarithms
        of probabilities.

        Raises
        ------
        DataError
            If the model uses a transform that cannot be folded in, such as `missing="mask"`, or
            answers in integers.
        MachineError
            If torch is not installed.
        """
        require("torch", "to_torch")
        from hiddenstate.models.torch_modules import module_of

        check_is_fitted(self)
        with errors_for_python():
            return module_of(self.model_)

    @of_one_fit
    def to_integers(self, X: ArrayLike, state_bits: int = 16, percent: float = 99.99) -> Any:
        """Return the estimator that answers in integers; this one stays as it is.

        Nothing is trained: weights become numbers of 8 bits, and the ranges of the numbers between
        layers are found on X. See docs/integers.md.

        Parameters
        ----------
        X : array-like
            As for `predict`, at least 10 rows, and 32 without a warning; training rows, or others
            like them.
        state_bits : {16, 8}, default 16
            Bits of inputs, of what layers give and of states.
        percent : float, default 99.99
            Of the numbers of each vector, how many fit; the others are cut.

        Returns
        -------
        estimator
            Of the same class; it does not learn, and has no torch module.

        Raises
        ------
        OptionError
            If a part of the model has no form in integers.
        DataError
            If rows are fewer than 10, or all equal.
        """
        from hiddenstate.inference.quantising import quantised, ranges_of

        check_is_fitted(self)
        if state_bits not in (16, 8) or not 50 <= percent <= 100:
            raise OptionError(
                "to_integers: expected state_bits 16 or 8, and percent from 50 to 100"
            )
        with errors_for_python():
            rows, share = self._prepare(X), percent / 100
            model, n_rows = quantised(self.model_, rows, state_bits, share, where="X")
        if (ranges := ranges_of(n_rows)).level == "warning":
            warnings.warn(ranges.text, RuntimeWarning, stacklevel=2)
        other = copy(self)
        other.model_ = model
        for name in ("_training", "_online"):
            vars(other).pop(name, None)
        if hasattr(self, "state_"):
            vars(other)["state_"] = {}  # it begins anew
        return other

    def export(
        self,
        to: str,
        path: str | Path,
        weights: str | None = None,
        force: bool = False,
        arithmetic: str | None = None,
        layout: str | None = None,
    ) -> Any:
        """Write the model for another language, after trying the result on rows.

        Parameters
        ----------
        to : str
            A target, such as `python`, `onnx` or `c`: see docs/export.md.
        path : path
            The file; a JSON file with the names of classes and columns is written beside it.
        weights : str, optional
            How weights are stored, by default as the target prefers.
        force : bool, default False
            Whether files that exist are replaced.
        arithmetic : {"float", "integer"}, optional
            How it computes, by default as the model; "float" gives the rounded weights of a model
            in integers. A model in floats becomes one in integers by :meth:`to_integers`.
        layout : {"arduino", "cmake"}, optional
            The folder `path` around a C header; by default the header alone.

        Returns
        -------
        hiddenstate.export.Report

        Errors are those of :func:`hiddenstate.export.export_model`.
        """
        from hiddenstate.export import export_model
        from hiddenstate.export.arithmetic import with_arithmetic
        from hiddenstate.export.export import target_named

        check_is_fitted(self)
        with errors_for_python():
            model, _ = with_arithmetic(self.model_, target_named(to), arithmetic, None)
            return export_model(model, to, path, weights, force, layout=layout)

    @of_one_fit
    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to a safetensors file; :func:`load` reads it.

        A regressor keeps its carried state and its number of updates, but not the state of the
        optimiser; to continue training exactly, pickle it or train in a run folder. What
        `learn_one` learned is kept as it is.

        Raises
        ------
        MachineError
            If the file cannot be written; an existing file is then unchanged.
        """
        if "_online" not in vars(self):
            check_is_fitted(self)
        settings = {name: _plain(value) for name, value in self.get_params(deep=False).items()}
        if not isinstance(settings.get("teacher"), str):  # a model has a file of its own
            settings.pop("teacher", None)
        settings = {name: value for name, value in settings.items() if value is not _NOT_JSON}
        if "_online" in vars(self):
            return save_learner(Path(path), self, settings)
        facts = {name: getattr(self, name) for name in _SAVED if hasattr(self, name)}
        if hasattr(self, "classes_"):
            facts["object_classes"] = int(self.classes_.dtype == object)
        self.model_.save(
            Path(path),
            {
                "estimator": type(self).__name__,
                "settings": settings,
                "fitted": {k: list(v) if isinstance(v, tuple) else v for k, v in facts.items()},
                "state": {n: a.tolist() for n, a in getattr(self, "state_", {}).items()},
            },
        )


_SAVED = ("n_features_in_", "fit_ndim_", "n_steps_", "targets_shape_", "row_shape_", "_seed")

_NOT_JSON = object()


def _plain(value: Any) -> Any:
    """A parameter as JSON; `_NOT_JSON` for a value that has no such form, like a RandomState."""
    if isinstance(value, dict):  # keys in JSON are strings, labels need not be
        return [[_plain(key), _plain(each)] for key, each in value.items()]
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else _NOT_JSON
