"""Worker processes of this machine, each with pipes of its own.

The pools of joblib (loky) and of the standard library share one pipe for the answers of all
workers. A worker that is killed in the middle of its answer leaves them waiting for the rest of it
for ever, and any other kill costs what all workers are doing. Here a kill is the end of one pipe,
and costs the packet of that worker. A worker does not import the script that started it, so that
`sweep()` needs no guard there.
"""

import contextlib
import json
import queue
from collections.abc import Iterable
from typing import IO, Any, Protocol

from hiddenstate.errors import MachineError
from hiddenstate.kernels import processors
from hiddenstate.scale.sweep.worker import read_frame, write_frame
from hiddenstate.system import processes, threads
from hiddenstate.system.interpreter import import_path, python_command, python_environment

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of a worker: there are as many workers as cores."""

LOOK = 0.1
"""Seconds between two looks at whether the processes have ended."""

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from hiddenstate.scale.sweep.worker import serve; serve()"
)
"""What a worker runs, with the path that modules are imported from as its argument."""


class Workers(Protocol):
    """What trains packets: processes of this machine, or a cluster."""

    where: str
    """What the workers are, as messages say it."""

    def capacity(self) -> int:
        """Return how many packets are to be submitted at a time."""

    def submit(self, packet: bytes) -> Any:
        """Have a packet trained; return a ticket."""

    def finished(self, tickets: Iterable[Any], seconds: float) -> list[tuple[Any, bytes | None]]:
        """Return tickets with their answers, or None if a worker was killed; wait for the first.

        An empty list means that none is finished after so many seconds.
        """

    def close(self) -> None:
        """Stop all work."""


class LocalPool:
    """Workers in processes of this machine.

    Parameters
    ----------
    n : int
        Number of processes; 0 for one a core.
    """

    def __init__(self, n: int) -> None:
        self.n = n or processors()
        self.where = f"{self.n} process{'es' if self.n > 1 else ''} on this machine"
        self._packets: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[int, bytes | OSError | None]] = queue.SimpleQueue()
        self._threads: list[threads.Thread] = []
        self._processes: dict[int, processes.Process] = {}
        self._submitted, self._closed = 0, False

    def capacity(self) -> int:
        """Return two packets a process: one in training, and one ready."""
        return 2 * self.n

    def submit(self, packet: bytes) -> int:
        """Have a packet trained in the next free process."""
        if len(self._threads) < self.n:  # a process for each of the first packets
            self._threads.append(threads.start(self._serve, len(self._threads)))
        self._submitted += 1
        self._packets.put((self._submitted, packet))
        return self._submitted

    def finished(self, tickets: Iterable[int], seconds: float) -> list[tuple[int, bytes | None]]:
        """Return what is finished; a killed process costs the packet that it had."""
        answers = []
        with contextlib.suppress(queue.Empty):
            ticket, answer = self._answers.get(timeout=seconds)
            while True:
                if isinstance(answer, OSError):
                    raise MachineError(
                        f"the worker processes do not work: {answer.strerror}; use fewer with "
                        "--jobs, or free memory"
                    )
                answers.append((ticket, answer))
                ticket, answer = self._answers.get_nowait()
        return answers

    def close(self) -> None:
        """End all processes."""
        self._closed = True
        for _ in self._threads:
            self._packets.put(None)
        while any(thread.is_alive() for thread in self._threads):
            for process in list(self._processes.values()):
                process.kill()
            self._threads[-1].join(LOOK)
            self._threads = [thread for thread in self._threads if thread.is_alive()]

    def _serve(self, number: int) -> None:
        """Have packets trained one by one by the process `number`, made anew when it is killed."""
        while (item := self._packets.get()) is not None and not self._closed:
            ticket, packet = item
            try:
                process = self._processes.get(number) or self._started(number)
                answer: bytes | OSError | None = _exchanged(process, packet)
            except OSError as error:  # no process, or no memory for one
                answer = error
            if answer is None:
                self._end(number)
            self._answers.put((ticket, answer))
        self._end(number)

    def _started(self, number: int) -> processes.Process:
        self._processes[number] = processes.start(
            python_command("-c", PROGRAM, json.dumps(import_path())),
            stdin=processes.PIPE,
            stdout=processes.PIPE,
            env=python_environment(ONE_THREAD),
        )
        return self._processes[number]

    def _end(self, number: int) -> None:
        """End a process, and let go of its pipes."""
        process = self._processes.pop(number, None)
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was to be written is of no use
                    stream.close()


def _exchanged(process: processes.Process, packet: bytes) -> bytes | None:
    """Return the answer of a process to a packet, or None if it was killed."""
    stdin: IO[bytes] | None = process.stdin
    if stdin is None or process.stdout is None:
        raise RuntimeError("a worker without pipes")
    answer = None
    with contextlib.suppress(BrokenPipeError, ConnectionError):
        write_frame(stdin, packet)
        answer = read_frame(process.stdout)
    if answer is None and process.wait() > 0:  # it has ended by itself, and no signal killed it
        raise OSError(0, f"they end with exit code {process.returncode}, as printed above")
    return answer
