"""Prepares a process for the command line: standard streams and environment variables."""

import os
import sys

from hiddenstate.system.interpreter import SAFE_PATH
from hiddenstate.system.terminal import is_usable

STREAMS = (("stdin", "r", os.O_WRONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_RDONLY))
"""Name and mode of each standard stream, and the access with which it cannot be used."""


def prepare_process() -> None:
    """Make whatever the caller passed on fit for every command; call it before anything is opened.

    A standard stream that is closed becomes /dev/null: otherwise the next file that is opened would
    get its number, and with it what is printed. A character that the encoding of a stream does not
    have is printed as an escape. Variables with which matplotlib fails are removed: no command
    uses the backend of MPLBACKEND, and a SOURCE_DATE_EPOCH that is not a number has no meaning.
    Processes that a library starts import nothing from the current folder either.
    """
    for number, (name, mode, unfit) in enumerate(STREAMS):
        if not is_usable(number, unfit):
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
        if mode == "w":
            getattr(sys, name).reconfigure(errors="backslashreplace")
    os.environ.update(SAFE_PATH)
    os.environ.pop("MPLBACKEND", None)
    date = os.environ.get("SOURCE_DATE_EPOCH", "0")
    if not (date.isascii() and date.isdecimal() and len(date) < 12):
        del os.environ["SOURCE_DATE_EPOCH"]
        sys.stderr.write("warning: SOURCE_DATE_EPOCH: not a number of seconds; it is ignored\n")
