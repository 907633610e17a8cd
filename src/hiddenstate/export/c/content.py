"""What a C header holds of a program: arrays, constants, tables of layers, and macros of parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hiddenstate.export.int8 import quantised
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array


@dataclass
class Layout:
    """A program as the header has it.

    Parameters
    ----------
    program : Program
        With the numbers that the header has.
    weights : str
        `float32` or `int8`.
    prefix : str
        Of the names in the header.
    read : mapping of ndarray, optional
        The arrays of a header, flat; its numbers are then taken instead of the program's.
    arrays : dict
        Constant arrays, in order, by names without prefix. Matrices are transposed: the weights of
        one input side by side.
    tables : dict
        Of each table of layers its type and its lines, which name arrays.
    constants : dict of int
        Sizes that only the implementation needs.
    has : set of str
        The macros `HAS_...` of the parts that it needs, without `HAS_`.
    work : int
        Multiply-adds of a step, or of a row for an autoencoder.
    """

    program: Program
    weights: str
    prefix: str
    read: Mapping[str, Array] | None = None
    arrays: dict[str, Array] = field(default_factory=dict)
    tables: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    has: set[str] = field(default_factory=set)
    work: int = 0

    @property
    def n_inputs(self) -> int:
        """Numbers that a network reads of a step."""
        return self.program.width

    @property
    def flash(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def stack(self) -> int:
        """About how many bytes the deepest call needs beside the state and what a caller gives."""
        c, program = self.constants, self.program
        if program.kind.has_codes:
            numbers = 2 * self.n_inputs + 2 * c["WIDEST"]
        elif "RECURRENT" not in self.has:
            numbers = 0
        else:
            numbers = c["SUMS"] + c.get("RANK", 0) + self.n_inputs + c["OUTPUTS"] + c["SUMMARY"]
            if "RECENT" in c:
                numbers += 2 * c["WIDEST"] + (self.state if "POOL" in c else 0)
            if "STREAMS" not in self.has:
                numbers += self.carried + c["WIDEST"] + program.n_features
                numbers += self.remembered
        numbers += c["MOST_ROWS"] if "BYTES" in self.has else 0
        if "FIXED" in self.has:
            numbers += c["MOST_BIASES"] + 3 * 2 * c["OUTPUTS"] + 40
        return 4 * numbers + 160

    @property
    def carried(self) -> int:
        """Numbers that a recurrent layer carries."""
        c = self.constants
        return c["STATES"] * c.get("COMPLEX", c["HIDDEN"])

    @property
    def state(self) -> int:
        """Numbers of a state of a series, if it streams."""
        c, has = self.constants, self.has
        numbers = c["LAYERS"] * self.carried + c.get("RECENT", 0)
        numbers += 2 * c["SUMMARY"] + 2 if "MEAN" in has else 0
        numbers += c["POOLED"] + 1 if "POOL" in has else 0
        numbers += self.program.n_features if "FORWARD" in has else 0
        return numbers + self.remembered

    @property
    def remembered(self) -> int:
        """Numbers that the forecast step remembers."""
        c = self.constants
        if "FORECAST" not in self.has:
            return 0
        return c["OUTPUTS"] * c["PAST"] + c.get("LAGS", 0) + 1 + ("NEARER" in self.has)

    def add(self, name: str, values: Any, dtype: Any = np.float32) -> Array:
        """Add an array, and return its numbers as the header has them."""
        own = np.ascontiguousarray(values, dtype)
        if self.read is not None:
            own = self.read[name].reshape(own.shape)
        self.arrays[name] = own
        return own

    def add_offset(self, name: str, values: Array) -> Array:
        """Add numbers as the sum of two floats each, as one float cannot have all their digits."""
        high = self.add(name, values).astype(np.float64)
        return np.asarray(high + self.add(f"{name}_low", values - high))

    def add_weight(self, name: str, weight: Array) -> tuple[str, Array]:
        """Add weights (rows, inputs) or (rows, inputs, width); return the matrix that names them,
        and their numbers."""
        self.constants["MOST_ROWS"] = max(self.constants.get("MOST_ROWS", 0), len(weight))
        if self.weights != "int8":
            return f"{{{self.named(name)}}}", self.add(name, weight.T).T
        steps, scale = quantised(weight)
        steps = self.add(name, steps.T, np.int8).T
        scale = self.add(f"{name}_scale", scale)
        own = steps * scale.reshape(-1, *[1] * (weight.ndim - 1))
        return f"{{{self.named(name)}, {self.named(f'{name}_scale')}}}", own

    def named(self, name: str) -> str:
        """Return a name with its prefix."""
        return f"{self.prefix}_{name}"

    def line(self, table: str, kind: str, *fields: object) -> None:
        """Add a line to a table of layers."""
        lines = self.tables.setdefault(table, (kind, []))[1]
        lines.append(", ".join(map(str, fields)))

    def count(self, table: str) -> int:
        """Return how many lines a table has."""
        return len(self.tables[table][1]) if table in self.tables else 0
