"""How long a net is trained whose state is carried, where `--epochs auto` decides."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor
from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.errors import OptionError
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.training import budget
from hiddenstate.training.budget import late_windows, with_budget
from hiddenstate.training.recipes import suggest
from hiddenstate.training.start import plan, start
from tests.conftest import needs_kernels

random = np.random.default_rng(0)
U = random.normal(size=(1, 600, 1))
Y = np.tanh(U + 0.5 * np.roll(U, 1, axis=1))
NOISE = random.normal(size=U.shape)

pytestmark = needs_kernels


@pytest.fixture(autouse=True)
def few_updates(monkeypatch):
    monkeypatch.setattr(budget, "UPDATES", (20, 400))


def decided(y, epochs=-1.0, **options):
    values = {"hidden_size": 8, "window": 12, "streams": 4, "epochs": epochs, "scale": "standard"}
    values |= {"lr": 0.02, "stateful": True, "test_fraction": 0.2, "dtype": "float64"}
    config = make_config("regress", {**values, **options})
    return with_budget(config, prepare(SequenceDataset("s", Rows(U, y), source="file"), config))


def test_a_clean_signal_gets_more_updates_than_noise():
    config, dataset = decided(Y)
    assert config.training.epochs == 40  # of ten updates
    assert config.training.log_every == 20
    assert any("--epochs 40: about 400 updates, the best for the last" in r for r in texts(dataset))
    assert decided(NOISE)[0].training.epochs == 2


def texts(dataset):
    return [str(remark) for remark in dataset.remarks]


def test_test_rows_decide_nothing():
    y = Y.copy()
    y[:, 490:] = NOISE[:, 490:]
    assert decided(y)[0] == decided(Y)[0]


def test_a_given_number_stays(monkeypatch):
    monkeypatch.setattr(budget, "_error", None)
    config, dataset = decided(Y, epochs=3)
    assert config.training.epochs == 3
    assert not any("--epochs" in text for text in texts(dataset))


def test_too_few_windows_get_the_usual_updates(monkeypatch):
    monkeypatch.setattr(budget, "_error", None)
    config, dataset = decided(Y, window=120, streams=None)  # four windows of training
    assert config.training.epochs == budget.USUAL / 4
    assert any("too few windows" in text for text in texts(dataset))


def test_the_last_windows_of_each_signal_are_late():
    _, dataset = decided(Y, epochs=1)
    late = late_windows(dataset)
    np.testing.assert_array_equal(late, np.arange(40) >= 32)
    rows = dataset.train
    series = np.repeat([0, 1], [11, 29])
    origin = replace(rows.origin, series=series, separate=True)
    of_two = replace(dataset, train=replace(rows, origin=origin))
    assert np.flatnonzero(late_windows(of_two)).tolist() == [9, 10, 34, 35, 36, 37, 38, 39]


def test_a_net_that_diverges_is_not_chosen():
    assert decided(Y, lr=1e6, clip=None, optimizer="sgd")[0].training.epochs == 2


def test_auto_is_for_a_carried_state():
    with pytest.raises(OptionError, match="--epochs: auto is for a carried state; give a number"):
        make_config("regress", {"stateful": False, "epochs": "auto"})
    with pytest.raises(OptionError, match="--epochs: auto is for a carried state"):
        make_config("classify", {"epochs": "auto"})
    config, dataset = decided(Y, epochs=1)
    config = make_config("regress", {**config.flat(), "epochs": "auto"})
    with pytest.raises(OptionError, match="--epochs: auto is decided where a run is trained"):
        make_job(config, dataset)


def test_the_recipe_of_a_carried_state_is_decided_where_a_run_or_a_fit_begins(tmp_path):
    table = np.stack([U[0, :, 0], Y[0, :, 0]], axis=1)
    np.savetxt(tmp_path / "s.csv", table, delimiter=",", header="u,y", comments="")
    given = {"data": str(tmp_path / "s.csv"), "input": ("u",), "target": ("y",), "stateful": True}
    config, dataset = plan("regress", given)
    assert (config.data.window, config.training.streams, config.data.washout) == (60, 2, 30)
    with start(config, tmp_path, dataset=dataset) as session:
        session.train()
        assert Run(session.writer.path).config.training.epochs == 100
    own = plan("regress", {**given, "epochs": 3, "window": 50, "output": "last"})[0]
    assert (own.training.epochs, own.data.window, own.data.washout) == (3, 50, 0)
    model = RecurrentRegressor(recipe="auto", stateful=True, output="steps", random_state=0)
    model.fit(U.reshape(10, 60, 1), Y.reshape(10, 60))
    assert model.score(U.reshape(10, 60, 1), Y.reshape(10, 60)) > 0.9


def test_as_many_streams_as_windows_can_be_decided_for():
    """The last windows are left out, so there are fewer than streams."""
    config, _ = decided(Y, streams=40)
    assert config.training.streams == 40
    assert config.training.epochs > 1


@pytest.mark.parametrize("steps", [600, 100])
def test_a_signal_that_is_not_cut_is_one_stream(steps):
    dataset = SequenceDataset("s", Rows(U[:, :steps], Y[:, :steps]), source="file")
    values = suggest("regress", dataset, {"stateful": True, "window": 0})
    assert (values["window"], values["streams"]) == (0, None)
