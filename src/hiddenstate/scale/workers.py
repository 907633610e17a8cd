"""Worker processes of this machine, each with a pipe of its own, for searches and sweeps.

The pools of joblib (loky) and of the standard library share one pipe for the answers of all
workers. A worker that is killed in the middle of its answer leaves them waiting for the rest of it
for ever, and any other kill costs what all workers are doing. Here a kill is the end of one pipe,
and costs what that worker was doing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hiddenstate.system.processes import Spawned, wait_for_any

MAX_QUICK = 5
"""Workers in a row that may be killed early before no other takes their place."""


class Workers:
    """Processes that run one function.

    Parameters
    ----------
    function : callable
        Called with `argument` and its end of the pipe; it belongs to a module.
    argument : object
    later : sequence of int
        Signals that wait until the function lets them through.
    env : dict, optional
        Variables of the processes, in addition to those of this one.

    Attributes
    ----------
    running : list of Spawned
    """

    def __init__(
        self,
        function: Callable[..., None],
        argument: object,
        later: Sequence[int],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._how = function, argument, later, env
        self.running: list[Spawned] = []

    def start(self) -> Spawned:
        """Start one more; an `OSError` if it cannot be started."""
        self.running.append(Spawned(*self._how))
        return self.running[-1]

    def heard(self, seconds: float) -> Iterator[tuple[Spawned, Any]]:
        """Yield each message that comes within so many seconds, or None if a process ended."""
        wait_for_any(self.running, seconds)
        for process in list(self.running):
            has_ended = process.exitcode is not None
            for message in process.received():
                yield process, message
            if has_ended:
                self.running.remove(process)
                process.close()
                yield process, None

    def ask_to_stop(self) -> None:
        """Send all of them SIGTERM."""
        for process in self.running:
            process.ask_to_stop()

    def kill(self) -> None:
        """End all of them at once."""
        for process in self.running:
            process.kill()
        self.join()

    def join(self) -> None:
        """Wait until all have ended."""
        while self.running:
            self.running.pop().close()
