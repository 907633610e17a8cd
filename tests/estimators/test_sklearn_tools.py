"""The tools of scikit-learn with the estimators: searches, pipelines, weights, copies."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from hiddenstate import Callback, RecurrentClassifier
from hiddenstate.errors import DataError, OptionError
from hiddenstate.kernels import processors
from tests.conftest import ENGINES, needs_kernels
from tests.estimators.in_processes import threads_of
from tests.estimators.test_estimators import KINDS, RNG, Y_CLASS, Y_LAST, Y_STEPS, N, T, X
from tests.estimators.test_inputs import (
    FLAT,
    MADE,
    NAMES,
    PANDAS,
    POLARS,
    SERIES,
    STEPS,
    TAKEN,
    TARGETS,
    classifier,
    coder,
    objects,
    predictions_of,
    regressor,
)

WEIGHTS = RNG.random(N) + 0.1


def same_weights(one, other):
    for name, array in one.model_.params.items():
        np.testing.assert_array_equal(other.model_.params[name], array)


@parametrize_with_checks([RecurrentClassifier(epochs=60, hidden_size=8, threads=1, missing="mask")])
def test_the_checks_of_scikit_learn_with_missing_values(estimator, check):
    check(estimator)


# Searches and cross-validation


@pytest.mark.parametrize("rows", [X, FLAT, SERIES, objects(SERIES)], ids=["3D", "2D", "list", "o"])
def test_a_search_over_any_kind_of_rows(rows):
    search = GridSearchCV(classifier(), {"hidden_size": [2, 3], "cell": ["gru"]}, cv=2)
    search.fit(rows, Y_CLASS)
    assert search.best_params_["cell"] == "gru"
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(rows).shape == (N,)


@needs_kernels
def test_a_search_in_two_processes_finds_the_same_with_a_core_each():
    for rows in (X, SERIES):
        grid = {"hidden_size": [2, 3]}
        one = GridSearchCV(classifier(), grid, cv=2, n_jobs=1).fit(rows, Y_CLASS)
        two = GridSearchCV(classifier(), grid, cv=2, n_jobs=2).fit(rows, Y_CLASS)
        for name in ("split0_test_score", "split1_test_score"):
            np.testing.assert_array_equal(one.cv_results_[name], two.cv_results_[name])
        same_weights(one.best_estimator_, two.best_estimator_)
    threads = cross_val_score(classifier(), X, Y_CLASS, cv=2, n_jobs=2, scoring=threads_of)
    assert threads.tolist() == [max(1, processors() // 2)] * 2


@pytest.mark.parametrize("job", KINDS)
def test_cross_validation_is_what_a_loop_would_do(job):
    rows, y = X, TARGETS[job]
    fitted = cross_val_score(MADE[job](), rows, y, cv=3)
    assert fitted.shape == (3,)
    folds = StratifiedKFold(3) if job == "classify" else sklearn.model_selection.KFold(3)
    for score, (trained_on, held_out) in zip(fitted, folds.split(rows, y), strict=True):
        own = [None, None] if y is None else [y[trained_on], y[held_out]]
        assert MADE[job]().fit(rows[trained_on], own[0]).score(rows[held_out], own[1]) == score


def test_cross_validation_of_targets_at_every_step():
    estimator = regressor(output="steps")
    assert np.isfinite(cross_val_score(estimator, X, Y_STEPS, cv=2)).all()
    for y in (STEPS, objects(STEPS)):
        scores = cross_validate(estimator, SERIES, y, cv=2, error_score="raise")["test_score"]
        assert np.isfinite(scores).all()
    predicted = cross_val_predict(estimator, SERIES, STEPS, cv=2)
    assert [row.shape for row in predicted] == [row.shape for row in STEPS]


def test_pipelines_of_two_and_three_dimensions():
    flat = make_pipeline(StandardScaler(), classifier()).fit(FLAT, Y_CLASS)
    scaled = StandardScaler().fit_transform(FLAT)
    expected = classifier().fit(scaled, Y_CLASS).predict_proba(scaled)
    np.testing.assert_array_equal(flat.predict_proba(FLAT), expected)
    differences = FunctionTransformer(np.diff, kw_args={"axis": 1})
    deep = make_pipeline(differences, classifier()).fit(X, Y_CLASS)
    expected = classifier().fit(np.diff(X, axis=1), Y_CLASS).predict_proba(np.diff(X, axis=1))
    np.testing.assert_array_equal(deep.predict_proba(X), expected)
    search = GridSearchCV(deep, {"recurrentclassifier__hidden_size": [2, 3]}, cv=2)
    assert search.fit(X, Y_CLASS).predict(X).shape == (N,)
    coded = make_pipeline(coder(), LogisticRegression()).fit(X, Y_CLASS)
    assert coded.predict(X).shape == (N,)
    assert list(coded[:-1].get_feature_names_out()) == ["autoencoder0", "autoencoder1"]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_codes_can_be_data_frames(kind):
    frame = {"pandas": PANDAS, "polars": POLARS}[kind]
    module = {"pandas": pd, "polars": pl}[kind]
    expected = coder().fit(FLAT).transform(FLAT)
    estimator = coder().set_output(transform=kind)
    for given in (frame, FLAT, X):
        codes = clone(estimator).fit_transform(given)
        assert isinstance(codes, module.DataFrame)
        assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    codes = estimator.fit(frame).transform(frame)
    np.testing.assert_array_equal(codes.to_numpy(), expected)
    assert list(estimator.get_feature_names_out(NAMES)) == list(codes.columns)
    assert estimator.inverse_transform(codes).shape == FLAT.shape


# Copies


@pytest.mark.parametrize("job", KINDS)
def test_every_parameter_can_be_cloned_set_and_read(job):
    estimator = MADE[job]()
    for name, value in estimator.get_params().items():
        marked = [value, name]
        copy = clone(clone(estimator).set_params(**{name: marked}))
        assert copy.get_params()[name] == marked
    with pytest.raises(ValueError, match="Invalid parameter 'hiden'"):
        estimator.set_params(hiden=3)


@pytest.mark.parametrize("job", KINDS)
def test_pickle_and_joblib_keep_all_to_the_last_bit(job, tmp_path):
    estimator = MADE[job](missing="mean", scale="standard").fit(FLAT, TARGETS[job])
    joblib.dump(estimator, tmp_path / "m.joblib")
    for copy in (pickle.loads(pickle.dumps(estimator)), joblib.load(tmp_path / "m.joblib")):
        np.testing.assert_array_equal(predictions_of(copy, FLAT), predictions_of(estimator, FLAT))
        assert copy.history_ == estimator.history_
        assert vars(copy).keys() == vars(estimator).keys()


@pytest.mark.parametrize("job", KINDS)
def test_a_second_fit_starts_over(job):
    estimator = MADE[job](valid_fraction=0.2, patience=1).fit(FLAT, TARGETS[job])
    same_weights(MADE[job]().fit(X, TARGETS[job]), clone(MADE[job]()).fit(X, TARGETS[job]))
    estimator.set_params(valid_fraction=0, patience=0)
    same_weights(estimator.fit(X, TARGETS[job]), MADE[job]().fit(X, TARGETS[job]))


def test_random_state_is_an_int_a_generator_of_numpy_or_none():
    fit = [classifier(random_state=np.random.RandomState(3)).fit(X, Y_CLASS) for _ in range(2)]
    same_weights(*fit)
    shared = np.random.RandomState(3)
    one, two = (classifier(random_state=shared).fit(X, Y_CLASS) for _ in range(2))
    assert not np.array_equal(one.model_.params["out.bias"], two.model_.params["out.bias"])
    np.random.seed(5)
    one = classifier(random_state=None).fit(X, Y_CLASS)
    np.random.seed(5)
    same_weights(one, classifier(random_state=None).fit(X, Y_CLASS))
    same_weights(*(classifier(random_state=s).fit(X, Y_CLASS) for s in (7, np.int64(7))))
    with pytest.raises(OptionError, match=r"^random_state: "):
        classifier(random_state=-1).fit(X, Y_CLASS)


# Weights of rows and of classes


@pytest.mark.parametrize(("job", "rows"), TAKEN)
def test_a_row_of_weight_zero_counts_as_left_out(job, rows):
    weights = WEIGHTS * (np.arange(N) % 3 > 0)
    kept, y = np.flatnonzero(weights), TARGETS[job]
    # It affects neither scaling, nor the number of updates, nor which rows are held out.
    options = {"max_steps": None, "batch_size": 16, "valid_fraction": 0.25, "scale": "standard"}
    scaled = [row * (1 if w else 1e3) for row, w in zip(rows, weights, strict=True)]
    wild = scaled if rows is SERIES else np.array(scaled)
    one = MADE[job](**options).fit(wild, y, weights)
    few = [rows[i] for i in kept] if rows is SERIES else rows[kept]
    two = MADE[job](**options).fit(few, None if y is None else y[kept], weights[kept])
    assert one.n_steps_ == two.n_steps_
    same_weights(one, two)


@pytest.mark.parametrize("job", KINDS)
def test_only_the_ratio_of_weights_counts(job):
    one = MADE[job]().fit(X, TARGETS[job], WEIGHTS)
    two = MADE[job]().fit(X, TARGETS[job], WEIGHTS * 1e6)
    np.testing.assert_allclose(predictions_of(one, X), predictions_of(two, X), rtol=1e-7)
    other = MADE[job]().fit(X, TARGETS[job])
    assert not np.allclose(predictions_of(one, X), predictions_of(other, X), rtol=1e-3)


@pytest.mark.parametrize("job", KINDS)
@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.ones(N - 1), "sample_weight"),
        (-WEIGHTS, "Negative"),
        (np.zeros(N), "non-zero"),
        (np.full(N, np.nan), "NaN"),
        (np.ones((N, 2)), "1D"),
    ],
)
def test_invalid_weights_are_rejected(job, weights, words):
    with pytest.raises(ValueError, match=words):
        MADE[job]().fit(X, TARGETS[job], weights)


def close(one, other):
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-9)


def test_class_weights_are_sample_weights_that_do_not_affect_scaling():
    def plain(**options):
        return classifier(scale="none", **options)

    each = np.where(Y_CLASS == "up", 3.0, 1.0)
    for rows in (X, SERIES):
        by_class = plain(class_weight={"up": 3.0}).fit(rows, Y_CLASS)
        close(by_class, plain().fit(rows, Y_CLASS, each))
    both = plain(class_weight={"up": 3.0}).fit(X, Y_CLASS, WEIGHTS)
    close(both, plain().fit(X, Y_CLASS, WEIGHTS * each))
    scaled = classifier(class_weight={"up": 3.0}).fit(X, Y_CLASS).model_.transform.scaling
    np.testing.assert_array_equal(scaled[0], X.mean(axis=(0, 1)))
    none = classifier(class_weight={"up": 0.0}, max_steps=60).fit(X, Y_CLASS)
    assert list(none.classes_) == ["down", "up"]
    assert (none.predict(X) == "down").all()


def test_balanced_classes_have_equal_weight():
    balanced = classifier(class_weight="balanced").fit(X, Y_CLASS)
    labels, counts = np.unique(Y_CLASS, return_counts=True)
    own = dict(zip(labels, N / 2 / counts, strict=True))
    close(balanced, classifier(class_weight=own).fit(X, Y_CLASS))
    # With sample weights, the sums of the weights of the classes are balanced.
    both = classifier(class_weight="balanced").fit(X, Y_CLASS, WEIGHTS)
    own = {label: 1 / WEIGHTS[label == Y_CLASS].sum() for label in labels}
    close(both, classifier(class_weight=own).fit(X, Y_CLASS, WEIGHTS))


@pytest.mark.parametrize("wrong", [[1, 2], 3.0, "balance"])
def test_class_weights_of_another_type_are_rejected(wrong):
    with pytest.raises(OptionError, match=r"^class_weight: "):
        classifier(class_weight=wrong).fit(X, Y_CLASS)


@pytest.mark.parametrize(
    "y", [(Y_CLASS == "up") * 3 - 1, Y_CLASS == "up", (Y_CLASS == "up").astype("f4"), list(Y_CLASS)]
)
def test_labels_of_any_type_are_predicted(y):
    estimator = classifier(max_steps=60).fit(X, y)
    assert set(estimator.predict(X).tolist()) == set(np.asarray(y).tolist())
    assert estimator.classes_.dtype == np.asarray(y).dtype
    assert estimator.score(X, y) > 0.6


def test_labels_are_checked_as_by_scikit_learn():
    with pytest.warns(sklearn.exceptions.DataConversionWarning, match="column-vector"):
        assert classifier().fit(X, Y_CLASS[:, None]).predict(X).shape == (N,)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        classifier().fit(X, Y_LAST)
    with pytest.raises(ValueError, match="requires y to be passed"):
        classifier().fit(X, None)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        classifier().fit(X, np.where(Y_LAST > 0, 1, np.nan))


def test_scores_use_sample_weights():
    chosen, y = np.arange(N) < 20, np.stack([Y_LAST, -2 * Y_LAST], axis=1)
    for estimator, true in (
        (regressor().fit(X, Y_LAST), Y_LAST),
        (regressor().fit(X, y), y),
        (regressor(output="steps").fit(X, Y_STEPS), Y_STEPS),
        (regressor(output="steps").fit(X, Y_STEPS[..., None]), Y_STEPS[..., None]),
        (classifier().fit(X, Y_CLASS), Y_CLASS),
    ):
        expected = estimator.score(X[chosen], true[chosen])
        assert estimator.score(X, true, chosen) == pytest.approx(expected)


def test_the_score_of_many_targets_is_their_mean():
    y = np.stack([Y_STEPS, 100 - 50 * Y_STEPS**2], axis=2)
    estimator = regressor(output="steps", scale="standard").fit(X, y)
    each = [r2_score(y[..., o].ravel(), estimator.predict(X)[..., o].ravel()) for o in (0, 1)]
    assert estimator.score(X, y) == pytest.approx(np.mean(each))


# Routing of metadata


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("_routing")
def test_weights_are_routed_through_a_pipeline_and_a_search():
    own = classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    pipeline = make_pipeline(FunctionTransformer(), own)
    pipeline.fit(X, Y_CLASS, sample_weight=WEIGHTS)
    same_weights(pipeline[-1], classifier().fit(X, Y_CLASS, WEIGHTS))
    name = "recurrentclassifier__hidden_size"
    search = GridSearchCV(pipeline, {name: [4]}, cv=2).fit(X, Y_CLASS, sample_weight=WEIGHTS)
    same_weights(search.best_estimator_[-1], pipeline[-1])
    trained_on, held_out = next(StratifiedKFold(2).split(X, Y_CLASS))
    half = classifier().fit(X[trained_on], Y_CLASS[trained_on], WEIGHTS[trained_on])
    expected = half.score(X[held_out], Y_CLASS[held_out], WEIGHTS[held_out])
    assert search.cv_results_["split0_test_score"][0] == pytest.approx(expected)


@pytest.mark.usefixtures("_routing")
def test_weights_are_routed_to_regressors_and_coders():
    own = regressor().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    scores = cross_val_score(own, SERIES, Y_LAST, params={"sample_weight": WEIGHTS}, cv=2)
    assert np.isfinite(scores).all()
    first = coder().set_fit_request(sample_weight=True)
    last = LogisticRegression().set_fit_request(sample_weight=False)
    pipeline = make_pipeline(first, last).fit(X, Y_CLASS, sample_weight=WEIGHTS)
    same_weights(pipeline[0], coder().fit(X, sample_weight=WEIGHTS))


@pytest.mark.usefixtures("_routing")
def test_weights_that_are_not_requested_raise():
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
        GridSearchCV(classifier(), {"hidden_size": [4]}, cv=2).fit(
            X, Y_CLASS, sample_weight=WEIGHTS
        )


# Validation rows


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("job", KINDS)
def test_training_stops_early_with_the_best_weights(job, engine):
    options = {"valid_fraction": 0.25, "batch_size": 15, "lr": 0.1, "engine": engine}
    kept = {}

    class Keep(Callback):
        def on_valid(self, trainer, event):
            kept[event["step"]] = trainer.engine.export().params

    estimator = MADE[job](max_steps=None, epochs=40, patience=3, **options)
    estimator.fit(X, TARGETS[job], callbacks=[Keep()])
    looks = [event for event in estimator.history_ if event["event"] == "valid"]
    losses = [event["valid_loss"] for event in looks]
    best = int(np.argmin(losses))
    assert len(looks) == min(best + 1 + 3, 40)
    assert estimator.n_steps_ == 3 * len(looks)
    for name, array in kept[looks[best]["step"]].items():
        np.testing.assert_array_equal(estimator.model_.params[name], array)


def test_validation_rows_are_of_each_class_and_always_the_same():
    options = {"valid_fraction": 0.2, "epochs": 3, "max_steps": None}
    same_weights(*(classifier(**options).fit(X, Y_CLASS) for _ in range(2)))
    with pytest.raises(DataError, match="use valid_fraction=0"):
        regressor(valid_fraction=0.01).fit(X[:6], Y_LAST[:6])


def test_errors_name_parameters_as_in_python():
    for options in (
        {"patience": 2},
        {"dropout": 0.5},
        {"momentum": 0.5},
        {"lr_schedule": "inverse", "hold": 0},
    ):
        with pytest.raises(OptionError, match=f"^{next(iter(options))}: ") as caught:
            classifier(**options).fit(X, Y_CLASS)
        assert "--" not in str(caught.value)
    with pytest.raises(OptionError, match="stateful=False"):
        regressor(stateful=True, shuffle=True, hold=9).fit(X, Y_LAST)
    with pytest.raises(DataError, match="use output_activation='linear' or scale='minmax'"):
        coder(output_activation="sigmoid", scale="none").fit(X)


def test_a_fit_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for job in KINDS:
            MADE[job]().fit(X, TARGETS[job])
        assert regressor(output="steps").fit(SERIES, STEPS).predict(X).shape == (N, T)
