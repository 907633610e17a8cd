"""Data the program brings: MNIST, and waves made on the spot."""

from hiddenstate.data.bundled.mnist import load_mnist
from hiddenstate.data.bundled.waves import load_waves

__all__ = ["load_mnist", "load_waves"]
