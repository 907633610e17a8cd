"""Learning while reading: `learn_one` and `predict_one` of regressor and classifier."""

import copy
import datetime
import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.errors import DataError, OptionError, UntrustedFileError
from hiddenstate.system.array_file import read_arrays, write_arrays
from tests.conftest import needs_kernels

pytestmark = needs_kernels

Stream = list[tuple[dict[Any, Any], Any]]
DAY = datetime.datetime(2026, 3, 1)


def regressor(**options: Any) -> RecurrentRegressor:
    return RecurrentRegressor(**{"hidden_size": 8, "random_state": 0, **options})


def classifier(**options: Any) -> RecurrentClassifier:
    return RecurrentClassifier(**{"cell": "gru", "hidden_size": 8, "random_state": 0, **options})


def numbers(n: int, seed: int = 0) -> Stream:
    """Targets about 100 that depend on the features of this step and the one before."""
    a, b = np.random.default_rng(seed).normal(size=(2, n)).tolist()
    return [({"a": a[i], "b": b[i]}, 100 + 3 * a[i] + 2 * math.tanh(b[i - 1])) for i in range(n)]


def labels(n: int) -> Stream:
    """Labels that repeat what a feature was two steps before."""
    bits = np.random.default_rng(0).integers(2, size=n).tolist()
    return [({"bit": bits[i]}, "on" if bits[i - 2] else "off") for i in range(n)]


def learned(estimator: Any, stream: Stream) -> list[Any]:
    """Let an estimator learn; return what it answered to each step before."""
    answers = []
    for x, y in stream:
        answers.append(estimator.predict_one(x))
        estimator.learn_one(x, y)
    return answers


def rmse(answers: list[float], stream: Stream, first: int = 1) -> float:
    errors = [answer - y for answer, (_, y) in zip(answers, stream, strict=True)][first:]
    return math.sqrt(np.mean(np.square(errors)))


MADE: dict[str, Any] = {"regress": (regressor, numbers), "classify": (classifier, labels)}


def test_a_regressor_learns_a_target_far_from_zero() -> None:
    stream, reg = numbers(600), regressor()
    answers = learned(reg, stream)
    assert answers[0] == 0.0
    assert abs(answers[2] - 100) < 20
    spread = np.std([y for _, y in stream])
    assert rmse(answers, stream, 300) < 0.3 * spread
    assert reg.answered_by_ == "the network and a linear path"


def test_where_nothing_helps_the_last_value_answers() -> None:
    walk = np.random.default_rng(1).normal(size=500).cumsum().tolist()
    stream: Stream = [({}, y) for y in walk]
    answers = learned(regressor(), stream)
    last = [0.0, *walk[:-1]]
    assert rmse(answers, stream) < 1.02 * rmse(last, stream)


def test_a_classifier_learns_what_only_the_state_knows() -> None:
    stream, clf = labels(800), classifier()
    assert clf.predict_proba_one(stream[0][0]) == {}
    answers = learned(clf, stream)
    assert answers[0] is None
    hits = [answer == y for answer, (_, y) in zip(answers, stream, strict=True)]
    assert np.mean(hits[600:]) > 0.95
    assert clf.answered_by_ == "the network"
    probabilities = clf.predict_proba_one({"bit": 1})
    assert set(probabilities) == {"on", "off"}
    assert sum(probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize("job", MADE)
def test_predict_one_changes_nothing_and_the_order_of_features_does_not_count(job: str) -> None:
    make, made = MADE[job]
    stream = [({**x, "late": float(i)} if i > 5 else x, y) for i, (x, y) in enumerate(made(40))]
    one, other = make(), make()
    for x, y in stream:
        before = pickle.dumps(one)
        answer = one.predict_one({**x, "new": 3.0, "other": "text"})
        assert pickle.dumps(one) == before
        assert answer == other.predict_one(dict(reversed(x.items())))
        one.learn_one(x, y)
        other.learn_one(dict(reversed(x.items())), y)


@pytest.mark.parametrize("job", MADE)
def test_copies_pickles_and_files_continue_to_the_last_bit(job: str, tmp_path: Any) -> None:
    make, made = MADE[job]
    estimator, stream = make(layers=2, cell="lstm"), made(90)
    learned(estimator, stream[:60])
    estimator.save(tmp_path / "m.safetensors")
    copies = [
        copy.deepcopy(estimator),
        pickle.loads(pickle.dumps(estimator)),
        load(tmp_path / "m.safetensors", type(estimator)),
    ]
    answers = learned(estimator, stream[60:])
    for each in copies:
        assert learned(each, stream[60:]) == answers
        assert each.get_params() == estimator.get_params()
        assert each.drifts_ == estimator.drifts_
    assert clone(estimator).predict_one(stream[0][0]) in (0.0, None)


def test_features_come_and_go_without_a_change_of_the_answers() -> None:
    reg, stream = regressor(), numbers(60)
    learned(reg, stream)
    x, answer = stream[0][0], reg.predict_one(stream[0][0])
    reg._online.inputs.room([f"f{i}" for i in range(20)])
    reg._online.grow()
    assert reg.predict_one(x) == pytest.approx(answer, abs=1e-5)
    many = {f"f{i}": float(i) for i in range(100)}
    for i, (x, y) in enumerate(stream):
        reg.learn_one({**x, **many, "f3": None, "f4": math.nan, "f5": i % 2 == 0}, y)
    assert math.isfinite(reg.predict_one({}))


def test_texts_and_times_are_features() -> None:
    rng = np.random.default_rng(0)
    stream: Stream = []
    for i in range(400):
        time, color = DAY + datetime.timedelta(hours=i), ["red", "blue", "green"][rng.integers(3)]
        y = 5 * math.sin(2 * math.pi * (i % 24) / 24) + {"red": 3, "blue": -2, "green": 0}[color]
        stream.append(({"time": time, "color": color}, y))
    answers = learned(regressor(last_target=False), stream)
    assert rmse(answers, stream, 200) < 0.5


def test_without_the_last_target_no_answer_depends_on_it() -> None:
    reg = regressor(last_target=False)
    learned(reg, numbers(50))
    before = reg.predict_one({"a": 1.0})
    reg._online.progress.last = [1e6, 1e6]
    assert reg.predict_one({"a": 1.0}) == before
    with_it = regressor()
    learned(with_it, numbers(50))
    before = with_it.predict_one({"a": 1.0})
    with_it._online.progress.last = [1e6, 1e6]
    assert with_it.predict_one({"a": 1.0}) != before


def test_a_loss_that_leaves_its_past_is_warned_of_once() -> None:
    rng, reg = np.random.default_rng(3), regressor(hidden_size=2)
    quiet: Stream = [({}, float(y)) for y in rng.normal(size=1500)]
    loud: Stream = [({}, float(y)) for y in 8 * rng.normal(size=40)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learned(reg, quiet)
    with pytest.warns(RuntimeWarning, match=r"left its own past at step 15\d\d") as caught:
        learned(reg, loud)
    assert len(caught) == len(reg.drifts_) == 1
    assert 1500 < reg.drifts_[0] < 1560


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([1.0], 1.0, "x: expected a dict of features, got a list"),
        ({"a": [1]}, 1.0, "x: a: expected a number, text or a time, got a list"),
        ({"a": math.inf}, 1.0, "x: a: expected a number of at most 1e"),
        ({"a": 1.0}, None, "y: expected a (number, got a NoneType|label)"),
        ({"a": 10**400}, 1.0, "x: a: expected a number of at most"),
        ({2.5: 1.0}, 1.0, "x: names of features are text or integers, got a float"),
        ({"a": 1.0}, math.nan, "y: "),
        ({"a": 1.0}, None, "y: "),
        ({"a": 1.0}, [1], "y: "),
    ],
)
@pytest.mark.parametrize("job", MADE)
def test_bad_values_are_refused_and_change_nothing(job: str, x: Any, y: Any, words: str) -> None:
    make, made = MADE[job]
    estimator = make()
    learned(estimator, made(5))
    before = pickle.dumps(estimator)
    with pytest.raises(DataError, match=f"^{words}"):
        estimator.learn_one(x, y)
    assert pickle.dumps(estimator) == before


def test_parameters_that_do_not_apply_are_refused() -> None:
    for options in ({"bidirectional": True}, {"members": 2}, {"lr_schedule": "inverse"}):
        with pytest.raises(OptionError, match=f"^{next(iter(options))}: .* does not apply"):
            regressor(**options).learn_one({"a": 1.0}, 1.0)
    with pytest.raises(OptionError, match=r"^hidden_size: "):
        classifier(hidden_size=0).learn_one({"a": 1.0}, "up")
    with pytest.raises(OptionError, match="native kernels"):
        regressor(device="cuda").learn_one({"a": 1.0}, 1.0)
    regressor(lr_schedule="constant", engine="native", clip=None).learn_one({"a": 1.0}, 1.0)


def test_fit_and_learn_one_do_not_mix() -> None:
    X, y = np.random.default_rng(0).normal(size=(6, 4, 1)), np.arange(6.0)
    reg = regressor(max_steps=1).fit(X, y)
    with pytest.raises(DataError, match="trained by fit"):
        reg.predict_one({"a": 1.0})
    reg = regressor(max_steps=1)
    reg.learn_one({"a": 1.0}, 1.0)
    reg.fit(X, y)
    assert reg.answered_by_ == "the network"
    assert not reg.drifts_


CHANGES: list[tuple[str, Any]] = [
    ("options", {"hidden_size": 9}),
    ("options", {"cell": "none"}),
    ("progress", {"rest": [0.0] * 100}),
    ("progress", {"losses": [1.0]}),
    ("progress", {"columns": ["a", "a"]}),
    ("progress", {"mean": "x"}),
    ("settings", {"none": 1}),
    ("arrays", {"spread": np.zeros(2)}),
    ("arrays", {"mean": np.full(8, np.nan)}),
]


@pytest.mark.parametrize(("part", "change"), CHANGES)
def test_files_that_do_not_fit_together_are_refused(part: str, change: Any, tmp_path: Any) -> None:
    reg = regressor()
    learned(reg, numbers(4))
    reg.save(tmp_path / "m.safetensors")
    arrays, facts = read_arrays(tmp_path / "m.safetensors", "learner")
    parts = {**facts, "arrays": arrays}
    parts[part] = {**parts[part], **change}
    write_arrays(tmp_path / "bad.safetensors", "learner", parts.pop("arrays"), parts)
    with pytest.raises(UntrustedFileError, match=r"bad\.safetensors"):
        load(tmp_path / "bad.safetensors")
    with pytest.raises(DataError, match="holds a RecurrentRegressor, expected Autoencoder"):
        load(tmp_path / "m.safetensors", Autoencoder)


def test_the_rate_of_partial_fit_stays_at_a_tenth() -> None:
    X = np.random.default_rng(0).normal(size=(40, 5, 1))
    rates: dict[str, Any] = {}
    for schedule in ("auto", "inverse"):
        reg = regressor(stateful=True, output="steps", hold=1, log_every=1, lr_schedule=schedule)
        for _ in range(3):
            reg.partial_fit(X, X)
        rates[schedule] = dict(reg.history_[-1])["lr"]
    assert rates["auto"] == pytest.approx(0.001)
    assert rates["inverse"] < 0.0001


@pytest.mark.parametrize("job", MADE)
def test_rivers_own_checks_pass(job: str) -> None:
    checks = pytest.importorskip("river.checks")
    checks.check_estimator(MADE[job][0](hidden_size=4).to_river())
