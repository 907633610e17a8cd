"""Data the program brings: MNIST, and waves made on the spot."""

from hiddenstate.datasets.mnist import load_mnist
from hiddenstate.datasets.waves import load_waves

__all__ = ["load_mnist", "load_waves"]
