"""The search in Python: `hiddenstate.tune`, with the manners of scikit-learn."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import Config, make_config
from hiddenstate.config.parameters import errors_for_python
from hiddenstate.data import SequenceDataset
from hiddenstate.errors import OptionError, did_you_mean, printable
from hiddenstate.estimators.base import Estimator
from hiddenstate.kernels import processors
from hiddenstate.runs.listing import check_name
from hiddenstate.scale.tune.ledger import SECONDS, Slot
from hiddenstate.scale.tune.pool import Order, Pool
from hiddenstate.scale.tune.results import none_complete, ranked
from hiddenstate.scale.tune.settings import Settings, StudyData, checked_settings
from hiddenstate.scale.tune.space import Space, default_space, fitting, make_space
from hiddenstate.scale.tune.storage import Address, parse_address
from hiddenstate.scale.tune.study import GRACE, open_study
from hiddenstate.scale.tune.suggest import PRUNERS, SAMPLERS, study_of
from hiddenstate.scale.tune.worker import Worker
from hiddenstate.system.extras import require
from hiddenstate.training.trainer import Callback


class Search:
    """What :func:`tune` found; it predicts with the best estimator.

    Attributes
    ----------
    best_estimator_ : estimator
        A clone with the best parameters, fitted on all of X; only with `refit`.
    best_params_ : dict
    best_score_ : float
        Minus the lowest validation loss, as scikit-learn's scores are larger if better.
    best_index_ : int
        Number of the best trial.
    cv_results_ : dict of ndarray
        One entry a trial, in the form of scikit-learn's: `params`, `param_NAME`,
        `mean_test_score`, `std_test_score` and `split0_test_score` ... over the seeds,
        `rank_test_score`, `mean_fit_time`; also `state` and `valid_loss`. "test" is scikit-learn's
        word for the validation rows. The score of a trial that is not complete is NaN.
    study_ : optuna.Study
        A copy in memory with one trial for each, for Optuna's own plots and tables.
    n_trials_ : int
    """

    best_estimator_: Any

    def __init__(self, settings: Settings, slots: Sequence[Slot]) -> None:
        best = ranked(slots)
        if not best:
            raise none_complete(slots)
        self.best_index_ = best[0].number
        self.best_params_ = settings.space.option_values(best[0].params)
        self.best_score_ = -float(best[0].value or 0.0)
        self.cv_results_ = _cv_results(settings, slots)
        self.study_ = study_of(
            settings.space, slots, settings.sampler, settings.pruner, settings.seed
        )
        self.n_trials_ = len(slots)

    def __repr__(self) -> str:
        return (
            f"Search(n_trials_={self.n_trials_}, best_params_={self.best_params_}, "
            f"best_score_={self.best_score_:.6g})"
        )

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") or name.startswith("_"):
            raise AttributeError(f"Search has no attribute {name!r}")
        return getattr(self.best_estimator_, name)


def tune(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    space: Mapping[str, Any] | None = None,
    n_trials: int = 50,
    sampler: str = "tpe",
    pruner: str | None = None,
    seeds: int = 1,
    valid_fraction: float = 0.2,
    sample_weight: Any = None,
    storage: str | None = None,
    runs_dir: str | Path | None = None,
    name: str = "tune",
    n_jobs: int = 1,
    refit: bool = True,
    verbose: int = 0,
) -> Search:
    """Search the parameters of an estimator that learn best.

    Trials are compared by their loss on validation rows that X, y lose to them, bad ones are ended
    early, and the best is fitted once more on all of X. The random state is the estimator's, or 0
    where that is None, so that the same call goes on with the same study.

    Parameters
    ----------
    estimator : RecurrentClassifier, RecurrentRegressor or Autoencoder
        Its parameters stay as they are, but for those of the space.
    X, y : array-like
        As in `fit`.
    space : dict, optional
        For each parameter a list or tuple of choices, or a dict of `low` and `high` with `log` or
        `step`;
        by default a short space for the estimator.
    n_trials : int, default=50
    sampler : {"tpe", "random"}, default="tpe"
        `tpe` learns from finished trials.
    pruner : {"none", "median", "hyperband"}, optional
        How bad trials are ended early, by their validation loss after 1/27, 1/9 and 1/3 of the
        epochs; by default that of a study that goes on, and "none" for a new one.
    seeds : int, default=1
        Fits of each trial, with consecutive random states; the mean of their losses is compared.
    valid_fraction : float in (0, 1), default=0.2
        Fraction of X held out for validation, unless the estimator has its own.
    sample_weight : array-like of shape (n_samples,), optional
    storage : str, optional
        URL of a database, `postgresql://USER@HOST/DATABASE` or `sqlite:///FILE`; by default a file
        in the folder of the study.
    runs_dir : path, optional
        Folder in which the study is kept as `runs_dir/name`: each fit is a run there, and the same
        call goes on with a study that was interrupted. By default nothing is kept.
    name : str, default="tune"
        Name of the study.
    n_jobs : int, default=1
        Worker processes; 0 or -1 is one for each core.
    refit : bool, default=True
        Whether the best is fitted on all of X, for the epochs that its weights had.
    verbose : int, default=0
        1 prints a line for each trial on stderr.

    Returns
    -------
    Search

    Raises
    ------
    OptionError
        For a parameter or a space that is not valid, or another study of this name.
    DataError
        For X and y as in `fit`, or if no trial is complete.
    MachineError
        If a database cannot be reached, or optuna is not installed.
    """
    require("optuna", "hiddenstate.tune")
    with errors_for_python():
        _check(estimator, n_trials, sampler, pruner, seeds, n_jobs)
        _check_place(name, storage)
        dataset, config = _as_read(estimator, X, y, sample_weight)
        refit_fraction = config.data.valid_fraction
        config = make_config(
            config.job,
            {
                **config.flat(),
                "valid_fraction": refit_fraction or valid_fraction,
                "split_seed": config.split_seed,
                "test_scores": False,
            },
        )
        space_ = _space(config, space, estimator)
        with _folder(runs_dir, name) as folder:
            address = parse_address(storage, folder)
            data = StudyData(dataset, config)
            settings = checked_settings(
                config,
                data,
                name=name,
                space=space_,
                n_trials=int(n_trials),
                seeds=int(seeds),
                sampler=sampler,
                pruner=pruner or PRUNERS[0],
                refit_fraction=refit_fraction,
            )
            shown = address.shown if storage else None
            n = int(n_jobs) if n_jobs > 0 else processors()
            settings = replace(settings, storage=shown)
            settings, slots = _run(settings, data, address, folder, n, verbose, pruner is not None)
        search = Search(settings, slots)
    if refit:
        search.best_estimator_ = _fitted(
            estimator, search, slots, refit_fraction, X, y, sample_weight
        )
    return search


def _check(
    estimator: Any, n_trials: int, sampler: str, pruner: str | None, seeds: int, n_jobs: int
) -> None:
    if not isinstance(estimator, Estimator):
        raise OptionError(
            "estimator: expected a RecurrentClassifier, RecurrentRegressor or Autoencoder, got "
            f"{type(estimator).__name__}; optuna_integration.OptunaSearchCV searches any"
        )
    for word, value, low in (
        ("n_trials", n_trials, 1),
        ("seeds", seeds, 1),
        ("n_jobs", n_jobs, -1),
    ):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < low:
            raise OptionError(f"{word}: expected a whole number of at least {low}, got {value!r}")
    own_pruner = PRUNERS[0] if pruner is None else pruner
    for word, chosen, choices in (("sampler", sampler, SAMPLERS), ("pruner", own_pruner, PRUNERS)):
        if chosen not in choices:
            raise OptionError(f"{word}: expected one of {', '.join(choices)}, got {chosen!r}")
    if isinstance(getattr(estimator, "class_weight", None), dict):
        raise OptionError('class_weight: a dict cannot be searched with; use "balanced" or None')


def _check_place(name: Any, storage: Any) -> None:
    """Refuse a name that would be a path to elsewhere, and a storage that is no text."""
    check_name(name, "name")
    if storage is not None and not isinstance(storage, str):
        raise OptionError(f"storage: expected a URL as text, got {type(storage).__name__}")


def _as_read(estimator: Any, X: Any, y: Any, sample_weight: Any) -> tuple[SequenceDataset, Config]:
    """Return X, y and the parameters as the estimator would train on them."""
    from sklearn.base import clone

    copy = clone(estimator)
    if copy.random_state is None:
        copy.set_params(random_state=0)

    read: tuple[SequenceDataset, Config] = copy._as_read(X, y, sample_weight, reset=True)
    return read


def _space(config: Config, space: Mapping[str, Any] | None, estimator: Any) -> Space:
    if space is None:
        return fitting(default_space(config.job), config)
    if not isinstance(space, Mapping):
        raise OptionError(f"space: expected a dict, got {type(space).__name__}")
    unknown = [name for name in space if name not in estimator.get_params(deep=False)]
    if unknown:
        raise OptionError(
            f"space: {printable(unknown[0], 40)}: {type(estimator).__name__} has no such parameter"
            f"{did_you_mean(str(unknown[0]), estimator.get_params(deep=False))}"
        )
    if not space:
        raise OptionError("space: is empty; name a parameter, such as {'hidden_size': [32, 64]}")
    return make_space(config.job, {name: _spec(name, spec) for name, spec in space.items()})


def _spec(name: str, spec: Any) -> Any:
    """Return the choices or the range of a parameter, as a space has them."""
    if isinstance(spec, (tuple, np.ndarray)):
        return list(spec)
    if isinstance(spec, (list, Mapping)):
        return spec
    raise OptionError(
        f"space: {name}: expected choices, such as [16, 32], or a range, such as "
        f"{{'low': 8, 'high': 64}}, got {type(spec).__name__}"
    )


@contextmanager
def _folder(runs_dir: str | Path | None, name: str) -> Iterator[Path]:
    """Yield the folder of the study, a temporary one if none is named."""
    if runs_dir is not None:
        yield Path(runs_dir) / name
        return
    with tempfile.TemporaryDirectory(prefix="hiddenstate-tune-") as folder:
        yield Path(folder) / name


class _Lines:
    """Prints what a worker shows on stderr, if it is asked to."""

    def __init__(self, verbose: int) -> None:
        self._verbose = verbose

    def say(self, line: str) -> None:
        if self._verbose:
            sys.stderr.write(f"{line}\n")

    def callbacks(self, slot: int) -> Sequence[Callback]:
        return ()

    def finished(self, slots: Sequence[Slot], number: int) -> None:
        slot = slots[number]
        value = slot.attribute("why") if slot.value is None else f"{slot.value:.4g}"
        self.say(f"trial {number}: {slot.state}, {value}")


def _run(
    settings: Settings,
    data: StudyData,
    address: Address,
    folder: Path,
    n_jobs: int,
    verbose: int,
    own_pruner: bool,
) -> tuple[Settings, list[Slot]]:
    """Train until all trials are finished; return the settings of the study, and its trials."""
    lines = _Lines(verbose)
    study = open_study(settings, data, address, folder, lines.say, own_pruner=own_pruner)
    try:
        never: Callable[[], bool] = lambda: False  # noqa: E731  # Ctrl-C raises
        if n_jobs == 1:
            Worker(study, lines, never, settings.config.training.threads).run()
        else:
            order = Order(folder, address, GRACE, settings.config.training.threads or 1, data)
            Pool(study, order, n_jobs, lines, never).run()
        return study.settings, study.slots()
    finally:
        study.ledger.storage.engine.dispose()


def _fitted(
    estimator: Any,
    search: Search,
    slots: Sequence[Slot],
    own_fraction: float,
    X: Any,
    y: Any,
    sample_weight: Any,
) -> Any:
    """Return a clone with the best parameters, fitted on all of X."""
    from sklearn.base import clone

    best = clone(estimator).set_params(**search.best_params_)
    if not own_fraction:
        best.set_params(epochs=int(slots[search.best_index_].attribute("best_epoch", 1)))
    more = {} if sample_weight is None else {"sample_weight": sample_weight}
    return best.fit(X, **more) if y is None else best.fit(X, y, **more)


def _cv_results(settings: Settings, slots: Sequence[Slot]) -> dict[str, Any]:
    """Return the trials in scikit-learn's form."""
    done = [slot.state == "done" for slot in slots]
    values = [
        [-value for value in slot.attribute("values", [])] if ok else [np.nan] * settings.seeds
        for slot, ok in zip(slots, done, strict=True)
    ]
    scores = np.array(values, float).reshape(len(slots), settings.seeds)
    order = {slot.number: place for place, slot in enumerate(ranked(slots), start=1)}
    params = [settings.space.option_values(slot.params) for slot in slots]
    results: dict[str, Any] = {"params": params}
    for name in settings.space.names:
        column = np.empty(len(slots), object)
        for place, each in enumerate(params):
            column[place] = each.get(name)
        results[f"param_{name}"] = column
    results |= {f"split{n}_test_score": scores[:, n] for n in range(settings.seeds)}
    results["mean_test_score"] = scores.mean(axis=1)
    results["std_test_score"] = scores.std(axis=1)
    last = len(order) + 1
    results["rank_test_score"] = np.array([order.get(s.number, last) for s in slots], np.int32)
    seconds = [slot.attribute(SECONDS) for slot in slots]
    results["mean_fit_time"] = np.array([np.nan if s is None else s for s in seconds], float)
    results["state"] = np.array([slot.state for slot in slots])
    losses = [np.nan if slot.value is None else slot.value for slot in slots]
    results["valid_loss"] = np.array(losses, float)
    return results
