"""Has the missing groups of a sweep trained by workers, and stores each answer as it comes.

A worker that is killed costs the groups it had at that moment. They are trained again one by one,
each alone, so that a group that needs more memory than there is, or crashes its process, is found:
it fails after it has cost two processes on its own.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from hiddenstate.errors import MachineError, printable
from hiddenstate.scale.sweep.options import Shard
from hiddenstate.scale.sweep.packets import pack_groups
from hiddenstate.scale.sweep.pool import Trainers
from hiddenstate.scale.sweep.records import encode_record
from hiddenstate.scale.sweep.start import Sweep
from hiddenstate.scale.sweep.work import Outcome, VersionError, outcomes_of

PACKET_SECONDS = 0.5
"""How long training a packet is to take: a killed worker costs about as much."""

PACKET_ROWS, PACKET_GROUPS = 200_000, 500
"""Most rows and groups of a packet; a larger group is a packet of its own."""

FIRST_GROUPS = 4
"""Groups of a packet while nothing is known about how long they take."""

STRIKES = 2
"""How many processes a group may cost on its own before it has failed."""

LOOK = 0.2
"""Seconds between two looks at whether the command is to stop."""


class Driver:
    """Trains the missing groups of a sweep.

    Parameters
    ----------
    sweep : Sweep
    workers : Trainers
    shard : Shard
        Whose file the records are added to.
    tell : callable
        Called with the key and the outcome of each group, once it is stored.
    """

    def __init__(
        self,
        sweep: Sweep,
        workers: Trainers,
        shard: Shard,
        tell: Callable[[tuple[str, ...], Outcome], None] = lambda key, outcome: None,
    ) -> None:
        self.sweep, self.workers, self.shard, self._tell = sweep, workers, shard, tell
        self._waiting: deque[int] = deque()
        self._suspects: deque[int] = deque()
        self._training: dict[Any, list[int]] = {}
        self._strikes: Counter[int] = Counter()
        self._seconds, self._trained = 0.0, 0
        self._sizes = sweep.table.sizes()

    def train(self, numbers: list[int], should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Train groups; return whether all are stored, and not stopped before.

        Raises
        ------
        MachineError
            If the workers cannot be reached, or the records not be written.
        """
        self._waiting.extend(numbers)
        try:
            while self._waiting or self._suspects or self._training:
                if should_stop():
                    return False
                self._submit()
                for ticket, answer in self.workers.finished(list(self._training), LOOK):
                    self._take(self._training.pop(ticket), answer)
        finally:
            self.workers.close()
        return True

    def _submit(self) -> None:
        """Keep the workers busy: with one suspect alone, or with packets of groups."""
        if self._suspects:
            if not self._training:
                self._send([self._suspects.popleft()])
            return
        while self._waiting and len(self._training) < self.workers.capacity():
            self._send(self._next_groups())

    def _send(self, numbers: list[int]) -> None:
        packet = pack_groups(self.sweep.table, numbers, self.sweep.packet_facts)
        try:
            self._training[self.workers.submit(packet)] = numbers
        except BaseException:
            self._waiting.extendleft(numbers)
            raise

    def _next_groups(self) -> list[int]:
        """Return the groups of the next packet, which takes about `PACKET_SECONDS`."""
        most = FIRST_GROUPS
        if self._trained:
            each = max(self._seconds / self._trained, 1e-6)
            share = -(-len(self._waiting) // self.workers.capacity())
            most = max(1, min(PACKET_GROUPS, int(PACKET_SECONDS / each), share))
        numbers, rows = [self._waiting.popleft()], 0
        rows = int(self._sizes[numbers[0]])
        while self._waiting and len(numbers) < most:
            rows += int(self._sizes[self._waiting[0]])
            if rows > PACKET_ROWS:
                break
            numbers.append(self._waiting.popleft())
        return numbers

    def _take(self, numbers: list[int], answer: bytes | None) -> None:
        """Store the answer to a packet, or note what a killed worker had."""
        if answer is not None:
            self._store(answer)
            return
        if len(numbers) > 1 or self._training:
            self._suspects.extend(numbers)
            return
        number = numbers[0]
        self._strikes[number] += 1
        if self._strikes[number] < STRIKES:
            self._suspects.append(number)
            return
        why = (
            f"its worker process was killed {STRIKES} times while it trained this group alone; "
            "it may need more memory than there is"
        )
        outcome = Outcome("failed", int(self._sizes[number]), why)
        self._add([(number, outcome, b"")])

    def _store(self, answer: bytes) -> None:
        try:
            answers = list(outcomes_of(answer))
        except VersionError as error:
            raise MachineError(
                f"{self.workers.where}: a worker has version {printable(error, 40)} of "
                "hiddenstate; install the version of this command there"
            ) from None
        self._seconds += sum(outcome.seconds for _, outcome, _ in answers)
        self._trained += len(answers)
        self._add(answers)

    def _add(self, answers: list[tuple[int, Outcome, bytes]]) -> None:
        table, shard, records, told = self.sweep.table, self.shard, [], []
        for number, outcome, model in answers:
            records.append(encode_record(table.keys[number], outcome, model))
            told.append((table.keys[number], outcome))
        self.sweep.folder.add(shard.number, shard.n, records)
        for key, outcome in told:
            self._tell(key, outcome)
