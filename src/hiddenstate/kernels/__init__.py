"""The recurrent kernels: C++ over a whole sequence, forward and back, and their specification.

`reference.py` says what they compute, in plain torch; `csrc/contract.h` how. The compiled
module holds several instruction levels; the best this processor has is taken, or the one that
the environment variable `HIDDENSTATE_LEVEL` names (`off` for none). Nothing here needs torch.
"""

import os
from functools import cache
from typing import Any

from hiddenstate.errors import MachineError, printable

VARIABLE = "HIDDENSTATE_LEVEL"

CELLS = {"rnn_tanh": 0, "rnn_relu": 1, "gru": 2, "lstm": 3}
"""Numbers of the cells, as the contract has them."""


@cache
def native() -> Any:
    """The compiled module, or None where the package was installed without a compiler."""
    try:
        from hiddenstate.kernels import _native  # type: ignore[attr-defined]
    except ImportError:
        return None
    return _native


def levels() -> tuple[str, ...]:
    """Instruction levels this processor has, the plainest first; none without kernels."""
    module = native()
    return tuple(module.levels()) if module else ()


def level() -> str | None:
    """The instruction level in use, or None where there are no kernels.

    Raises
    ------
    MachineError
        If the environment names one that is not there.
    """
    wanted, found = os.environ.get(VARIABLE, ""), levels()
    if wanted == "off" or not found:
        return None
    if not wanted:
        return found[-1]
    if wanted not in found:
        raise MachineError(
            f"{VARIABLE}={printable(wanted, 40)}: this processor has {', '.join(found)}; "
            "name one of these, or off"
        )
    return wanted


def why_not() -> str | None:
    """Why there are no kernels in words, or None where there are."""
    if not levels():
        return "they were not built when the package was installed (no C++ compiler)"
    return f"{VARIABLE} is off" if level() is None else None


def default_threads() -> int:
    """Threads where nobody says how many: `OMP_NUM_THREADS`, else the processors allowed."""
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(told) if told.isdecimal() and int(told) else processors()


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
