"""Hidden states are those of the torch module; the output of a prefix is that of a shorter row."""

from typing import Any

import numpy as np
import pytest
import torch

from hiddenstate import RecurrentClassifier, RecurrentRegressor
from hiddenstate.engines import make_predictor
from hiddenstate.inference import hidden_states
from hiddenstate.inference.hidden_states import after_prefixes, hidden_state_model, prefixes
from hiddenstate.program.cells import CHOICES

RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 9, 3))
Y = np.arange(12) % 3


def fitted(**options):
    return RecurrentClassifier(
        hidden_size=5, max_steps=4, scale="none", threads=1, random_state=0, **options
    ).fit(X, Y)


@pytest.mark.parametrize("cell", CHOICES)
@pytest.mark.parametrize("shape", [{}, {"layers": 2}, {"bidirectional": True}, {"readout": "mean"}])
def test_hidden_states_are_those_of_the_torch_module(cell, shape):
    clf = fitted(cell=cell, **shape)
    net = clf.to_torch()
    with torch.no_grad():
        expected = net.rnn(torch.from_numpy(X))[0].numpy()
    np.testing.assert_allclose(clf.hidden_states(X), expected, rtol=1e-9, atol=1e-12)


def test_both_engines_give_the_same_states():
    from hiddenstate.engines.torch import TorchPredictor

    clf = fitted()
    states = TorchPredictor(hidden_state_model(clf.model_), "cpu").predict(X)
    np.testing.assert_allclose(clf.hidden_states(X), states, rtol=1e-9, atol=1e-12)


def test_states_of_unequal_series_end_where_they_end():
    series = [X[0], X[1, :4], X[2, :1]]
    clf = fitted()
    states = clf.hidden_states(series)
    assert [part.shape for part in states] == [(9, 5), (4, 5), (1, 5)]
    np.testing.assert_allclose(states[1], clf.hidden_states(X[1:2, :4])[0], rtol=1e-12)


def test_a_carried_state_continues_from_row_to_row():
    reg = RecurrentRegressor("rnn", stateful=True, output="steps", hidden_size=4, epochs=1)
    reg.fit(X, X[:, :, :1])
    whole = reg.hidden_states(X.reshape(1, -1, 3))
    np.testing.assert_allclose(reg.hidden_states(X).reshape(1, -1, 4), whole, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [{}, {"bidirectional": True}, {"readout": "mean"}])
def test_the_output_after_some_steps_is_that_of_the_row_cut_there(shape):
    clf = fitted(**shape)
    ends = np.array([1, 4, 9])
    predictor = make_predictor(clf.model_, "cpu", 1)
    early = predictor.predict(*prefixes(X, None, ends)).reshape(12, 3, -1)
    for place, end in enumerate(ends):
        cut = predictor.predict(np.ascontiguousarray(X[:, :end]))
        np.testing.assert_allclose(early[:, place], cut, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [{}, {"readout": "mean"}, {"bidirectional": True}])
def test_prefixes_of_long_rows_are_read_on_from_each_other(shape, monkeypatch):
    clf, ends, lengths = fitted(**shape), np.array([1, 4, 9]), np.array([9, 6, 2, 9])
    models = clf.model_, hidden_state_model(clf.model_)
    rows: Any = *(make_predictor(model, "cpu", 1) for model in models), X[:4], lengths, ends
    whole = after_prefixes(clf.model_, *rows)
    monkeypatch.setattr(hidden_states, "PREFIXED", 0)
    for one, other in zip(whole, after_prefixes(clf.model_, *rows), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_no_prefix_is_longer_than_its_row():
    rows, lengths = prefixes(X[:2], np.array([3, 9]), np.array([2, 5, 9]))
    assert rows.shape == (6, 9, 3)
    assert lengths.tolist() == [2, 3, 3, 2, 5, 9]
