"""Threads, and what they wait for. Without threads, a team works one after the other."""

import _thread
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from threading import Condition as Condition
from threading import Event as Event
from threading import Lock as Lock
from threading import Thread as Thread
from threading import current_thread, main_thread
from typing import TypeVar

from hiddenstate.errors import MachineError
from hiddenstate.system import platform

Item = TypeVar("Item")
Result = TypeVar("Result")


def start(work: Callable[..., object], *arguments: object, name: str | None = None) -> Thread:
    """Start a thread that does not keep the process alive.

    Raises
    ------
    MachineError
        If no thread can be started.
    """
    platform.require("threads")
    thread = Thread(target=work, args=arguments, daemon=True, name=name)
    try:
        thread.start()
    except RuntimeError:
        raise MachineError(
            "cannot start a thread: not enough memory, or a limit on processes; raise the "
            "limit (ulimit -v, ulimit -u)"
        ) from None
    return thread


def try_start(work: Callable[[], object]) -> None:
    """Start a thread for work that is done anyway if there can be none.

    It is started by `_thread`: `threading.Thread.start` waits for ever for a thread that ends for
    want of memory before it has begun.
    """
    if platform.has("threads"):
        with suppress(RuntimeError, MemoryError):
            _thread.start_new_thread(work, ())


def is_main() -> bool:
    """Return whether this is the main thread, which alone receives signals."""
    return current_thread() is main_thread()


def together(call: Callable[[Item], Result], items: Sequence[Item], n_threads: int) -> list[Result]:
    """Return `call` of each item, computed by several threads, each with this thread's context."""
    if n_threads == 1 or not platform.has("threads"):
        return [call(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(n_threads) as pool:
        calls = [pool.submit(copy_context().run, call, item) for item in items]
        return [future.result() for future in calls]
