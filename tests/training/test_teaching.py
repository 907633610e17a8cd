"""The choice of the temperature and the weight of a teacher."""

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.errors import OptionError
from hiddenstate.jobs import taught_job
from hiddenstate.models.companions.convolutions import ConvolutionPath
from hiddenstate.training.teaching import CANDIDATES, _Comparison, with_teaching
from tests.conftest import needs_kernels

N = 60
y = np.arange(N) % 2
X = np.random.default_rng(0).normal(0, 0.5, (N, 12, 1))
X[np.arange(N), 3 + 5 * y] += 2
AUTO = {"teach_temperature": "auto", "teach_weight": "auto"}


def chosen(job, targets, teacher, **options):
    small = {"hidden_size": 4, "batch_size": 10, "epochs": 40, "lr": 0.02, "test_fraction": 0.0}
    config = make_config(job, {**small, "teach": "answers", **options})
    raw = SequenceDataset("X", Rows(X, targets))
    return with_teaching(config, raw, prepare(raw, config), teacher)


def test_a_teacher_that_is_wrong_gets_less_weight_than_one_that_is_right():
    """The labels of a fifth of the rows are wrong, which one teacher does not know."""
    wrong = np.where(np.arange(N) % 5 == 0, 1 - y, y)
    sure = np.where(np.arange(2) == y[:, None], 6.0, -6.0)
    random, targets = np.random.default_rng(1), X[:, 3:6].sum(axis=1)
    options = {"output": "last", "stateful": False, "teach_weight": "auto", "shuffle": True}
    weights = []
    for answers in (targets, random.permutation(targets)):
        config, dataset = chosen(
            "regress", targets + random.normal(size=(N, 1)), answers, **options
        )
        weights.append(config.training.teach_weight)
        assert dataset.remarks[-1].endswith("by rows that nets did not learn from")
    assert weights[0] <= 0.3 < weights[1], weights
    config, _ = chosen("classify", wrong, sure, **AUTO)
    assert config.training.teach_temperature in CANDIDATES["teach_temperature"]
    assert config.training.teach_weight in CANDIDATES["teach_weight"]
    assert config == chosen("classify", wrong, sure, **AUTO)[0]


@needs_kernels
def test_each_net_has_a_teacher_without_the_rows_that_it_is_compared_on():
    values = {"teach": "convolutions", "augment": ("jitter",), "hidden_size": 4, "epochs": 3}
    config = make_config("classify", {**values, "test_fraction": 0.0})
    raw = SequenceDataset("X", Rows(X, y))
    dataset = prepare(raw, config)
    comparison = _Comparison(config, raw, dataset, None)
    assert comparison.taught.answers.shape == (3, 3, N, 2)
    folds = [comparison.folds == number for number in range(3)]
    fits = ConvolutionPath.fits(dataset.train, 2, folds, 0, 1)
    for own, fit, answers in zip(folds, fits, comparison.taught.answers, strict=True):
        np.testing.assert_array_equal(answers[0, own], fit.held_out[own].astype(np.float32))
    assert comparison.losses({}).shape == ((comparison.folds < 3).sum(),)


def test_rows_of_one_group_compare_nothing():
    config = make_config("classify", {"teach": "answers", "test_fraction": 0.0, **AUTO})
    raw = SequenceDataset("X", Rows(X, y, groups=np.zeros(N, int)))
    config, dataset = with_teaching(config, raw, prepare(raw, config), np.full((N, 2), 0.5))
    assert dataset.remarks[-1].endswith("temperature 2 and weight 0.3, as no rows can be left out")
    assert (config.training.teach_temperature, config.training.teach_weight) == (2, 0.3)


def test_what_is_not_decided_is_refused():
    config, dataset = chosen("classify", y, None)  # numbers are left as they are
    raw = SequenceDataset("X", Rows(X, y))
    undecided = make_config("classify", {**config.flat(), **AUTO})
    with pytest.raises(OptionError, match="auto is decided where a run is trained"):
        taught_job(undecided, raw, dataset, np.full((N, 2), 0.5))
    with pytest.raises(OptionError, match="auto leaves out rows, which follow one another"):
        make_config("regress", {"teach": "answers", "teach_weight": "auto"})
    with pytest.raises(OptionError, match="expected auto, or a number from 0 to 1, got 2"):
        make_config("classify", {"teach": "answers", "teach_weight": 2})
