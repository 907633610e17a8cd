"""The recurrent kernels: forward and backward passes over whole sequences, in C++.

`program/layers.py` specifies in numpy what they compute, `csrc/contract.h` how their data is laid
out. The compiled module has code for several instruction levels. The best level that this
processor supports is used, or the one that the environment variable `HIDDENSTATE_LEVEL` names
(`off` for none). This module does not need torch.
"""

import os
from functools import cache
from typing import Any

from hiddenstate.errors import MachineError, printable

VARIABLE = "HIDDENSTATE_LEVEL"

MAX_THREADS = 4096
"""Most threads that are started, as `--threads` limits them."""


@cache
def native() -> Any:
    """Return the compiled module, or None if the package was installed without a compiler."""
    try:
        from hiddenstate.kernels import _native  # type: ignore[attr-defined]  # compiled
    except ImportError:
        return None
    return _native


def is_off() -> bool:
    """Return whether the environment variable turns the kernels off."""
    return os.environ.get(VARIABLE) == "off"


def levels() -> tuple[str, ...]:
    """Return the instruction levels that this processor supports, the simplest first."""
    module = native()
    return tuple(module.levels()) if module else ()


def level() -> str | None:
    """Return the instruction level in use, or None if the kernels are off or were not built.

    Raises
    ------
    MachineError
        If the environment variable names a level that this processor does not support.
    """
    wanted, supported = os.environ.get(VARIABLE, ""), levels()
    if is_off() or not supported:
        return None
    if not wanted:
        return supported[-1]
    if wanted not in supported:
        raise MachineError(
            f"{VARIABLE}={printable(wanted, 40)}: this processor supports {', '.join(supported)}; "
            "name one of these, or off"
        )
    return wanted


def cells() -> tuple[str, ...]:
    """Return the names of the cells that the kernels compute."""
    module = native()
    return tuple(module.cells()) if module else ()


def why_not() -> str | None:
    """Return why the kernels are not in use, or None if they are."""
    if not levels():
        return "they were not built when the package was installed (no C++ compiler)"
    return f"{VARIABLE} is off" if level() is None else None


def default_threads() -> int:
    """Return the default number of threads: `OMP_NUM_THREADS`, or else :func:`processors`.

    The variable can be a list, of which the first number counts. A value that is no number from 1
    to `MAX_THREADS` is ignored.
    """
    value = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    number = int(value) if value.isdecimal() and len(value) < 10 else 0
    return number if 1 <= number <= MAX_THREADS else processors()


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
