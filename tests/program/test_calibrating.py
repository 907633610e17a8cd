"""The bits of vectors: how large numbers are, and which count."""

import numpy as np

from hiddenstate.models.meaning import program_of
from hiddenstate.program.calibrating import bits_for, calibrated, size_of
from tests.contract.models import CLASSIFY, made, model_of


def test_sums_of_many_columns_get_smaller_vectors() -> None:
    assert [size_of(n, 16) for n in (1, 258, 259, 516, 517, 1033)] == [15, 15, 14, 14, 13, 12]
    assert [size_of(n, 8) for n in (1, 1033)] == [7, 7]
    assert [bits_for(peak, 15) for peak in (0.0, 0.1, 1.0, 1.1, 4.0, 1e6)] == [
        15,
        15,
        15,
        14,
        13,
        -5,
    ]


def test_rare_numbers_are_cut_for_the_sake_of_the_others() -> None:
    program = program_of(model_of("gru"))
    x = np.random.default_rng(2).uniform(-1, 1, (200, 60, program.width))
    bits = calibrated(program, x).input
    x[0, 0, 0] = 1e6
    assert calibrated(program, x).input == bits
    assert calibrated(program, x, share=1.0).input < bits - 10


def test_steps_after_the_end_of_rows_do_not_count() -> None:
    model = made(6, CLASSIFY, cell="lstm", bidirectional=True)
    program = program_of(model)
    x = np.random.default_rng(3).normal(size=(20, 6, program.width))
    lengths = np.random.default_rng(4).integers(1, 7, 20)
    expected = calibrated(program, x, lengths)
    for row, n in enumerate(lengths):
        x[row, n:] = 1e9
    assert calibrated(program, x, lengths) == expected
