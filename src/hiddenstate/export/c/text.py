"""The text of a header: model.c with what it includes, without what a model does not need."""

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent


def text_of(file: str, prefix: str, has: set[str], given: Mapping[str, str]) -> str:
    """Return a C file of this folder, joined, reduced and renamed.

    Parameters
    ----------
    file : str
    prefix : str
        Of the names in it, instead of `model`; in capitals of its macros.
    has : set of str
        The macros `HAS_...` that hold, without `HAS_`.
    given : mapping of str
        Text in the place of files: what `sample/` has for compilers.
    """
    text = reduced(_joined(file, {name: f"\0{name}\0" for name in given}), has)
    text = re.sub(r"\bmodel_", f"{prefix}_", text)
    text = re.sub(r"\bMODEL_", f"{prefix.upper()}_", text)
    text = re.sub(r"\0(.+?)\0", lambda name: given[name[1]], text)
    return re.sub(r"\n{3,}", "\n\n", text)


def _joined(file: str, given: Mapping[str, str]) -> str:
    """Return a file without its first comment, with the files that it includes."""
    if file in given:
        return given[file] + "\n"
    text = (FOLDER / file).read_text("utf-8").partition("*/\n")[2].lstrip("\n")
    return re.sub(r'^#include "(.+)"\n', lambda name: _joined(name[1], given), text, flags=re.M)


def reduced(text: str, has: set[str]) -> str:
    """Return text without the parts whose conditions of `HAS_` do not hold, and without these.

    Conditions are names, `!`, `&&` and `||`, without brackets; those of other macros stay.
    """
    lines: list[str] = []
    stack: list[list[bool] | None] = []  # of each condition whether it holds, and whether one did
    for line in text.split("\n"):
        word, _, condition = line.partition(" ")
        own = stack and stack[-1]
        if word in ("#if", "#ifdef", "#ifndef"):
            holds = _holds(condition, has) if "HAS_" in condition else None
            stack.append(None if holds is None else [holds, holds])
            own = stack[-1]
        elif own and word in ("#elif", "#else"):
            own[0] = not own[1] and (word == "#else" or _holds(condition, has))
            own[1] = own[1] or own[0]
        elif word == "#endif":
            stack.pop()
        if not (own and word in ("#if", "#elif", "#else", "#endif")) and all(
            each is None or each[0] for each in stack
        ):
            lines.append(line)
    return "\n".join(lines)


def parts_of(file: str) -> set[str]:
    """Return the names, without `HAS_`, of the parts of a file of this folder."""
    return set(re.findall(r"\bHAS_(\w+)", (FOLDER / file).read_text("utf-8")))


def calls_of(cell: str) -> set[str]:
    """Return the parts of arithmetic.c that a cell calls in cells.c."""
    text = reduced((FOLDER / "cells.c").read_text("utf-8"), {cell})
    calls = {word.upper() for word in re.findall(r"\bmodel_(\w+)\(", text)}
    return calls & parts_of("arithmetic.c")


def _holds(condition: str, has: set[str]) -> bool:
    def one(name: str) -> bool:
        return (name.strip(" !").removeprefix("HAS_") in has) != ("!" in name)

    return any(all(map(one, part.split("&&"))) for part in condition.split("||"))
