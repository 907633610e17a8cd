"""Writes docs/cells.md: the equation of each recurrent cell in every language that computes it.

    python -m tools.cells_page

Nothing on the page but its introduction is written here: equations are cut out of the source by the
names of the cells, and tables are made of their declarations.
"""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from hiddenstate.export.html.page import NET_SCRIPTS
from hiddenstate.program.cells import CELLS, RING, Cell, Weight
from hiddenstate.program.equations import EQUATIONS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "cells.md"
SOURCE = ROOT / "src" / "hiddenstate"

BEGIN = """# Cells

The equation of each recurrent cell in every language that computes it, as it stands in the source.
The one in numpy, in float64, is what a model means; `tests/contract` compares the others with it.
[Contributing](../CONTRIBUTING.md#how-to-add) says how to add a cell.

A gated cell reads a step x, I numbers, and the state that it carries, arrays of H numbers; the
first array, h, is its output. `wx` is the product W x and `uh` the product U h, each of one or more
blocks of H numbers. With the biases of torch, a is W x + bias_ih and b is U h + bias_hh. What
follows a step is marked with a prime: h'. minGRU has no U. With `--rank R`, W and U of FastGRNN are
each the product of two factors, (H, R) and (R, I) or (R, H), where these have fewer numbers.

LRU is a block: it carries S complex numbers, their real and their imaginary parts, and what it
gives is not a part of its state. `weight_in` maps the input to H channels; a layer that reads the H
numbers of another layer has none.

`python -m tools.cells_page` writes this page.
"""

Cut = Callable[[str, str], str]
"""From the source and the name of a cell to its equation, or "" if there is none."""


def equation(cell: Cell, path: str, cut: Cut) -> str:
    """Return the equation of a cell, or "" if a language has none."""
    file = file_of(cell, path)
    if not file.exists():
        return ""
    return cut(file.read_text("utf-8"), cell.name)


def file_of(cell: Cell, path: str) -> Path:
    """Return the file that has the equation of a cell in a language."""
    script = NET_SCRIPTS.get(cell.name, "cells")
    return SOURCE / path.format(option=cell.option, script=script)


def text() -> str:
    """Return the page."""
    groups = itertools.groupby(CELLS.values(), lambda cell: cell.option)
    return "\n".join([BEGIN, overview(), *(section(list(cells)) for _, cells in groups)])


def overview() -> str:
    """Return a table of all cells."""
    lines = [
        "| cell | `--cell` | carries | blocks | float32 weights of a layer with I = 28, H = 64 |"
    ]
    lines.append("| --- | --- | --- | --- | --- |")
    for cell in CELLS.values():
        size = 4 * sum(numbers_of(cell, weight, 28, 64) for weight in cell.weights)
        words = (
            cell.title,
            f"`{cell.option}`",
            ", ".join(cell.state),
            cell.blocks,
            f"{size:,} bytes",
        )
        lines.append(f"| {' | '.join(map(str, words))} |")
    return "\n".join([*lines, ""])


def numbers_of(cell: Cell, weight: Weight, inputs: int, hidden: int) -> int:
    """Return the numbers in an array of a cell."""
    n = 1
    for size in weight.shape(cell.sizes(inputs, hidden, hidden // 2)):
        n *= size
    return n


def section(cells: list[Cell]) -> str:
    """Return the section of the cells of one option."""
    parts = [f"## {' and '.join(cell.title for cell in cells)}", ""]
    parts += [f"{inspect.getdoc(EQUATIONS[cell.name])}\n" for cell in cells]
    parts += [arrays(cells[0])]
    for language in LANGUAGES:
        parts += equations(cells, *language)
    return "\n".join(parts)


def equations(cells: list[Cell], title: str, path: str, fence: str, cut: Cut) -> list[str]:
    """Return the equations of cells in a language, below where they stand."""
    found = {}
    for cell in cells:
        file, code = file_of(cell, path), equation(cell, path, cut)
        if code:
            found[code] = f"[`{file.relative_to(SOURCE)}`](../{file.relative_to(ROOT)})"
    if not found:
        return [f"**{title}**: none; such models are refused.\n"]
    head = f"**{title}**, {' and '.join(dict.fromkeys(found.values()))}:\n"
    gap = "\n\n\n" if fence == "py" else "\n\n"  # as ruff formats functions
    return [head, f"```{fence}", gap.join(found), "```\n"]


def arrays(cell: Cell) -> str:
    """Return a table of the arrays of a cell."""
    lines = ["| array | shape | initial values |", "| --- | --- | --- |"]
    for weight in cell.weights:
        blocks = "" if cell.blocks == 1 else f"{cell.blocks} "
        letters = {"G": f"{blocks}H", "Z": "2 S"}
        sizes = [letters.get(axis, axis) for axis in weight.axes]
        shape = f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
        lines.append(f"| `{weight.name}` | {shape} | {beginning(weight)} |")
    return "\n".join([*lines, ""])


def beginning(weight: Weight) -> str:
    """Return what an array begins with, in words."""
    if weight.initial == RING:
        return "of eigenvalues on a ring"
    if weight.initial is not None:
        return f"{weight.initial:g}"
    if weight.spread is None:
        return f"uniform within 1 / sqrt({weight.fan})"
    fan = "" if weight.fan == "1" else f" / sqrt({weight.fan})"
    return f"normal, deviation {weight.spread:.3g}{fan}"


def python(source: str, name: str) -> str:
    """Return a function without its docstring, or what the first table has for a cell."""
    lines, tree = source.splitlines(), ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.strip("_") == name:
            head = lines[node.lineno - 1 : node.body[0].lineno - 1]
            start = node.body[ast.get_docstring(node) is not None].lineno - 1
            return "\n".join(head + lines[start : node.end_lineno])
    for table in ast.walk(tree):
        if isinstance(table, ast.Dict):
            for key, value in zip(table.keys, table.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    return f'"{name}": {ast.get_source_segment(source, value)}'
    return ""


def cpp(source: str, name: str) -> str:
    """Return what a cell keeps, in words, and the function that computes the next state."""
    lines = source.splitlines()
    named = next(i for i, line in enumerate(lines) if f'"{name}"' in line)
    if f"void {name}_advance(" in source:  # a block
        starts = [
            i for i, line in enumerate(lines) if re.match(f"void {name}_(advance|forward)", line)
        ]
        return "\n\n".join("\n".join(until(lines[i - 1 :], "}")) for i in starts)
    struct = max(i for i, line in enumerate(lines[:named]) if line.startswith("struct "))
    words = list(itertools.takewhile(lambda line: line.startswith("//"), lines[struct - 1 :: -1]))
    for i in range(struct, len(lines)):
        if re.search(r" (next|gates)\(", lines[i]) and "template" in lines[i - 1]:
            own = [*lines[i - 1 : i + 1], *until(lines[i + 1 :], "  }")]
            return "\n".join([*words[::-1], textwrap.dedent("\n".join(own))])
    return ""


def c(source: str, name: str) -> str:
    """Return what a compiler reads if HAS_NAME is set, without comments between functions."""
    depth, own, found = 0, False, []
    for line in source.splitlines():
        word = line.split()[0] if line.startswith("#") else ""
        depth += word in ("#if", "#ifdef")
        if depth == 1 and word in ("#if", "#elif", "#else", "#endif"):
            own = f"HAS_{name.upper()}" in re.findall(r"\w+", line)
        elif own:
            found.append(line)
        depth -= word == "#endif"
    return re.sub(r"^/\*.*\*/\n", "", "\n".join(found).strip(), flags=re.MULTILINE)


def javascript(source: str, name: str) -> str:
    """Return a function, or a method of an object."""
    lines = iter(source.splitlines())
    for line in lines:
        start = re.match(rf"( *)(?:function )?{name}(\(|: )", line)
        if start:
            end = f"{start[1]}}}"
            rest = [] if not line.endswith("{") else until(lines, end)
            return textwrap.dedent("\n".join([line, *rest])).rstrip(",")
    return ""


def until(lines: Iterable[str], end: str) -> list[str]:
    """Return lines up to the first one that begins with `end`."""
    found = []
    for line in lines:
        found.append(line)
        if line.startswith(end):
            return found
    raise LookupError(f"{end}: no such line")


LANGUAGES: tuple[tuple[str, str, str, Cut], ...] = (
    ("numpy", "program/equations.py", "py", python),  # tests run blocks of `python`
    ("C++", "kernels/csrc/cells/{option}.h", "cpp", cpp),
    ("torch", "models/torch_cells.py", "py", python),
    ("ONNX", "export/onnx/cells.py", "py", python),
    ("C99", "export/c/cells.c", "c", c),
    ("JavaScript", "web/{script}.js", "js", javascript),
)
"""Title, file in the package, name of the language, and what cuts an equation out of the file."""


if __name__ == "__main__":
    PAGE.write_text(text(), "utf-8")
