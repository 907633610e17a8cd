"""Numbers, names and comments as C has them."""

import math
import re
from textwrap import wrap
from typing import Any

import numpy as np

from hiddenstate.system.typing import Array

WIDTH = 100
"""Characters of a line of the header."""

TYPES = {
    "float32": "float",
    "float64": "double",
    "int8": "signed char",
    "uint8": "unsigned char",
    "int32": "int",
}

SIZED_TYPES = {
    "float64": "double",
    "int8": "int8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
}
"""With the same size on every processor."""


def literal(value: Any) -> str:
    """Return a number, one that float32 has exactly, as a literal of C."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{value:.9g}"
    return text + ("f" if "." in text or "e" in text else ".0f")


def exact_literal(value: float) -> str:
    """Return a finite number as a literal of C, a double."""
    text = f"{value:.17g}"
    return text if "." in text or "e" in text else f"{text}.0"


def array(
    name: str, values: Array, comment: str = "", place: str = "", types: dict[str, str] = TYPES
) -> str:
    """Return the definition of a constant array; a matrix begins a line with each row. `place` is
    an attribute that says where it stands."""
    ctype = types[str(values.dtype)]
    rows = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values[None]
    n = {"float": 6, "double": 4}.get(ctype, 18)
    written = exact_literal if ctype == "double" else literal
    lines = []
    for row in rows:
        numbers = [written(each) for each in row.tolist()]
        lines += [", ".join(numbers[i : i + n]) + "," for i in range(0, len(numbers), n)]
    head = f"/* {comment} */\n" if comment else ""
    body = "\n".join(f"    {line}" for line in lines)
    return f"{head}static const {ctype} {name}[{values.size}]{place} = {{\n{body}\n}};\n"


def arrays_of(text: str) -> dict[str, Array]:
    """Return the constant arrays of numbers that a header defines, by name, flat."""
    types = {ctype: name for name, ctype in (*TYPES.items(), *SIZED_TYPES.items())}
    kinds = "|".join(types)
    pattern = rf"^static const ({kinds}) (\w+)\[\d+\](?: \w+)? = \{{\n(.*?)^\}};"
    found = {}
    for kind, name, body in re.findall(pattern, text, re.DOTALL | re.MULTILINE):
        cells = (each.strip() for each in body.split(","))
        numbers = [float(each.removesuffix("f")) for each in cells if each]
        found[name] = np.array(numbers, types[kind])
    return found


def string(text: str) -> str:
    """Return text as a string literal of C, its UTF-8 bytes escaped where they are not plain."""
    plain = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "replace")
    )
    return '"' + "".join(plain) + '"'


def commented(text: str) -> str:
    """Return text so that it can stand in a comment of C: printable, and without its marks."""
    text = "".join(character if character.isprintable() else " " for character in text)
    for mark in ("*/", "/*", "??"):
        while mark in text:
            text = text.replace(mark, f"{mark[0]} {mark[1]}")
    return text.replace("\\", "/")


def row_of_table(name: str, text: str, indent: int = 16) -> str:
    """Return a line `name  text` of a comment, with further lines below `text`."""
    text = commented(text)
    lines = wrap(text, WIDTH - indent, break_long_words=True) or [""]
    return "\n".join(
        f"{('   ' + name) if i == 0 else '':<{indent}}{line}" for i, line in enumerate(lines)
    )
