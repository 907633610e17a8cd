"""Several companions beside the nets of one model: each joins what stands before it."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.data import Rows
from hiddenstate.engines import make_predictor
from hiddenstate.export.trial import trials_of
from hiddenstate.jobs.companion_share import with_share
from hiddenstate.models.companions import Fit
from hiddenstate.models.meaning import program_of
from hiddenstate.program.companions import combine
from tests.export.models import path_of, random_model


@pytest.mark.parametrize("shares", [(0.5, 0.75), (0.25, 0.0), (0.0, 0.5)])
def test_companions_join_in_turn(shares):
    model = random_model(7, job="classify", convolutions=0.5, members=2, steps=12, missing="mean")
    path = path_of(model)
    other = replace(path, bias=path.bias[::-1].copy(), net_scale=0.8)
    pair = tuple(replace(each, net_share=s) for each, s in zip((path, other), shares, strict=True))
    both, trial = replace(model, companions=pair), trials_of(model)[0]
    rows = model.transform.apply(trial.X, trial.lengths, float, "X")
    wanted = make_predictor(replace(model, companions=()), "cpu", 1).predict(rows, trial.lengths)
    for each in pair:
        logits = each.logits(rows, trial.lengths, 1)
        wanted = combine(wanted, logits, each.net_share, each.net_scale)
    found = make_predictor(both, "cpu", 1).predict(rows, trial.lengths)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(program_of(both).outputs(rows, trial.lengths), wanted, atol=1e-2)


def test_a_share_is_that_of_all_that_a_companion_joins():
    path = path_of(random_model(7, job="classify", convolutions=0.5, outputs=2, steps=12))
    y = np.arange(40) % 2
    right, unsure = np.where(y[:, None] == [0, 1], 3.0, -3.0), np.zeros((40, 2))
    rows, places = Rows(np.zeros((40, 1, 1)), y), np.arange(0, 40, 3)
    companion, joined = with_share(Fit(path, unsure), right[places], places, rows)
    assert companion.net_share == 0.75
    wanted = combine(right[places], unsure[places], 0.75, companion.net_scale)
    np.testing.assert_array_equal(joined, wanted)
    none, nothing = with_share(Fit(path, unsure), right[:0], places[:0], rows)
    assert (none.net_share, none.net_scale, len(nothing)) == (0, 1, 0)
