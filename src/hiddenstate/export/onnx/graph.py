"""Builds a graph of ONNX: nodes, constants, inputs and outputs, and the bytes of the file."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from hiddenstate.export.int8 import quantised
from hiddenstate.system.extras import require
from hiddenstate.system.typing import Array
from hiddenstate.version import __version__

OPSET, IR = 14, 7
"""Versions that runtimes of the last years read; newer ones bring nothing that is needed here."""

Dims = tuple[int | str, ...]


class _Array(TypedDict):
    dtype: str
    shape: list[int | str]


class Declared(_Array, total=False):
    """Type and shape of an input or an output, and whether it may be left out."""

    optional: bool


Shapes = dict[str, dict[str, Declared]]
"""By "inputs" and "outputs", and by name."""


class Graph:
    """A graph that is built node by node.

    Values are named by strings; an array as an input of a node becomes a constant. Nodes and
    constants have short names, and equal constants are stored once.

    Parameters
    ----------
    int8 : bool
        Whether weights are stored as int8 with a scale for each output row.
    """

    def __init__(self, int8: bool = False) -> None:
        self._onnx = require("onnx", "writing ONNX")
        self.int8 = int8
        self._nodes: list[Any] = []
        self._constants: dict[tuple[Any, ...], str] = {}
        self._initializers: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._shapes: Shapes = {"inputs": {}, "outputs": {}}
        self._transposed: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._n = 0

    def input(self, name: str, dtype: Any, dims: Dims, default: Any = None) -> str:
        """Declare an input; one with a default is optional."""
        self._inputs.append(self._declared("inputs", name, dtype, dims, default is not None))
        if default is not None:
            self._initializers.append(self._tensor(np.asarray(default, dtype), name))
        return name

    def output(self, name: str, value: str, dtype: Any, dims: Dims) -> None:
        """Declare that `value` is the output `name`."""
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._declared("outputs", name, dtype, dims, False))

    def _declared(self, kind: str, name: str, dtype: Any, dims: Dims, optional: bool) -> Any:
        dtype = np.dtype(dtype)
        self._shapes[kind][name] = declared = Declared(dtype=dtype.name, shape=list(dims))
        if optional:
            declared["optional"] = True
        return self._onnx.helper.make_tensor_value_info(name, self.kind(dtype), list(dims))

    @property
    def shapes(self) -> Shapes:
        """Type and shape of each input and output, by "inputs" and "outputs" and by name."""
        return self._shapes

    def kind(self, dtype: Any) -> int:
        """Return the number that ONNX gives a type."""
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def constant(self, array: Array | np.generic) -> str:
        """Return the name of a constant."""
        array = np.array(array, order="C")
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = f"c{len(self._constants)}"
            self._initializers.append(self._tensor(array, self._constants[key]))
        return self._constants[key]

    def _tensor(self, array: Array, name: str) -> Any:
        return self._onnx.numpy_helper.from_array(array, name)

    def weight(self, array: Array, axis: int = 0) -> str:
        """Return the name of a weight in float32, with its output rows along `axis`."""
        if not self.int8:
            return self.constant(array.astype(np.float32))
        q, scale = quantised(array, axis)
        return self.node("DequantizeLinear", q, self.compact(scale), axis=axis)

    def compact(self, array: Array) -> str:
        """Return the name of a float32 array, stored as float16 if that has all its values."""
        single, half = array.astype(np.float32), array.astype(np.float16)
        if not (self.int8 and (half == single).all()):
            return self.constant(single)
        return self.cast(self.constant(half), np.float32)

    def node(self, op: str, *inputs: str | Array | np.generic, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        return self.nodes(op, *inputs, n=1, **attributes)[0]

    def nodes(
        self, op: str, *inputs: str | Array | np.generic, n: int, **attributes: Any
    ) -> list[str]:
        """Add a node with `n` outputs, and return their names."""
        names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        outputs = [f"v{self._n + i}" for i in range(n)]
        self._n += n
        self._nodes.append(self._onnx.helper.make_node(op, names, outputs, **attributes))
        return outputs

    def scan(
        self,
        step: Callable[..., Sequence[str]],
        begin: Sequence[str],
        sequences: Sequence[str],
        *arrays: tuple[Any, Dims],
    ) -> list[str]:
        """Add a loop over the first axis of sequences, of the type of the first array of a state.

        `step(*values, *state)` adds the nodes of one step, and returns the state after it; `arrays`
        are type and shape of each array of a state. Returns the state after the last step, and its
        first array after every step, with an axis T before its own. Nodes of a step may read what
        was added before.
        """
        helper, outside = self._onnx.helper, self._nodes
        n = len(sequences)
        names = [f"v{self._n + i}" for i in range(n + len(begin))]
        self._n += len(names)
        self._nodes = []
        after = [*step(*names)]
        after.append(self.node("Identity", after[0]))
        inside, self._nodes = self._nodes, outside
        info, kinds = helper.make_tensor_value_info, [(self.kind(t), dims) for t, dims in arrays]
        given = [info(name, *of) for name, of in zip(names[n:], kinds, strict=True)]
        found = [info(name, *of) for name, of in zip(after, (*kinds, kinds[0]), strict=True)]
        values = [info(name, kinds[0][0], None) for name in names[:n]]
        body = helper.make_graph(inside, "step", [*given, *values], found)
        inputs = (*begin, *sequences)
        return self.nodes("Scan", *inputs, n=len(after), body=body, num_scan_inputs=n)

    def cast(self, value: str, dtype: Any) -> str:
        """Return the value as another type."""
        return self.node("Cast", value, to=self.kind(dtype))

    def transpose(self, value: str, *axes: int) -> str:
        """Return the value with its axes in another order."""
        before, order = self._transposed.get(value, ("", ()))
        if order and tuple(order[axis] for axis in axes) == tuple(range(len(axes))):
            return before
        result = self.node("Transpose", value, perm=list(axes))
        self._transposed[result] = value, axes
        return result

    def unsqueeze(self, value: str, *axes: int) -> str:
        """Return the value with new axes of length 1."""
        return self.node("Unsqueeze", value, ints(*axes))

    def squeeze(self, value: str, *axes: int) -> str:
        """Return the value without these axes of length 1."""
        return self.node("Squeeze", value, ints(*axes))

    def reshape(self, value: str, *shape: int) -> str:
        """Return the value in another shape; 0 keeps a length, and -1 stands for the rest."""
        return self.node("Reshape", value, ints(*shape))

    def slice(self, value: str, first: int, end: int, axis: int) -> str:
        """Return the part of an axis from `first` to `end`."""
        return self.node("Slice", value, ints(first), ints(end), ints(axis))

    def length(self, value: str, axis: int) -> str:
        """Return the length of an axis, as a number."""
        return self.node("Gather", self.node("Shape", value), np.array(axis), axis=0)

    def count(self, n: str) -> str:
        """Return the numbers from 0 to n - 1."""
        return self.node("Range", np.array(0), n, np.array(1))

    def finished(self, name: str, facts: Mapping[str, object]) -> bytes:
        """Return the content of the file, after a full check, with facts as its metadata."""
        helper = self._onnx.helper
        needed, nodes = {output.name for output in self._outputs}, []
        for node in reversed(self._nodes):
            if needed & {*node.output}:
                needed |= {*_read_by(node)}
                nodes.append(node)
        graph = helper.make_graph(
            nodes[::-1], name, self._inputs, self._outputs, self._initializers
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR,
            producer_name="hiddenstate",
            producer_version=__version__,
        )
        text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
        helper.set_model_props(model, {"hiddenstate": text})
        self._onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString(deterministic=True)
        return content


def _read_by(node: Any) -> Iterator[str]:
    """Iterate over the names that a node and the graphs inside of it read."""
    yield from node.input
    for attribute in node.attribute:
        for inside in attribute.g.node:
            yield from _read_by(inside)


def ints(*values: int) -> Array:
    """Return numbers as ONNX wants shapes, axes and positions."""
    return np.array(values, np.int64)


END = 2**31 - 1
"""The end of an axis of any length."""
