"""Data that comes with the program: MNIST digits, and generated waves."""

from hiddenstate.data.bundled.mnist import load_mnist
from hiddenstate.data.bundled.waves import load_waves

__all__ = ["load_mnist", "load_waves"]
