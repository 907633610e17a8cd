"""Times training with a carried state: 64 streams of windows of 50 steps, beside plain torch.

All contenders have the same network, an LSTM with a linear output at every step, the same weights,
batches, Adam and threads: a batch has a window of each stream, which begins with the state that the
one before it left, detached. `torch in memory` has the signals in one tensor, and updates by the
fused Adam. The losses of the first steps are compared.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from timing import interleave, print_table, ratios, spread

from hiddenstate.config import TrainingConfig, make_config
from hiddenstate.data.prepare.batches import Batches, Streams
from hiddenstate.engines import Task, TrainingState, make_engine
from hiddenstate.models.net import Net

HIDDEN, STEPS, STREAMS, WINDOWS = 32, 50, 64, 40
ROUNDS, PIECE = 15, 40
"""Updates in a piece: an epoch."""

LR = 0.003
Losses = list[float]


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure and print the milliseconds of an update."""
    rounds, piece = args.rounds or ROUNDS, 2 if args.toy else PIECE
    threads = args.threads or 1
    shape = f"{STREAMS} streams of windows of {STEPS} steps, an LSTM(1, {HIDDEN})"
    print(f"## carried: milliseconds of an update, {shape}, on {threads} threads, {rounds} rounds")
    task = _task(threads)
    makers: dict[str, Callable[[], Callable[[int], Losses]]] = {
        "hiddenstate native": partial(_library, task, "native"),
        "hiddenstate torch": partial(_library, task, "torch"),
        "torch in memory": partial(_torch, task),
    }
    steps: dict[str, Callable[[int], Losses]] = {}
    for name, make in makers.items():
        if any(word in name for word in args.only.split(",")):
            try:
                steps[name] = make()
            except ImportError as error:
                print(f"{name}: skipped, {error}")
    first = {name: step(3) for name, step in steps.items()}
    took = interleave({n: partial(_seconds, step, piece) for n, step in steps.items()}, rounds)
    base = took.get("torch in memory")
    rows = [
        (
            name,
            f"{spread([1e3 * s for s in seconds]):.3f}",
            f"{ratios(seconds, base):.1f}" if base else "-",
            f"{np.abs(np.subtract(first[name], first['hiddenstate native'])).max():.0e}"
            if "hiddenstate native" in first
            else "-",
        )
        for name, seconds in took.items()
    ]
    print()
    print_table(("contender", "an update, ms", "ratio", "losses off by"), rows)
    return {"seconds": took}


def _task(threads: int) -> Task:
    """Return the training of a signal that follows another one, in 64 parts."""
    random = np.random.default_rng(0)
    n = STREAMS * WINDOWS
    u = random.normal(size=n * STEPS)
    y = np.tanh(np.convolve(u, 0.9 ** np.arange(30))[: len(u)] / 2)
    X, targets = (v.astype(np.float32).reshape(n, STEPS, 1) for v in (u, y))
    config = make_config("regress", {"cell": "lstm", "hidden_size": HIDDEN})
    training = TrainingConfig(batch_size=1, lr=LR, threads=threads, log_every=10**6)
    streams = Streams(tuple(range(0, n, WINDOWS)), (WINDOWS,) * STREAMS, STREAMS)
    net = Net("regress", config.model, 1, 1, "steps")
    batches = Batches(n, STREAMS, streams=streams)
    return Task(net, training, X, targets, batches, 10**9, stateful=True)


def _library(task: Task, name: str) -> Callable[[int], Losses]:
    task = replace(task, training=replace(task.training, engine=name))
    engine = make_engine(task, TrainingState(task.net.initial(0, "float32")))
    done = 0

    def step(n: int) -> Losses:
        nonlocal done
        chunk = engine.run(done, done + n, lambda: False)
        done += n
        return list(chunk.losses)

    return step


def _torch(task: Task) -> Callable[[int], Losses]:
    import torch

    torch.set_num_threads(task.training.threads)

    class Both(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(1, HIDDEN, batch_first=True)
            self.out = torch.nn.Linear(HIDDEN, 1)

    net = Both()
    params = task.net.initial(0, "float32")
    net.load_state_dict({name: torch.from_numpy(array) for name, array in params.items()})
    adam = torch.optim.Adam(net.parameters(), lr=LR, fused=True)
    assert isinstance(task.X, np.ndarray)
    assert task.y is not None
    order = np.arange(STREAMS * WINDOWS).reshape(STREAMS, WINDOWS).T.copy()
    X, y = (torch.from_numpy(v[order]) for v in (task.X, task.y))  # (WINDOWS, STREAMS, STEPS, 1)
    state: Any = None
    done = 0

    def step(n: int) -> Losses:
        nonlocal done, state
        losses = []
        for _ in range(n):
            window = done % WINDOWS
            state = state if window else None
            h, after = net.rnn(X[window], state)
            state = tuple(part.detach() for part in after)
            loss = torch.nn.functional.mse_loss(net.out(h), y[window])
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch's
            adam.step()
            losses.append(loss.detach())
            done += 1
        return [float(loss) for loss in losses]

    return step


def _seconds(step: Callable[[int], Losses], n: int) -> float:
    """Return the seconds of an update, of `n`."""
    began = time.perf_counter()
    step(n)
    return (time.perf_counter() - began) / n
