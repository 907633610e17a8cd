"""The processes that train together: how they meet, agree, exchange arrays, and notice a loss.

c10d, the part of torch that connects them, neither authenticates nor encrypts: use it in a trusted
network only. Nothing is pickled: what travels is tensors, JSON and safetensors.
"""

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np

from hiddenstate.engines import Engine, Task, TrainingState
from hiddenstate.errors import (
    DataError,
    HiddenstateError,
    LostRankError,
    MachineError,
    OptionError,
    RunInterruptedError,
    UntrustedFileError,
    printable,
)
from hiddenstate.scale.heartbeat import PREPARING, TRAINING, Heartbeat
from hiddenstate.scale.launch import Launch, choose_interface
from hiddenstate.system.extras import require
from hiddenstate.system.typing import Array

T = TypeVar("T")

JOIN_SECONDS = 120.0
"""Longest wait for ranks that were not started yet."""

PATIENCE = timedelta(hours=12)
"""When gloo gives up by itself. Rank 0 may evaluate for long; the heartbeat notices a loss."""

PIECE = 64 * 2**20
"""Most bytes of one message."""

LOST = ("gloo", "connection", "socket", "timed out", "timeout", "nccl", "peer", "broken pipe")
"""Parts of what torch raises if another rank is gone."""

ERRORS: dict[int, type[HiddenstateError]] = {2: DataError, 3: MachineError, 4: UntrustedFileError}
"""The error for each exit code that another rank may report."""


class Group:
    """The processes that torchrun started, joined; use it in a `with` block.

    Parameters
    ----------
    launch : Launch
    on_lost : callable
        Called with one line if a rank is lost while this process waits; then the process ends.

    Raises
    ------
    MachineError
        If not all ranks arrive in `JOIN_SECONDS`.
    MissingExtraError
        If torch is missing.
    """

    def __init__(self, launch: Launch, on_lost: Callable[[str], None]) -> None:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # a lost rank is one line
        require("torch", "training in several processes")
        import torch.distributed as dist
        from torch._C._distributed_c10d import PrefixStore

        if not dist.is_available() or not dist.is_gloo_available():
            raise MachineError("this build of torch cannot train in several processes (no gloo)")
        self.launch, self.rank, self.n_ranks = launch, launch.rank, launch.n_ranks
        self._shared: HiddenstateError | None = None
        self.is_waiting = False
        choose_interface(launch)
        where = f"{launch.address}:{launch.port}"
        self._base = PrefixStore(
            "hiddenstate", self._connect(launch.hosts_store and launch.rank == 0)
        )
        tag = self._meet()
        own = PrefixStore(f"hiddenstate/{tag}", self._connect())
        self.heartbeat = Heartbeat(own, self.rank, self.n_ranks, where, on_lost)
        self.heartbeat.start()
        try:
            with self.guard():
                dist.init_process_group(
                    "gloo",
                    store=PrefixStore(f"{tag}/gloo", self._base),
                    rank=self.rank,
                    world_size=self.n_ranks,
                    timeout=PATIENCE,
                )
        except BaseException:
            self.heartbeat.end()
            raise

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: Any) -> None:
        """Let the others know of an error that is this rank's own, and close the connections."""
        import torch.distributed as dist

        if error is not None and not isinstance(error, (LostRankError, RunInterruptedError)):
            with contextlib.suppress(RuntimeError):
                self.heartbeat.announce(printable(error))
        self.heartbeat.end()
        # After a loss, torch may wait for the lost rank.
        if not isinstance(error, LostRankError) and dist.is_initialized():
            dist.destroy_process_group()

    def _connect(self, hosts: bool = False) -> Any:
        """Return a connection to the store where the ranks meet; with `hosts`, and the store."""
        from torch._C._distributed_c10d import TCPStore

        launch, wait = self.launch, timedelta(seconds=JOIN_SECONDS)
        try:
            return TCPStore(launch.address, launch.port, None, hosts, wait, wait_for_workers=False)
        except RuntimeError as error:
            why = printable(str(error).splitlines()[0], 120)
            raise MachineError(
                f"rank {self.rank}: no connection to MASTER_ADDR {printable(launch.address, 60)}, "
                f"MASTER_PORT {launch.port}: {why}; start rank 0 there, and check the firewall"
            ) from None

    def _meet(self) -> str:
        """Wait for all ranks; return a name that this meeting has alone.

        torchrun keeps its store when it starts the ranks again, with all that was left there. Rank
        0 names each meeting anew, and lists the processes in it, so that none joins an old one.
        """
        own, deadline = secrets.token_hex(8), time.monotonic() + JOIN_SECONDS
        others = range(1, self.n_ranks)
        if self.rank == 0:
            self._base.set(f"{own}/beat/0", "0")
            self._base.set("meeting", own)
            here: dict[int, str] = {0: own}
            while len(here) < self.n_ranks:
                missing = [rank for rank in others if rank not in here]
                for rank in missing:
                    if self._base.check([f"{own}/here/{rank}"]):
                        here[rank] = self._base.get(f"{own}/here/{rank}").decode()
                if len(here) < self.n_ranks and time.monotonic() > deadline:
                    raise MachineError(
                        f"waited {JOIN_SECONDS:.0f} s for {self.n_ranks} ranks: rank {missing[0]} "
                        "did not arrive; start torchrun on every host with the same command, or "
                        "unset RANK and WORLD_SIZE to train in one process"
                    )
                time.sleep(0.01)
            self._base.set(f"{own}/all", " ".join(here.values()))
            return own
        while time.monotonic() < deadline + 5:
            if self._base.check(["meeting"]):
                tag = str(self._base.get("meeting").decode())
                self._base.set(f"{tag}/beat/{self.rank}", "0")
                self._base.set(f"{tag}/here/{self.rank}", own)
                complete = self._base.check([f"{tag}/all"])
                if complete and own in self._base.get(f"{tag}/all").decode().split():
                    return tag
            time.sleep(0.01)
        raise MachineError(
            f"rank {self.rank}: waited {JOIN_SECONDS:.0f} s for the other ranks of {self.n_ranks}; "
            "start torchrun on every host with the same command"
        )

    def begin_training(self) -> None:
        """Expect signs of life more often: nothing holds Python's lock for long from here on."""
        self.heartbeat.limit = TRAINING

    def leave(self) -> None:
        """Wait for all ranks to be done; then each may end without the others."""
        self.heartbeat.limit = PREPARING
        self.sum(np.zeros(1))
        self.heartbeat.end()

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Raise :class:`LostRankError` for what torch raises if another rank is gone."""
        self.is_waiting = True
        try:
            yield
        except RuntimeError as error:
            if not any(part in str(error).lower() for part in LOST):
                raise
            raise self._lost() from None
        finally:
            self.is_waiting = False

    def _lost(self) -> LostRankError:
        return LostRankError(lost_line(self.launch, self.heartbeat.reason()))

    def sum(self, values: Array) -> Array:
        """Return the sum of `values` (N,) float64 over the ranks, the same bits on each."""
        import torch
        import torch.distributed as dist

        total = torch.from_numpy(np.array(values, np.float64))
        with self.guard():
            dist.all_reduce(total)
        return np.asarray(total.numpy())

    def send(self, data: bytes, is_error: bool = False) -> None:
        """Send bytes from rank 0 to all others, which must call :meth:`receive`."""
        self._broadcast(np.array([len(data), int(is_error)], np.int64))
        whole = np.frombuffer(data, np.uint8)
        for first in range(0, len(data), PIECE):
            self._broadcast(whole[first : first + PIECE].copy())

    def receive(self) -> bytes:
        """Return what rank 0 sent; raise its error, if it sent one."""
        length, is_error = self._broadcast(np.zeros(2, np.int64)).tolist()
        parts = [
            self._broadcast(np.zeros(min(PIECE, length - first), np.uint8)).tobytes()
            for first in range(0, length, PIECE)
        ]
        data = b"".join(parts)
        if is_error:
            facts = json.loads(data)
            raise ERRORS.get(facts["code"], HiddenstateError)(facts["error"])
        return data

    def _broadcast(self, values: Array) -> Array:
        import torch
        import torch.distributed as dist

        tensor = torch.from_numpy(values)
        with self.guard():
            dist.broadcast(tensor, 0)
        return np.asarray(tensor.numpy())

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """On rank 0, send an error of this block to the others, which wait in `receive`.

        An error of :meth:`together` all ranks have already.
        """
        try:
            yield
        except LostRankError:
            raise
        except HiddenstateError as error:
            if error is self._shared:
                raise
            facts = {"code": error.exit_code, "error": str(error)}
            self.send(json.dumps(facts).encode(), is_error=True)
            raise

    def together(self, work: Callable[[], T]) -> T:
        """Do `work` on every rank; where one fails, all raise the error of the first.

        Raises
        ------
        HiddenstateError
            With the exit code and the message of the rank, and its number unless all have it.
        """
        error, done = None, None
        try:
            done = work()
        except LostRankError:
            raise
        except HiddenstateError as raised:
            error = raised
            key = f"error/{self.rank}"
            self._base.set(key, str(raised))
        codes = np.zeros(self.n_ranks)
        codes[self.rank] = error.exit_code if error else 0
        codes = self.sum(codes)
        failed = np.flatnonzero(codes)
        if not len(failed):
            return done  # type: ignore[return-value]  # done, as there is no error
        texts = [self._base.get(f"error/{rank}").decode() for rank in failed.tolist()]
        self.sum(np.zeros(1))  # all have read the messages before the store may go
        same = len(failed) == self.n_ranks and len(set(texts)) == 1
        text = texts[0] if same else f"rank {failed[0]}: {texts[0]}"
        self._shared = ERRORS.get(int(codes[failed[0]]), HiddenstateError)(text)
        raise self._shared

    def remember(self, name: str) -> None:
        """Leave the name of the run where torchrun's next start of these ranks finds it."""
        self._base.set("run", name)

    def remembered(self) -> str | None:
        """Return the name of the run that an earlier start of these ranks trained."""
        return str(self._base.get("run").decode()) if self._base.check(["run"]) else None

    def device_of(self, task: Task) -> str:
        """Return the device that a task is computed on here: "cpu" or "cuda".

        Raises
        ------
        MachineError
            If this host does not have it.
        OptionError
            If the ranks cannot exchange what is on it.
        """
        require("torch", "training in several processes")
        from hiddenstate.engines.torch import pick_device

        device = str(pick_device(task.training.device).type)
        if device == "mps":
            raise OptionError("--device mps: gloo does not reach it; use --device cpu")
        return device

    def make_engine(self, task: Task, state: TrainingState) -> Engine:
        """Return the engine of this rank.

        Raises
        ------
        OptionError
            If the task names the native engine, or carries its state from batch to batch.
        MachineError
            If the device does not exist.
        """
        refuse(task)
        import torch
        import torch.distributed as dist

        from hiddenstate.engines.distributed import DistributedEngine, Ranks
        from hiddenstate.engines.interface import without_fold
        from hiddenstate.engines.members import MembersEngine
        from hiddenstate.engines.turn import TurningEngine

        device = self.device_of(task)
        if device == "cuda":
            torch.cuda.set_device(self.launch.local_rank)
        backend = "nccl" if device == "cuda" else "gloo"
        gradients, moments = (dist.new_group(backend=backend, timeout=PATIENCE) for _ in range(2))
        ranks = Ranks(self.rank, self.n_ranks, gradients, moments, self.guard)

        def make(task: Task, state: TrainingState) -> Engine:
            return DistributedEngine(without_fold(task, 0), state, ranks)

        def of_part(task: Task, state: TrainingState) -> Engine:
            several = task.net.n_members > 1
            return MembersEngine(task, state, make) if several else make(task, state)

        if task.turn is not None:
            return TurningEngine(task, state, of_part)
        return of_part(task, state)


def refuse(task: Task) -> None:
    """Refuse a task that several processes cannot train (`OptionError`)."""
    if task.training.engine == "native":
        raise OptionError(
            "--engine native: it trains in one process; under torchrun use --engine torch"
        )
    if task.grid_from is not None:
        raise OptionError(
            "--quantize: the native engine, which trains for it, has one process; leave it out, or "
            "train without torchrun"
        )
    if task.stateful:
        raise OptionError(
            "--stateful: the hidden state is carried from batch to batch, which one process does; "
            "add --no-stateful, or train without torchrun"
        )


def lost_line(launch: Launch, why: str) -> str:
    """Return the line about a lost rank."""
    return f"data parallel training on {launch.n_ranks} ranks ended: {printable(why)}"
