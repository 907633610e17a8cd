"""Names of types that every room uses."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
"""An array of any shape and type; docstrings state both where they matter."""

Arrays = Mapping[str, Array]
"""Arrays by name."""

NamedArrays = dict[str, Array]
"""Arrays by name, in a dict of the caller's own."""
