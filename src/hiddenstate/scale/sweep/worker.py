"""A worker process: has packets trained that come on its pipe, and sends the answers back."""

import os
import sys
import time
from typing import TYPE_CHECKING

from hiddenstate.system import signals, threads

if TYPE_CHECKING:
    from hiddenstate.system.processes import Connection

WATCHED = 0.5
"""Seconds between two looks at whether the command that started this process is still there."""

IGNORED = (signals.SIGINT, signals.SIGTERM, signals.SIGHUP)
"""Signals that reach all processes of a terminal or a batch job; the command ends its workers."""

READY = b""
"""What a worker sends once it can take a packet."""


def serve(argument: None, connection: "Connection") -> None:
    """Answer packets until there are no more, or the command has ended, however it did."""
    handlers = signals.Handlers()
    for number in IGNORED:
        handlers.take(number, signals.IGNORED)
    signals.let_through(IGNORED)
    threads.start(_end_with, os.getppid())
    os.dup2(2, 1)  # the command alone prints results
    from hiddenstate.scale.sweep.work import train_packet

    try:
        connection.send(READY)
        while True:
            connection.send(train_packet(connection.recv()))
    except (EOFError, OSError):  # the command has ended, and needs no answer
        sys.stderr.flush()
        os._exit(0)


def _end_with(command: int) -> None:
    """End this process as soon as the process `command` has ended."""
    while os.getppid() == command:
        time.sleep(WATCHED)
    os._exit(1)
