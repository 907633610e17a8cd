"""Cut numbers of an integer model are counted for each vector."""

from dataclasses import replace

from hiddenstate.inference.quantising import quantised
from hiddenstate.inference.saturation import saturation
from tests.contract.models import CLASSIFY, CODE, made
from tests.inference.test_quantising import rows_of


def test_a_number_beyond_the_ranges_is_counted() -> None:
    model = made(1, CLASSIFY, cell="lstm")
    rows = rows_of(model)
    integer, _ = quantised(model, rows)
    far = saturation(integer, replace(rows, X=100 * rows.X))
    near = saturation(integer, rows)
    assert far[0].name == near[0].name == "input"
    assert far[0].share > 0.9
    assert near[0].share < 0.001


def test_what_lies_between_minus_1_and_1_is_never_cut() -> None:
    for name, vectors in (
        ("tanh", ["input", "dense 1", "code", "decoder dense 1"]),
        ("relu", ["input", "dense 1", "code", "decoder dense 1"]),
    ):
        model = made(6, CODE)
        config = replace(model.net.autoencoder, activation=name, encoder_sizes=(9,))
        net = replace(model.net, config=config)
        params = {n: 30 * a for n, a in net.initial(0, "float32").items()}
        model = replace(model, net=net, params=params)
        rows = rows_of(model, 400)
        integer, _ = quantised(model, rows, share=0.9)
        found = saturation(integer, rows)
        assert [each.name for each in found] == vectors
        assert (found[1].share > 0.01) == (name == "relu")
