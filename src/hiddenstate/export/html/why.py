"""What the page of a model compares its answers with when it says what they rest on."""

import re
from typing import Any, TypedDict

import numpy as np

from hiddenstate.export.python.file import packed
from hiddenstate.export.target import Source, kinds_of
from hiddenstate.inference.why import training_mean
from hiddenstate.program.cells import CELLS
from hiddenstate.program.integers import IntegerConvolution, Quantise
from hiddenstate.program.layers import Convolution
from hiddenstate.program.program import Program
from hiddenstate.web.joining import source as source_of_script

SCRIPTS: dict[type | str, str] = {
    **{Convolution: "stem_gradients", IntegerConvolution: "stem_gradients"},
    **{Quantise: "integer_gradients", "lru": "lru_gradients"},
}
"""The modules with the gradients of layers and of cells that few nets have."""


class WhyView(TypedDict):
    """The baseline (M, I) of kept rows, as in `hiddenstate.inference.why`: a mean in units of 1 of
    so many `parts`, and what it is."""

    mean: Any
    parts: int
    name: str


def why_scripts(program: Program) -> list[str]:
    """Return the modules that say what the answers of a program rest on."""
    kinds = kinds_of(program)
    own = [script for kind, script in SCRIPTS.items() if kind in kinds]
    of_job = "why_odds" if program.kind.has_classes else "why_answer"
    beside = ["occlusion"] if program.companions else []
    return [*own, of_job, *beside, *(["why_ahead"] if program.ahead is not None else [])]


def without_gradient(program: Program) -> list[str]:
    """Return the cells of a program that have no gradient in pages."""
    text = source_of_script("web/cell_gradients.js")
    cells = [kind for kind in kinds_of(program) if isinstance(kind, str) and kind in CELLS]
    return [
        cell
        for cell in cells
        if cell not in SCRIPTS and not re.search(f"^  {cell}\\W", text, re.MULTILINE)
    ]


def why_view(source: Source) -> WhyView | None:
    """Return what answers are compared with; None if the page cannot say what they rest on.

    A baseline of many numbers is rounded to float16, and one of pixels to whole ones, of 255.
    """
    program = source.program
    if program.kind.has_codes or without_gradient(program):
        return None
    found = training_mean(source.model, source.run)
    mean = np.zeros((1, program.width)) if found is None else found
    name = "zero" if found is None else "mean"
    if source.model.transform.pixels:
        return WhyView(mean=packed((255 * mean).round(), ("|u1",)), parts=255, name=name)
    kind = np.float16 if len(mean) > 1 and np.abs(mean).max() < 100 else np.float32
    rounded = mean.astype(kind).astype(np.float64)
    return WhyView(mean=packed(rounded, ("<f2", "<f4")), parts=1, name=name)
