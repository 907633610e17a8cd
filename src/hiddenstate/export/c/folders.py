"""Folders around a header: a library for the Arduino IDE, and a project of CMake."""

import re
from functools import partial
from textwrap import fill

import numpy as np

from hiddenstate.errors import OptionError, printable
from hiddenstate.export.c.arrays import array
from hiddenstate.export.c.text import FOLDER, text_of
from hiddenstate.export.target import Contents, Source, facts_json

PLACES = {"arduino": ("src/", "extras/"), "cmake": ("include/", "")}
"""Where each layout has the header and its facts; the other files are in folders/."""

MOST = 64
"""Numbers of the rows that an example reads, unless one has more."""

OF_C = ("arduino", "float", "math", "stddef", "stdint", "stdio", "string")
"""Headers that a model's own would hide."""


def folder(layout: str, folder_name: str, source: Source, contents: Contents) -> Contents:
    """Return the files of a folder, from its name on, for a header.

    Raises
    ------
    OptionError
        If the name is not one of a library, or of its header.
    """
    name, (own, facts) = source.name, PLACES[layout]
    if layout == "arduino" and not re.fullmatch(r"[A-Za-z0-9][\w.-]{,62}", folder_name, re.ASCII):
        raise OptionError(
            f"--output: {printable(folder_name, 40)}: a library of Arduino is named with letters "
            "from A to Z, digits, _, - and ., up to 63 of them, a letter or digit first"
        )
    if name.lower() in OF_C:
        raise OptionError(f"--output: {name}.h would hide a header of C; name another folder")
    files = {f"/{own}{name}.h": contents[".h"], f"/{facts}{name}.json": facts_json(source.facts)}
    has, words = _parts(source), _words(source)
    templates = FOLDER / "folders" / layout
    for path in sorted(each for each in templates.rglob("*") if each.is_file()):
        text = text_of(path.relative_to(FOLDER).as_posix(), source.identifier, has, {})
        text = re.sub(r"@(\w+)@", lambda word: words[word[1]], text)
        place = path.relative_to(templates).as_posix().replace("NAME", name)
        files[f"/{place}"] = text.encode()
    return files


FOLDERS = {layout: partial(folder, layout) for layout in PLACES}


def _parts(source: Source) -> set[str]:
    """Return the macros `HAS_...` that hold of an example, without `HAS_`."""
    program = source.program
    holds = {
        "AUTOENCODER": program.kind.has_codes,
        "CLASSES": program.kind.has_classes,
        "STREAMS": program.streams,
        "STEPS": program.readout == "steps",
    }
    return {name for name, held in holds.items() if held}


def _words(source: Source) -> dict[str, str]:
    """Return what stands for words between two @."""
    program, facts = source.program, source.facts
    codes = program.kind.has_codes
    X = source.trials[0].X[:1]
    X = X if codes else X[:, : max(1, MOST // program.n_features)]
    answers = program.predict(X)
    answer = next(answers[name] for name in ("code", "probabilities", "y") if name in answers)
    last = answer[0] if answer.ndim == 2 else answer[0, -1]
    return {
        "name": source.name,
        "version": facts["hiddenstate"],
        "sha": facts["model_sha256"],
        "features": str(program.n_features),
        "each": "row" if codes else "step",
        "steps": "1" if codes else str(X.shape[1]),
        "rows": array("rows", X[0].astype(np.float32)),
        "numbers": f"{source.identifier.upper()}_{'CODE' if codes else 'OUTPUTS'}",
        "answer": fill(", ".join(f"{value:.6g}" for value in last), 92, subsequent_indent="   "),
    }
