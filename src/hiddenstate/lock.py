"""One writer a run folder: an operating-system lock that goes when its process does."""

import fcntl
import os
import time
from datetime import datetime
from pathlib import Path
from typing import IO

from hiddenstate.errors import MachineError, printable


def is_locked(folder: Path) -> bool:
    """Whether a live process is writing in `folder`; changes nothing there."""
    try:
        with (folder / "lock").open(encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock file, or one that cannot be asked
        return False
    return False


def take_lock(folder: Path) -> IO[str]:
    """Lock `folder` for this process until the returned stream is closed.

    Raises
    ------
    MachineError
        If another process holds it, naming it and since when, or nothing can be written.
    """
    try:
        stream = (folder / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise MachineError(f"{printable(folder)}: cannot be written: {error.strerror}") from None
    # A reader that asks whether the run is live holds the lock for an instant: try again.
    for wait in (0.0, 0.02, 0.05, 0.1):
        time.sleep(wait)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            continue
        except OSError as error:
            stream.close()
            raise MachineError(
                f"{printable(folder)}: cannot be locked: {error.strerror}; use another folder"
            ) from None
    else:
        stream.seek(0)
        holder = printable(stream.read().strip() or "another process")
        stream.close()
        raise MachineError(
            f"{printable(folder)}: is being written by {holder}; wait for it or stop it"
        )
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    try:
        stream.truncate(0)
        os.write(stream.fileno(), f"process {os.getpid()}, since {now}\n".encode())
    except OSError as error:
        stream.close()
        raise MachineError(f"{printable(folder)}: cannot be written: {error.strerror}") from None
    return stream
