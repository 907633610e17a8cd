"""Which parts of an operating system this platform has; the others have stand-ins.

Only this room imports what some platforms lack (`fcntl`, `resource`, `termios`, `select`,
`signal`, threads, sockets, processes). Windows has no file locks, limits and terminals of POSIX and
opens no folders, and a browser starts neither threads nor processes. Where a part is missing, the
module for it does without, or raises one error that names the part.
"""

import sys
from typing import Literal, get_args

from hiddenstate.errors import MachineError

Part = Literal[
    "locks", "limits", "terminals", "signals", "processes", "threads", "sockets", "open folders"
]

PARTS: tuple[Part, ...] = get_args(Part)

_LACKING: dict[str, tuple[Part, ...]] = {
    "win32": ("locks", "limits", "terminals", "signals", "open folders"),
    "emscripten": PARTS,
}

missing: frozenset[Part] = frozenset(_LACKING.get(sys.platform, ()))
"""The parts that this platform does not have. Tests replace it to use the stand-ins."""


def has(part: Part) -> bool:
    """Return whether this platform has a part."""
    return part not in missing


def require(part: Part) -> None:
    """Refuse work that needs a part which this platform does not have.

    Raises
    ------
    MachineError
        If it does not have it.
    """
    if not has(part):
        raise MachineError(f"this requires {part}, and the platform has none")
