"""The tests. They run side by side, where threads of numpy and torch would wait for one another."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before either loads
