"""The random numbers of augmented rows."""

import numpy as np
import pytest

from hiddenstate.data.prepare.augment_numbers import hashes, normal
from hiddenstate.data.prepare.batches import generator_key


def test_numbers_are_those_of_splitmix64():
    def mixed(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    one, two = (hashes(0, "test", np.array([d]), np.array([5]), 3)[0].tolist() for d in (0, 1))
    step, key = 0x9E3779B97F4A7C15, int(generator_key(0, "augment test")[0])
    state = mixed((mixed(key) + 5 * step) % 2**64)
    assert one == [mixed((state + k * step) % 2**64) for k in (1, 2, 3)]
    assert len({*one, *two}) == 6


def test_noise_has_mean_0_and_deviation_1():
    values = normal(hashes(0, "test", np.zeros(200, int), np.arange(200), 500))
    assert abs(values.mean()) < 0.01
    assert values.std() == pytest.approx(1, abs=0.01)
