"""The parameter `teacher` of the estimators: another estimator, a path, or answers."""

import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, _clone_parametrized
from sklearn.utils.validation import check_is_fitted

from hiddenstate.config import Config
from hiddenstate.config.fields import NO_TEACHER
from hiddenstate.data import PreparedDataset, SequenceDataset
from hiddenstate.errors import DataError, OptionError
from hiddenstate.jobs import Job, Teacher, taught_job
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.typing import Array
from hiddenstate.training.augmenting import with_augmentation
from hiddenstate.training.budget import with_budget
from hiddenstate.training.teaching import with_teaching


def teacher_option(teacher: Any) -> str | None:
    """Return what the config of a fit holds of its teacher: a name, a path, or what else it is."""
    if teacher is None or isinstance(teacher, str):
        return None if teacher == NO_TEACHER else teacher
    if isinstance(teacher, os.PathLike):
        return os.path.join(os.curdir, os.fspath(teacher))  # a path, although a teacher may be
    return type(teacher).__name__ if isinstance(teacher, BaseEstimator) else "array"


def clone_with_teacher(estimator: Any) -> Any:
    """Return an estimator with the same parameters, not fitted, whose teacher stays fitted."""
    copy = _clone_parametrized(estimator)
    if hasattr(estimator, "teacher"):
        copy.teacher = estimator.teacher
    return copy


def job_with_teacher(
    teacher: Any, dataset: SequenceDataset, config: Config, prepared: PreparedDataset
) -> Job:
    """Return the job of a fit, with the answers of its teacher for `dataset` as read.

    Raises
    ------
    DataError, OptionError
        If the teacher is no fitted estimator of this package, path or array of numbers, or does not
        fit the data.
    """
    config, prepared = with_budget(*with_augmentation(config, prepared))
    given = _given(teacher)
    config, prepared = with_teaching(config, dataset, prepared, given)
    return taught_job(config, dataset, prepared, given)


def folds_learned(job: Job, left_out: Array | None) -> tuple[str, Array | None] | tuple[()]:
    """Return what a fitted estimator keeps for its pupils, if its nets left out folds: which rows
    they learned from, and what they answered to the folds before they learned from these too."""
    return () if job.folds is None else (job.dataset.fingerprint(), left_out)


def _given(teacher: Any) -> Teacher | Array | None:
    """Return a model or answers that are in memory; None for what a string names."""
    if teacher is None or isinstance(teacher, (str, os.PathLike)):
        return None
    if isinstance(teacher, BaseEstimator):
        model = getattr(teacher, "model_", None)
        if not isinstance(model, FittedModel):
            check_is_fitted(teacher)
            raise OptionError(
                "teacher: expected an estimator of hiddenstate, a path or an array, got a "
                f"{type(teacher).__name__}; pass its answers, such as those of cross_val_predict"
            )
        return Teacher(model, getattr(teacher, "_seed", None), *getattr(teacher, "_folds", ()))
    if hasattr(teacher, "to_numpy"):  # rows and columns might be in another order
        raise OptionError(
            f"teacher: expected an array, got a {type(teacher).__name__}; pass its to_numpy(), "
            "with the rows of X and the columns of classes_, in their order"
        )
    try:
        return np.asarray(teacher)
    except ValueError:
        raise DataError("teacher: expected an array with one row for each row of X") from None
