"""Measures data parallel training: two ranks beside one process, and a slow network beside a model.

    python benchmarks/ranks.py speed            # one thread a rank, a batch of 1,024
    python benchmarks/ranks.py network          # two namespaces, 100 Mbit/s (needs root)
    python benchmarks/ranks.py latency          # an all-reduce of next to nothing

Every process stays open and makes some updates when it is its turn, so that the ways alternate.
`predicted` is the time of one process with half of the rows, plus the time in which each of two
hosts sends the gradient at that rate, plus the time of an all-reduce of one number there; each is
the least of all rounds, because other programs only ever add to it.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from timing import machine, print_machine, print_table

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.stress.rank_hosts import Hosts, can_make_hosts, free_port, hosts

from hiddenstate.config import RecurrentConfig, TrainingConfig
from hiddenstate.data.prepare.batches import Batches, generator
from hiddenstate.engines import Task, TrainingState
from hiddenstate.models.net import Net
from hiddenstate.scale.break_even import rows_and_steps, seconds_of_update
from hiddenstate.scale.launch import Launch

INPUTS = 28
RATES = {"100mbit": 1.25e7}

PAYLOAD = 1448 / 1514
"""Share of a frame of Ethernet, which `tc` counts, that is not the headers of IP and TCP."""
TESTS = ("speed", "network", "latency")


class Workers:
    """Processes that make updates of one net together, on request.

    Parameters
    ----------
    n : int
        How many; one makes whole batches without the others.
    sizes : sequence of int
        Rows of a batch, steps of a row, and hidden size.
    where : Hosts
    forks : bool
        Whether they are forked from this process, which is quicker, on this machine alone.
    """

    def __init__(self, n: int, sizes: Sequence[int], where: Hosts, forks: bool) -> None:
        port = free_port()
        self._all: list[Any] = []
        for rank in range(n):
            numbers = [*sizes, rank, n, port, where.address, int(bool(where.names))]
            words = [str(number) for number in numbers]
            self._all.append(Forked(words) if forks else _started(where.before(rank), words))

    def ask(self, what: str, n: int) -> list[float]:
        """Return the seconds of `n` updates, or of `n` all-reduces of one number."""
        for process in self._all:
            process.stdin.write(f"{what} {n}\n")
            process.stdin.flush()
        lines = [process.stdout.readline() for process in self._all]
        return list(json.loads(lines[0]))

    def close(self) -> None:
        """Let them end."""
        for process in self._all:  # the ranks wait for one another
            process.stdin.write("end\n")
            process.stdin.close()
        for process in self._all:
            process.wait()


def _started(before: list[str], words: list[str]) -> "subprocess.Popen[str]":
    """Start a worker on its host."""
    return subprocess.Popen(
        [*before, sys.executable, __file__, "worker", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tempfile.gettempdir(),
    )


class Forked:
    """A worker that shares what this process has imported.

    Parameters
    ----------
    words : list of str
        The arguments of `work`.
    """

    def __init__(self, words: list[str]) -> None:
        theirs, ours = os.pipe()
        back, answers = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            os.dup2(theirs, 0)
            os.dup2(answers, 1)
            try:
                work(words)
            finally:
                os._exit(0)
        os.close(theirs)
        os.close(answers)
        self.stdin, self.stdout = os.fdopen(ours, "w"), os.fdopen(back)

    def wait(self) -> None:
        """Wait until it ends."""
        os.waitpid(self._pid, 0)
        self.stdout.close()


def work(words: Sequence[str]) -> None:
    """Be one of the workers."""
    rows, steps, hidden, rank, n, port = map(int, words[:6])
    address, one_host = words[6], words[7] == "0"
    net = Net("classify", RecurrentConfig("lstm", "tanh", hidden, 1, False), INPUTS, 10)
    training = replace(TrainingConfig(), batch_size=rows, device="cpu", threads=1)
    X = generator(0, "speed").random((2 * rows, steps, INPUTS), np.float32)
    task = Task(net, training, X, np.arange(2 * rows) % 10, Batches(2 * rows, rows), 10**6)
    state = TrainingState(net.initial(0, "float32"))
    from hiddenstate.engines.torch import TorchEngine

    engine: Any
    with contextlib.ExitStack() as stack:
        if n == 1:
            engine = TorchEngine(task, state)
        else:
            from hiddenstate.scale.distributed import Group

            place = (rank, n) if one_host else (0, 1)
            launch = Launch(rank, n, *place, address, port)
            group = stack.enter_context(Group(launch, print))
            engine = group.make_engine(task, state)
        step = 0
        for line in iter(sys.stdin.readline, "end\n"):
            what, count = line.split()
            seconds = []
            for _ in range(int(count)):
                began = time.perf_counter()
                if what == "update":
                    engine.run(step, step + 1, bool)
                    step += 1
                else:
                    group.sum(np.zeros(1))
                seconds.append(time.perf_counter() - began)
            print(json.dumps(seconds), flush=True)
        if n > 1:
            group.leave()


@contextlib.contextmanager
def workers(
    n: int, sizes: Sequence[int], where: Hosts | None = None, forks: bool = False
) -> Iterator[Workers]:
    """Start workers, warm, and end them."""
    made = Workers(n, sizes, where or Hosts(), forks)
    made.ask("update", 2)
    try:
        yield made
    finally:
        made.close()


def speed(args: argparse.Namespace) -> None:
    """Compare two ranks of one thread with one process of one thread."""
    sizes, rounds = ((32, 4, 8), 2) if args.toy else ((1024, 28, 128), args.rounds)
    print(
        f"## speed: an LSTM of {sizes[2]} units, batches of {sizes[0]:,} rows of {sizes[1]} steps"
    )
    one, two = [], []
    toy = bool(args.toy)
    with workers(1, sizes, forks=toy) as alone, workers(2, sizes, forks=toy) as both:
        for _ in range(rounds):
            one += alone.ask("update", 2)
            two += both.ask("update", 2)
    ratio = median(a / b for a, b in zip(one, two, strict=True))
    head = ("processes", "ms an update, median", "least", "speed-up, median")
    table = [("1", _ms(median(one)), _ms(min(one)), ""), ("2", _ms(median(two)), _ms(min(two)), "")]
    table[1] = (*table[1][:3], f"{ratio:.2f}")
    print_table(head, table)


def network(args: argparse.Namespace) -> None:
    """Compare updates on a slow network with the prediction."""
    rows, steps, hidden = (16, 4, 32) if args.toy else (64, 4, 768)
    print(f"## network: an LSTM of {hidden} units, batches of {rows} rows, two hosts")
    if not can_make_hosts():
        print("skipped, no right to make network namespaces")
        return
    net = Net("classify", RecurrentConfig("lstm", "tanh", hidden, 1, False), INPUTS, 10)
    table = []
    with hosts(2) as where, workers(1, (rows // 2, steps, hidden)) as alone:
        for rate, bandwidth in RATES.items():
            where.limit(rate)
            with workers(2, (rows, steps, hidden), where) as both:
                computing, measured, empty = [], [], []
                for _ in range(1 if args.toy else args.rounds):
                    computing += alone.ask("update", 3)
                    measured += both.ask("update", 3)
                    empty += both.ask("sum", 3)
            own, wait, found = min(computing), min(empty), min(measured)
            n_bytes = 4 * net.n_parameters()
            predicted = seconds_of_update(own, n_bytes, 2, PAYLOAD * bandwidth, wait)
            cells = (_ms(own), _ms(wait), _ms(predicted), _ms(found))
            table.append((rate, f"{n_bytes / 1e6:.2f}", *cells, f"{found / predicted:.2f}"))
    head = ("rate", "MB", "ms computing", "ms latency", "ms predicted", "ms measured", "ratio")
    print_table(head, table)


def latency(args: argparse.Namespace) -> None:
    """Time an all-reduce of one number between two ranks of this machine."""
    print("## latency: an all-reduce of one number between two ranks of this machine")
    with workers(2, (2, 2, 2)) as both:
        seconds = both.ask("sum", 20 if args.toy else 2000)
    least = rows_and_steps(1e9, 1.25e8)
    print_table(("median ms", "least ms"), [(_ms(median(seconds)), _ms(min(seconds)))])
    print(f"rows x steps a GFLOP/s needs on 1 GbE: {least}")


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f}"


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("test", nargs="*", choices=TESTS, default=TESTS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--toy", action="store_true", help="small sizes, to try the script")
    return parser


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work(sys.argv[2:])
    else:
        chosen = arguments().parse_args()
        print_machine(machine(1))
        for name in chosen.test or TESTS:
            {"speed": speed, "network": network, "latency": latency}[name](chosen)
