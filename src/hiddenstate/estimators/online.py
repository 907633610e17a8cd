"""Learning while reading, one step at a time, in the manner of river; and its files."""

import inspect
import math
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from hiddenstate.config.parameters import errors_for_python
from hiddenstate.engines.online import WINDOW
from hiddenstate.errors import DataError, HiddenstateError, OptionError, UntrustedFileError
from hiddenstate.estimators.online_learners import (
    LEARNERS,
    ClassifierLearner,
    Learner,
    RegressorLearner,
)
from hiddenstate.models.labels import check_labels
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.array_file import encode_arrays, read_arrays
from hiddenstate.system.atomic_file import write_output
from hiddenstate.system.extras import require
from hiddenstate.system.strict_json import check_fields

KIND = "learner"
"""The kind of the file of an estimator that learned step by step."""

OPTIONS = (
    *("cell", "nonlinearity", "hidden_size", "layers", "states", "rank", "remember"),
    *("ring_min", "ring_max", "ring_angle"),
    *("optimizer", "lr", "momentum", "weight_decay", "eps", "clip", "device"),
)
"""Parameters that a learner takes."""

WITHOUT_EFFECT = (
    *("random_state", "last_target", "threads", "verbose", "stateful", "output"),
    *("hold", "epochs", "max_steps", "batch_size", "shuffle", "log_every", "checkpoint_every"),
)
"""Parameters that change nothing in a learner, or are read here."""


def learner_of(estimator: Any) -> Any:
    """Return a learner with the parameters of an estimator, which has read nothing.

    Raises
    ------
    OptionError
        If a parameter has a value out of range, or one that a learner does not take.
    """
    values = estimator.get_params(deep=False)
    fixed = {"lr_schedule": "constant", "engine": "native", "last_target": values["last_target"]}
    for name, parameter in inspect.signature(type(estimator)).parameters.items():
        own = values[name] is parameter.default or name in (*OPTIONS, *WITHOUT_EFFECT)
        if not own and values[name] not in (parameter.default, fixed.get(name, parameter.default)):
            raise OptionError(
                f"{name}: {values[name]!r} does not apply to learn_one, which learns step by step; "
                "leave it out"
            )
    options = {name: values[name] for name in OPTIONS} | fixed | {"dtype": "float32", "hold": 0}
    if options["eps"] is None:
        options["eps"] = 1e-8
    state = values["random_state"]
    if not isinstance(state, (int, np.integer)):
        state = check_random_state(state).randint(2**31 - 1)
    with errors_for_python():
        return LEARNERS[estimator._job]({**options, "seed": int(state)})


class OnlineMixin:
    """The methods of an estimator that learns step by step."""

    if TYPE_CHECKING:
        _job: str
        _online: Any

    def _learner(self) -> Any:
        """Return what learned so far, or a learner that has read nothing."""
        if "_online" in vars(self):
            return self._online
        if hasattr(self, "model_"):
            raise DataError(
                "learn_one: this estimator was trained by fit or partial_fit; use a new one"
            )
        return learner_of(self)

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        """Learn from a step of a series and its target, in the manner of river.

        Parameters
        ----------
        x : dict
            Features by name, text or integer: numbers and truth values, scaled by their means and
            deviations so far; texts, each value of which is a column of its own; and times, as the
            time of the day and of the week. A feature that is missing, None or NaN has its mean;
            features may come and go.
        y : number, or label of any kind
            The target, known after the step. Those of the last two steps, or the label of the
            last, are inputs of the next (`last_target`).

        An update follows every step, at the rate `lr`, which does not fall; its gradient reaches
        the last 32 steps. Warns when the loss leaves its own past: Page, "Continuous inspection
        schemes", 1954; `drifts_` has the numbers of these steps.

        Raises
        ------
        DataError
            If x or y has values that are not supported, or `fit` trained the estimator.
        OptionError
            If a parameter does not apply, such as `bidirectional`, or there are no kernels.
        DivergedError
            If the loss is not finite.
        """
        learner = self._online = self._learner()
        if learner.learn(x, y):
            warnings.warn(
                f"learn_one: the loss left its own past at step {learner.progress.steps}, as the "
                "test of Page (1954) finds; drifts_ has the numbers of such steps",
                RuntimeWarning,
                stacklevel=2,
            )

    @property
    def drifts_(self) -> list[int]:
        """Numbers of the calls of `learn_one` at which the loss left its own past."""
        return list(self._online.progress.drifts) if "_online" in vars(self) else []

    def to_river(self) -> Any:
        """Return a river estimator with these parameters, for river's pipelines and metrics.

        Raises
        ------
        MissingExtraError
            If river is not installed.
        """
        require("river", "to_river")
        from hiddenstate.estimators.in_river import KINDS

        return KINDS[kind_of(self._job).answers](self)


class OnlineRegressorMixin(OnlineMixin):
    """The same of a regressor."""

    def predict_one(self, x: dict[Any, Any]) -> float:
        """Return the target of a step: what `learn_one` expects next; 0.0 before it learned.

        Nothing changes. Errors are those of :meth:`learn_one`.
        """
        learner: RegressorLearner = self._learner()
        return learner.predict(x)


class OnlineClassifierMixin(OnlineMixin):
    """The same of a classifier."""

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[Any, float]:
        """Return the probability of each label that `learn_one` has seen, {} before it learned.

        Nothing changes. Errors are those of :meth:`learn_one`.
        """
        learner: ClassifierLearner = self._learner()
        return learner.probabilities(x)

    def predict_one(self, x: dict[Any, Any]) -> Any:
        """Return the most probable label of a step, None before `learn_one` learned."""
        answer = self.predict_proba_one(x)
        return max(answer, key=answer.__getitem__) if answer else None


def save_learner(path: Path, estimator: Any, settings: dict[str, Any]) -> None:
    """Write what an estimator learned step by step; errors are those of `write_output`."""
    plain = estimator._online.plain()
    check_labels(plain["facts"].get("classes", []))
    facts = {
        "estimator": type(estimator).__name__,
        "settings": settings,
        "options": plain["options"],
        "progress": plain["facts"],
    }
    write_output(path, encode_arrays(KIND, plain["arrays"], facts))


def read_learner(path: Path, where: str) -> tuple[dict[str, Any], Learner[Any]]:
    """Return the facts of a file that :func:`save_learner` wrote, and the learner.

    Raises
    ------
    UntrustedFileError
        If it is damaged, or what it holds does not fit together.
    """
    checked: list[type[Learner[Any]]] = []

    def check(layout: Any, facts: dict[str, Any]) -> None:
        fields = {"estimator": str, "settings": dict, "options": dict, "progress": dict}
        check_fields(facts, fields, f"{where}: damaged facts")
        kinds = LEARNERS.values()
        kind = next((kind for kind in kinds if kind.estimator == facts["estimator"]), None)
        if kind is None:
            raise UntrustedFileError(f"{where}: damaged; the estimator is unknown")
        _check_progress(kind, facts["progress"], where)
        try:
            expected = kind.layout(facts["options"], facts["progress"])
        except (HiddenstateError, KeyError, TypeError):
            raise UntrustedFileError(
                f"{where}: damaged; the options are not those of a learner"
            ) from None
        if {n: (np.dtype(d), tuple(s)) for n, (d, s) in layout.items()} != expected:
            raise UntrustedFileError(f"{where}: damaged; its arrays do not fit the learner")
        checked.append(kind)

    arrays, facts = read_arrays(path, KIND, check)
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise UntrustedFileError(f"{where}: damaged; it has numbers that are not finite")
    return facts, checked[0](facts["options"], facts["progress"], arrays)


def _check_progress(kind: type[Learner[Any]], progress: dict[str, Any], where: str) -> None:
    """Refuse numbers of a learner that none could have (`UntrustedFileError`)."""
    own = asdict(kind.progress_kind())
    check_fields(progress, {name: type(each) for name, each in own.items()}, f"{where}: damaged")
    numbers = [each for each in progress.values() if isinstance(each, float)]
    lists = {name: progress[name] for name in ("alarm", "losses", "last", "rest") if name in own}
    for name in ("alarm", "losses", "rest", "last"):
        if isinstance(own.get(name), list):
            numbers += progress[name]
    keys = [tuple(key) if isinstance(key, list) else key for key in progress["columns"]]
    parts = [part for key in keys for part in (key if isinstance(key, tuple) else [key])]
    sound = (
        all(type(each) is float and math.isfinite(each) for each in numbers)
        and all(type(each) in (str, int, float) for each in parts)
        and len(set(keys)) == len(keys)
        and len(lists["alarm"]) == 4
        and len(lists["losses"]) in (2, len(own["losses"]))
        and len(progress.get("rest", [])) <= WINDOW
    )
    if "classes" in own and sound:
        classes = progress["classes"]
        sound = all(type(each) in (str, int, float, bool) for each in classes)
        sound = sound and len(set(classes)) == len(classes)
        sound = sound and -1 <= progress["last"] < len(classes)
    if not sound:
        raise UntrustedFileError(f"{where}: damaged; its progress is none of a learner")
