"""What is known of an array of a run folder before it is read: its numbers and its axes."""

from typing import Annotated, NamedTuple, TypedDict

from hiddenstate.system.typing import Array

AXES = {
    "A": "training rows shown before training, at most `n_shown`",
    "B": "series with held-out steps, at most 200",
    "C": "classes",
    "E": "evaluated test rows followed over training, at most 200, evenly spread",
    "D": "drawn targets of held-out series, at most 6",
    "F": "numbers of a row without time steps",
    "G": "time steps before the held-out ones, at most 160",
    "H": "hidden units, at most the first 64",
    "I": "input features",
    "J": "complex states of a layer, at most the first 256: real and imaginary parts",
    "K": "rows or windows of one file; the only letter that differs between the files of a run",
    "L": "recurrent layers, of a bidirectional net each twice: forwards, then backwards",
    "M": "rows kept beside their codes, as many as fit in 256 KiB",
    "N": "rows shown, at most `n_predicted`, or codes, at most `n_scattered`",
    "O": "targets",
    "P": "parts of a row, or time steps, at most 100",
    "Q": "codes on a square, at most 8 x 8, as many as decode to 64 KiB",
    "R": "rows reconstructed, at most `n_reconstructed`",
    "S": "time steps with a saved hidden state, at most 200",
    "T": "time steps of a row",
    "U": "training rows shown with what augmentation makes of them, at most 6",
    "V": "shown rows followed step by step, at most 4",
    "W": "held-out steps, at most 240, or rows with one target each, at most 500",
    "X": "streams read side by side, at most 64",
    "Y": "frequencies, at most 512",
    "Z": "numbers of a code",
    "e": "answers that are explained, at most 2",
    "h": "shown rows of which the sound is kept, as many as fit in 1 MiB",
    "i": "columns that are read, each with all its features together",
    "k": "rows that the network alone has wrong, or is least sure of, at most 10",
    "s": "samples of a sound",
    "t": "time steps up to the explained answer",
    "u": "hidden units, or complex states, at most the first 64",
}
"""What the letters of the axes stand for."""

MAY_BE_EMPTY = frozenset("ANRMKGk")
"""Axes that may have length 0."""

NUMBERS = {"f": "floats", "i": "whole numbers", "uf": "floats or bytes", "if": "numbers"}
"""The kinds of numbers an array may have, by the letters of numpy's `dtype.kind`."""


class ArraySpec(NamedTuple):
    """What is known of an array before it is read.

    Parameters
    ----------
    kinds : str
        A key of `NUMBERS`.
    shape : str
        A letter of `AXES`, or a fixed length, for each axis, with spaces between them.
    meaning : str
        For docs/format.md.
    group : str, optional
        The arrays of a group are all present or all absent.
    last_shape : str, optional
        The shape if a window has one target, not one for each step.
    """

    kinds: str
    shape: str
    meaning: str
    group: str = ""
    last_shape: str = ""

    @property
    def axes(self) -> tuple[str | int, ...]:
        """The letters and lengths of the shape."""
        return tuple(int(axis) if axis.isdigit() else axis for axis in self.shape.split())


EIGENVALUE = ArraySpec(
    "f", "L J 2", "what a step multiplies each complex state by, of the cell lru"
)

WHY = ArraySpec(
    "f",
    "e t i",
    "what each number adds to an answer, its attribution, NaN after the end of a row: of a "
    "classifier to those to the shown row that is labelled right with the highest probability and "
    "to the first of `worst`, of a regressor to the held-out answer with the largest error",
    "why",
)
WHY_ROW = ArraySpec(
    "f",
    "e t i",
    "those rows: of a column of text or a part of dates the number of the value, of a period of "
    "dates the part that has passed",
    "why",
)
WHY_NAME = ArraySpec(
    "i",
    "e i 40",
    "the names of these columns as code points, 0 after their ends, with the value if there is one "
    "step; not of more than 64 columns",
)
WHY_ANSWER = ArraySpec(
    "f",
    "e 2",
    "the answers to these rows and to the mean of training, whose difference is the sum of their "
    "attributions: log(p / (1 - p)) of the class, or the target",
    "why",
)
WHY_CLASS = ArraySpec("i", "e", "the number of the class or output that is explained", "why")
WHY_METHOD = ArraySpec(
    "i",
    "e",
    "0 for integrated gradients, 1 for occlusion, 2 for a mean of both by the share of the network,"
    " 3 for integrated gradients of a net in integers, computed in floats",
    "why",
)


class Explained(TypedDict, total=False):
    """What answers rest on."""

    why: Annotated[Array, WHY]
    why_row: Annotated[Array, WHY_ROW]
    why_class: Annotated[Array, WHY_CLASS]
    why_answer: Annotated[Array, WHY_ANSWER]
    why_method: Annotated[Array, WHY_METHOD]
    why_name: Annotated[Array, WHY_NAME]
