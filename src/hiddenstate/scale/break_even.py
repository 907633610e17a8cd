"""When several hosts train faster than one: computing against sending the gradient.

An update of a net with N weights on a batch of R rows of T steps takes about 6 N R T floating point
operations: two for the forward pass and four for the backward pass, for each weight, row and step.
The hosts then add up N gradients by a ring all-reduce, in which each sends 2 (n - 1) / n times
their bytes (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of
workstations", 2009). Both grow with N, so whether it pays depends on the rows and steps that a host
has, on its speed and on the network, and not on the size of the net. Latency comes on top.
"""

import time
from dataclasses import replace

import numpy as np

from hiddenstate.config import RecurrentConfig, TrainingConfig
from hiddenstate.data.prepare.batches import Batches, generator
from hiddenstate.engines import Task, TrainingState
from hiddenstate.models.net import Net
from hiddenstate.program.jobs import first_with
from hiddenstate.system.extras import require

NETWORKS = {"1 GbE": 1.25e8, "10 GbE": 1.25e9}
"""Bytes a second that each host can send, and receive at the same time."""

EFFICIENCY = 0.8
"""Share of the time that a host computes, from which several hosts count as worth it."""

FLOPS = 6
"""Floating point operations of an update, for each weight, row and step."""

ROWS, STEPS, HIDDEN = 64, 28, 128
"""Size of the updates that are timed: of a net whose products keep a processor busy."""

UPDATES, SECONDS = 10, 0.25
"""Most updates that are timed, and about the longest time."""


def rows_and_steps(
    rate: float,
    bandwidth: float,
    n_hosts: int | None = None,
    efficiency: float = EFFICIENCY,
    itemsize: int = 4,
) -> int:
    """Return how many rows times steps of a batch each host needs.

    Parameters
    ----------
    rate : float
        Floating point operations a second of a host, while training.
    bandwidth : float
        Bytes a second between hosts.
    n_hosts : int, optional
        Number of hosts; by default so many that it no longer matters.
    efficiency : float, default 0.8
        Share of the time that a host shall compute.
    itemsize : int, default 4
        Bytes of a number.
    """
    share = 1.0 if n_hosts is None else (n_hosts - 1) / n_hosts
    sending = 2 * share * itemsize / bandwidth  # seconds a weight
    return round(efficiency / (1 - efficiency) * sending * rate / FLOPS)


def seconds_of_update(
    computing: float, n_bytes: int, n_hosts: int, bandwidth: float, latency: float = 0.0
) -> float:
    """Return the predicted seconds of an update on several hosts.

    Parameters
    ----------
    computing : float
        Seconds that a host computes, with its part of the rows.
    n_bytes : int
        Bytes of the gradient.
    n_hosts : int
    bandwidth : float
        Bytes a second between hosts.
    latency : float, default 0
        Seconds of an all-reduce of next to nothing.
    """
    return computing + latency + 2 * (n_hosts - 1) / n_hosts * n_bytes / bandwidth


def measured_rate() -> float:
    """Return the floating point operations a second of this machine, training with torch.

    Takes a fraction of a second.

    Raises
    ------
    MissingExtraError
        If torch is missing.
    """
    require("torch", "measuring the speed of training")
    from hiddenstate.engines.torch import TorchEngine

    net = Net(first_with("classes"), RecurrentConfig("lstm", "tanh", HIDDEN, 1, False), STEPS, 10)
    n_rows = ROWS * (UPDATES + 1)
    training = replace(TrainingConfig(), batch_size=ROWS, device="cpu")
    task = Task(
        net,
        training,
        generator(0, "speed").random((n_rows, STEPS, STEPS), np.float32),
        np.arange(n_rows) % 10,
        Batches(n_rows, ROWS),
        total_steps=UPDATES + 1,
    )
    engine = TorchEngine(task, TrainingState(net.initial(0, "float32")))
    engine.run(0, 1, bool)
    began = time.perf_counter()
    done = engine.run(1, UPDATES + 1, lambda: time.perf_counter() - began > SECONDS)
    seconds = time.perf_counter() - began
    return FLOPS * net.n_parameters() * ROWS * STEPS * len(done.losses) / seconds


def summary(rate: float) -> str:
    """Return what a host with this rate needs, in one line."""
    needs = [f"{rows_and_steps(rate, speed):,} on {name}" for name, speed in NETWORKS.items()]
    return (
        f"{EFFICIENCY:.0%} efficient from {' or '.join(needs)} (rows x steps of a batch on each "
        f"host, at the {rate / 1e9:.3g} GFLOP/s measured here)"
    )
