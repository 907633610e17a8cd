"""Bad headers and lines, and arrays that do not fit: .ts, .npy, .npz and .jsonl files."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from tools.stress import samples
from tools.stress.abuses.array_inputs import saved
from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import refused

# fmt: off

HEAD = "@problemName Tiny\n@timeStamps false\n@univariate true\n"
TINY = HEAD + "@equalLength true\n@seriesLength 3\n@classLabel true a b\n@data\n1,2,3:a\n4,?,6:b\n"
STAMPED = "@timeStamps true\n@classLabel true a\n@data\n"
BARE = "@classLabel false\n@data\n1\n"

OF_TS: tuple[tuple[str, ...], ...] = (
    ("1,2,3\n", ":1: expected a header field"),
    (HEAD + "@classLabel true a\n@data\n", "no rows"),
    (HEAD + "@data\n1\n", "neither @classLabel nor @targetLabel"),
    ("@classLabels true a\n", ":1: @classLabels is not a header field", "mean @classlabel"),
    ("@\n", ":1: @ is not a header field"),
    ("@classLabel true\n@data\n1:a\n", ":1: @classLabel: true, but no labels"),
    ("@classLabel\n@data\n1:a\n", ":1: @classLabel: expected true or false"),
    ("@equalLength maybe\n" + BARE, ":1: @equalLength: expected true"),
    ("@seriesLength x\n" + BARE, ":1: @seriesLength: expected a whole number"),
    ("@dimensions 0\n" + BARE, ":1: @dimensions: expected a whole number"),
    ("@dimensions ٣\n" + BARE, ":1: @dimensions: expected a whole number"),
    ("@dimension 2\n@dimensions 3\n", ":2: @dimensions: given twice"),
    ("@univariate true\n@dimensions 2\n@classLabel false\n@data\n1:2\n", ":2: @dimensions: 2"),
    ("@targetLabel true\n@classLabel true a\n@data\n1:1\n",
     ":1: @targetLabel: true, but @classLabel"),
    ("@classLabel false\n@data 1,2\n", ":2: @data must be alone on its line"),
    (TINY + "7,8,9:c\n", ":10: label c is not one of @classLabel: a, b"),
    (TINY + "7,8:a\n", ":10: 2 steps, but @seriesLength is 3"),
    (TINY.replace("@seriesLength 3\n", "") + "7,8:a\n", ":9: 2 steps, but @equalLength is true"),
    (TINY + "7,8,9:7,8,9:a\n", ":10: 2 dimensions, but @univariate is true"),
    (TINY.replace("@univariate true", "@dimensions 2"), ":8: 1 dimension, but @dimensions is 2"),
    (TINY.replace("@univariate true\n", "") + "1,2,3:1,2,3:a\n", ":9: 2 dimensions, but the"),
    (TINY + "7,8,9\n", ":10: no label (@classLabel)"),
    (TINY + "7,8,9:\n", ":10: no label (@classLabel)"),
    (TINY + "7,inf,9:a\n", ":10: dimension 1, step 2: inf is not finite"),
    (TINY + "7,-Infinity,9:a\n", ":10: dimension 1, step 2: -Infinity is not finite"),
    (TINY + "7,1e999,9:a\n", ":10: dimension 1, step 2: 1e999 is not finite"),
    (TINY + "7,8x,9:a\n", ":10: dimension 1, step 2: expected a number", "8x"),
    (TINY + "7,,9:a\n", ":10: dimension 1, step 2: ", "found nothing"),
    (TINY + "7,1_0,9:a\n", ":10: dimension 1, step 2: ", "1_0"),
    (TINY + "7,٣,9:a\n", ":10: dimension 1, step 2: "),
    (TINY + "7,8?,9:a\n", ":10: dimension 1, step 2: ", "8?"),
    ("@classLabel true a\n@data\n1,2:1:a\n",
     ":3: dimension 1 has 2 steps, but dimension 2 has 1"),
    (STAMPED + "1,2:a\n", ":4: expected (time,value)"),
    (STAMPED + "(1,2:3):a\n", ":4: expected (time,value"),
    (STAMPED + "(x,2):a\n", ":4: a time is neither a number"),
    (STAMPED + "(99-99-99,2):a\n", ":4: a time is neither a number"),
    (STAMPED + "(inf,2):a\n", ":4: a time is neither a number"),
    (STAMPED + "(1,2):(2,2):a\n", ":4: ", "dimensions differ in their times"),
    (TINY + "\0", f"NUL character at byte {len(TINY)}"),
)
"""Texts of .ts files, and the words of the error after the name."""

FOUR, NAN = np.zeros((4, 2)), np.nan

OF_ARRAYS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("classify", {"y": np.zeros(3)}, "expected arrays X, y"),
    ("classify", {"X": FOUR, "labels": np.zeros(4)}, "found X, labels"),
    ("classify", {"X": FOUR, "x": FOUR}, "found X, x"),
    ("classify", {}, "found none"),
    ("classify", {"X": FOUR}, "no labels"),
    ("classify", {"X": FOUR, "y": np.zeros(3)}, "y is (3,) for 4 rows"),
    ("classify", {"X": FOUR, "y": np.zeros((4, 1))}, "y is (4, 1)"),
    ("classify", {"X": FOUR, "y": np.float64(1)}, "y is ()"),
    ("classify", {"X": np.zeros((0, 2)), "y": np.zeros(0)}, "found (0, 2)"),
    ("classify", {"X": np.float64(3), "y": np.zeros(1)}, "found ()"),
    ("classify", {"X": np.zeros(4), "y": np.zeros(4)}, "found (4,)"),
    ("classify", {"X": np.array(["a", "b"]), "y": np.zeros(2)}, "X: holds text"),
    ("classify", {"X": np.zeros((2, 2)), "y": np.array(["a", ""])}, "row 1 has no label"),
    ("classify", {"X": FOUR, "y": np.array([0, 1, NAN, 0])}, "y: 1 value is"),
    ("autoencode", {"X": FOUR, "X_test": np.zeros((4, 3))}, "rows of X_test"),
    ("autoencode", {"X": FOUR, "X_test": np.zeros((4, 2), "u1")}, "rows of X_test"),
    ("autoencode", {"X": FOUR, "X_test": np.zeros((0, 2))}, "X_test has no rows"),
    ("autoencode", {"X": FOUR, "X_test": np.zeros(())}, "X_test"),
    ("autoencode", {"X": FOUR, "y_test": np.zeros(4)}, "y_test without X_test"),
    ("autoencode", {"X": FOUR, "y": np.zeros(4), "X_test": FOUR},
     "X and X_test must both have a y"),
    ("regress", {"X": np.zeros(20)}, "no targets"),
    ("regress", {"X": np.zeros(20), "y": np.zeros(19)}, "X has 20 steps, but y has 19"),
    ("regress", {"X": np.zeros(20), "y": np.array(["a"] * 20)}, "y: holds text"),
    ("regress", {"X": np.zeros(20), "y": np.full(20, NAN)}, "y: 20 values"),
    ("regress", {"X": np.zeros(20), "y": np.zeros((20, 1, 1))}, "found (20, 1, 1)"),
    ("regress", {"X": np.float64(3), "y": np.float64(3)}, "found ()"),
    ("regress", {"X": np.zeros((20, 0)), "y": np.zeros(20)}, "(20, 0)"),
    ("regress", {"X": np.zeros(20), "y": np.zeros((20, 0))}, "(20, 0)"),
    ("regress", {"X": np.zeros((2, 3, 4)), "y": np.zeros(3)}, "y is (3,) for 2 rows"),
    ("regress", {"X": np.zeros((2, 3, 4)), "y": np.zeros((2, 4, 1))}, "rows of y have 4"),
    ("regress", {"X": np.zeros(9), "y": np.zeros(9), "X_test": np.zeros((9, 2)),
                 "y_test": np.zeros(9)}, "another number of features"),
    ("regress", {"X": np.zeros(9), "y": np.zeros(9), "X_test": np.zeros(9, "u1"),
                 "y_test": np.zeros(9)}, "rows of X_test are uint8"),
)
"""Jobs, archives of arrays that do not fit them, and the words of the error after the name."""

ROWS = [{"a": 1, "b": 0.5, "label": "p"}, {"label": "q", "a": 2.5, "b": None},
        {"a": -3, "label": "p", "extra": True}, {"a": 4, "b": 2, "label": "q"}]


def lines(*rows: Any) -> str:
    """Return JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


OF_LINES: tuple[tuple[str, str], ...] = (
    ('{"a": 1}\n{"a": NaN}\n', ":2: NaN is not JSON"),
    ('{"a": 1}\n{"a": 1e999}\n', ":2: 1e999 is out of range"),
    ('{"a": ' + "9" * 400 + "}\n", ":1: " + "9" * 40 + " is out of range"),
    ('{"a": 1, "a": 2}\n', ":1: duplicate key 'a'"),
    ('{"a":' + "[" * 100_000 + "\n", ":1: nested too deeply"),
    ('{"a": 1}\n{"a": 1 2}\n', ":2:9: "),
    ('[{"a": 1}]\n', ":1: an array, not an object; each line must be one JSON object"),
    ("3\n", ":1: a single value, not an object"),
    ("{}\n", ":1: an object without values"),
    ("\n\n", ": no rows"),
    ('{"label": "\\ud800", "a": 1}\n', ":1: an escape stands for NUL or half a character"),
    ('{"label": "\\u0000", "a": 1}\n', ":1: an escape stands for NUL or half a character"),
    (lines(*ROWS, {"a": "x1", "label": "p"}), ":5:a: 'x1' is not a number"),
    (lines({"v": [1, 2]}, {"v": [1, "x"]}), ":2:v: expected an array of numbers"),
    (lines({"v": [1, 2]}, {"v": []}), ":2:v: expected an array of numbers"),
    (lines({"v": [1, 2]}, {"w": 3}), ":2:v: expected an array of numbers, or of equally"),
    (lines({"v": [[1], [2, 3]]}, {"v": [[1]]}), ":1:v: expected an array of numbers"),
    (lines({"v": [1, 2], "w": [1]}), ":1: w has 1 steps, v has 2"),
    (lines({"v": [[1, 2]]}, {"v": [1]}), ":2:v: 1 numbers, but 1 steps of 2 numbers"),
    (lines(*[{f"n{k}": k} for k in range(3000)]), ": 3,000 names in 3,000 lines"),
)
"""Texts of JSON lines, and the words of the error after the name."""

SHAPES = ("(10**15,)", "(4, 1000000)", "(-1,)", "(-2, -2)", "(9" + "9" * 200 + ",)",
          "(0, 9" + "9" * 40 + ")", "(" + "1, " * 70 + ")", "(1.5,)", "5", "'a'", "((1,),)",
          "(1, 0, 9" + "9" * 40 + ")", "(True,)", "(" + "1," * 3000 + ")")
"""Shapes in the header of an .npy file of two numbers, or of none."""

HEADERS = (
    "", "{", "[]", "{'descr': '<f8'}", "{'descr': 'what', 'fortran_order': False, 'shape': ()}",
    "{'descr': '<f8', 'fortran_order': 3, 'shape': ()}", "(" * 5000, "-" * 9000 + "1",
    "{'descr': [('a', '<f8', (9" + "9" * 30 + ",))], 'fortran_order': False, 'shape': ()}",
    "{'descr': ('<f8', (2, 2)), 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1L,)}\0", "\x80\xff", "'" * 3 + "\n",
)
"""Headers of .npy files."""


def npy_head(header: str, version: int = 1) -> bytes:
    """Return the magic bytes and the header of an .npy file."""
    text = f"{header}\n".encode("latin-1")
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


def headers() -> Iterator[Abuse]:
    """Iterate over files whose headers contradict what follows, or Python."""
    for k, (text, *says) in enumerate(OF_TS):
        yield from refused(f"ts: header {k}", text, "d.ts", *says, file="d.ts")
    for value in ("x", "inf", "1_0", "1e999", "", "?", "NaN"):
        what = "target " if value[:1] in ("x", "i", "1") else "no target"
        yield from refused(f"ts: target '{value}'", f"@targetLabel true\n@data\n1,2:{value}\n",
                           f"d.ts:3: {what}", by=("regress",), file="d.ts")
    for k, (job, arrays, words) in enumerate(OF_ARRAYS):
        yield from refused(f"array: not for its job {k}", samples.npz(**arrays), "d.npz", words,
                           by=(job,), file="d.npz")
    for k, (text, words) in enumerate(OF_LINES):
        yield from refused(f"lines: bad {k}", text, f"d.jsonl{words}", file="d.jsonl")
    array = ("autoencode d.npy",)
    for k, shape in enumerate(SHAPES):
        head = npy_head(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}", 2)
        for data in (head + bytes(16), head):
            yield from refused(f"array: shape {k}, {len(data) - len(head)}", data, "d.npy",
                               by=array, file="d.npy")
    for k, header in enumerate(HEADERS):
        for version in (1, 2):
            yield from refused(f"array: header {k}, version {version}", npy_head(header, version)
                               + bytes(32), "d.npy", by=array, file="d.npy")
    for k, data in enumerate((b"\x93NUMPY", b"PK\x03\x04", b"1,2,3\n", b"\x80\x04K\x01.")):
        yield from refused(f"array: no file of it {k}", data, "not an .npy file", by=array,
                           file="d.npy")
    whole = saved(np.arange(4.0))
    for data in (whole[:-1], whole + b"x"):
        yield from refused(f"array: of {len(data)} bytes", data, "declares 32 bytes", by=array,
                           file="d.npy")
    for k, kind in enumerate(("S1", "c16", "M8[D]", "f4,i4")):
        yield from refused(f"array: of type {kind} {k}", saved(np.zeros(2, kind)),
                           "expected numbers", by=array, file="d.npy")


ALL: tuple[Abuse, ...] = tuple(headers())
