"""A worker process: reads packets from stdin, trains them, and writes the answers to stdout.

Each packet and each answer is 8 bytes of length and as many bytes. Nothing is pickled.
"""

import os
import sys
import time
from typing import IO

from hiddenstate.system import signals, threads

WATCHED = 0.5
"""Seconds between two looks at whether the command that started this process is still there."""

IGNORED = (signals.SIGINT, signals.SIGTERM, signals.SIGHUP)
"""Signals that reach all processes of a terminal or a batch job; the command ends its workers."""


def serve() -> None:
    """Answer packets until there are no more, or the command has ended, however it did."""
    handlers = signals.Handlers()
    for number in IGNORED:
        handlers.take(number, signals.IGNORED)
    threads.start(_end_with, os.getppid())
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    from hiddenstate.scale.sweep.work import train_packet

    while (packet := read_frame(sys.stdin.buffer)) is not None:
        try:
            write_frame(answers, train_packet(packet))
        except BrokenPipeError:  # the command has ended, and needs no answer
            os._exit(1)


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Return the next packet or answer, or None if the other process has ended."""
    head = stream.read(8)
    n = int.from_bytes(head, "little")
    content = stream.read(n) if len(head) == 8 else b""
    return content if len(head) == 8 and len(content) == n else None


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """Write a packet or an answer."""
    stream.write(len(content).to_bytes(8, "little"))
    stream.write(content)
    stream.flush()


def _end_with(command: int) -> None:
    """End this process as soon as the process `command` has ended."""
    while os.getppid() == command:
        time.sleep(WATCHED)
    os._exit(1)
