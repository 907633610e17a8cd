"""The answers of a teacher in a run folder, so that a run is resumed without the teacher."""

import numpy as np

from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.jobs import Taught
from hiddenstate.runs import Run
from hiddenstate.runs.record import TEACHER, own_facts
from hiddenstate.system.array_file import read_arrays
from hiddenstate.system.typing import NamedArrays


def arrays_of(taught: Taught | None) -> NamedArrays | None:
    """Return the arrays that :func:`taught_from` reads; None without a teacher."""
    if taught is None:
        return None
    arrays = {"answers": taught.answers, "knows_split": np.array([taught.knows_split], np.uint8)}
    extra = {"chosen": taught.chosen, "rival": taught.rival}
    return arrays | {name: array for name, array in extra.items() if array is not None}


def kept_answers(run: Run) -> Taught | None:
    """Return the answers of the teacher that a run folder keeps; None of a run without one.

    Raises
    ------
    UntrustedFileError
        If the file is missing, damaged or of another run.
    """
    if run.config.training.teach is None:
        return None
    path = run.path / TEACHER
    if not path.is_file():
        raise UntrustedFileError(
            f"{printable(path)}: the answers of the teacher are missing; restore the file"
        )
    arrays, facts = read_arrays(path, "teacher")
    own_facts(facts, run.id, printable(path))
    return taught_from(arrays, printable(path))


def taught_from(arrays: NamedArrays, where: str) -> Taught:
    """Reverse :func:`arrays_of` (`UntrustedFileError` for other arrays)."""
    names = set(arrays) - {"chosen", "rival"}
    is_whole = names == {"answers", "knows_split"} and arrays["knows_split"].shape == (1,)
    if not is_whole or arrays["answers"].ndim < 3:
        raise UntrustedFileError(f"{where}: damaged: expected answers")
    answers, rival = arrays["answers"], arrays.get("rival")
    if rival is not None and rival.shape != answers.shape[2:]:
        raise UntrustedFileError(f"{where}: damaged: expected answers of {answers.shape[2:]}")
    return Taught(answers, bool(arrays["knows_split"][0]), arrays.get("chosen"), rival)
