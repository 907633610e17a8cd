"""Several nets of one architecture as one: trained side by side, their answers averaged.

Each member starts from its own weights and sees the rows in its own order; both follow from the
seed and its number, so that results depend neither on the number of threads nor on which member is
trained first. The arrays of member K are named `members/K/` and its own names.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hiddenstate.data.prepare.batches import generator_key
from hiddenstate.engines.interface import (
    Chunk,
    Engine,
    EngineInfo,
    Source,
    Task,
    TrainingState,
    without_fold,
)
from hiddenstate.kernels import default_threads
from hiddenstate.models.net import Net, Params, member_params
from hiddenstate.program.calibrating import Calibration
from hiddenstate.program.companions import mean_probabilities
from hiddenstate.system import threads
from hiddenstate.system.typing import Array

Make = Callable[[Task, TrainingState], Engine]


class MembersEngine:
    """Trains the members of a net, several at a time; see `Engine`.

    Parameters
    ----------
    task : Task
        Of a net with members.
    state : TrainingState
    make : callable
        Makes the engine of one member.
    """

    def __init__(self, task: Task, state: TrainingState, make: Make) -> None:
        self.task, self._n = task, task.net.n_members
        self._threads = task.training.threads or default_threads()
        threads = max(1, self._threads // self._n)
        self._engines = [
            make(member_task(task, number, threads), _member_state(state, number))
            for number in range(self._n)
        ]
        first = self._engines[0]
        self.name, self.version, self.device = first.name, first.version, first.device
        self.threads = self._threads

    @property
    def engines(self) -> list[Engine]:
        """The engine of each member."""
        return self._engines

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Run steps `first` to `last` - 1 of each member; see `Engine.run`.

        The loss of a step is the mean of the members'. After a stop, members that are behind make
        the steps that others have made.
        """
        losses = [chunk.losses for chunk in self._each(lambda e: e.run(first, last, stop))]
        reached = max(map(len, losses))
        finite = all(np.isfinite(values).all() for values in losses)
        for number, engine in enumerate(self._engines):
            done = len(losses[number])
            if finite and done < reached:
                more = engine.run(first + done, first + reached, _never)
                losses[number] = np.concatenate([losses[number], more.losses])
        steps = min(map(len, losses))
        return Chunk(np.mean([values[:steps] for values in losses], axis=0))

    def _each(self, call: Callable[[Engine], Chunk]) -> list[Chunk]:
        """Call `call` with each member's engine, several at a time if they are native."""
        n = min(self._n, self._threads) if self.name == "native" else 1
        return threads.together(call, self._engines, n)

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the averaged outputs for rows `X`; see `Engine.predict`."""
        return averaged(self.each(X, lengths), self.task.net)

    def each(self, X: Source, lengths: Array | None = None) -> list[Array]:
        """Return the outputs of each member for rows `X`."""
        return [engine.predict(X, lengths) for engine in self._engines]

    def encode(self, X: Source) -> Array:
        """Refuse: only autoencoders encode, and they have no members."""
        raise TypeError("a net with members has no codes")

    def quantise(self, calibration: Calibration) -> None:
        """Compute with the numbers of nets in integers from now on: native engines do."""
        for number, engine in enumerate(self._engines):
            own = replace(calibration, nets=calibration.nets[number : number + 1])
            engine.quantise(own)  # type: ignore[attr-defined]

    def restore(self, params: Params) -> None:
        """Replace the weights; see `Engine.restore`."""
        for number, engine in enumerate(self._engines):
            engine.restore(member_params(params, number))

    def set_lr(self, lr: float) -> None:
        """Set the initial rate of the schedule; see `Engine.set_lr`."""
        for engine in self._engines:
            engine.set_lr(lr)

    def export(self) -> TrainingState:
        """Return a copy of the state; see `Engine.export`."""
        states = [engine.export() for engine in self._engines]
        whole = TrainingState({}, states[0].step, moments_since=states[0].moments_since)
        for number, state in enumerate(states):
            whole.params |= {f"members/{number}/{n}": a for n, a in state.params.items()}
            for name, array in state.moments.items():
                kind, _, rest = name.partition("/")
                whole.moments[f"{kind}/members/{number}/{rest}"] = array
        return whole

    def about(self) -> EngineInfo:
        """Return what config.json records about the engine; see `Engine.about`."""
        return self._engines[0].about() | {"threads": self.threads}


def averaged(outputs: Sequence[Array], net: Net) -> Array:
    """Return the output of a net whose members have the given outputs.

    Of a classifier it is the logarithm of the mean probability of each class, else the mean; of a
    single net its output.
    """
    if len(outputs) == 1:
        return outputs[0]
    if not net.kind.has_classes:
        return np.asarray(np.mean(outputs, axis=0))
    return mean_probabilities(outputs)


def _never() -> bool:
    return False


def member_task(task: Task, number: int, threads: int = 0) -> Task:
    """Return the task of one member: its net, its rows, its seed, their order, and the answers of
    its teacher. The only member of a net without members is number 0."""
    task = without_fold(task, number)
    if task.net.n_members == 1:
        return task
    seed = int(generator_key(task.training.seed, "member", number)[0] >> np.uint64(1))
    return replace(
        task,
        net=task.net.member(),
        training=replace(task.training, seed=seed, threads=threads),
        batches=replace(task.batches, seed=seed),
    )


def _member_state(state: TrainingState, number: int) -> TrainingState:
    moments: Params = {}
    for name, array in state.moments.items():
        kind, _, rest = name.partition("/")
        prefix = f"members/{number}/"
        if rest.startswith(prefix):
            moments[f"{kind}/{rest.removeprefix(prefix)}"] = array
    params = member_params(state.params, number)
    return TrainingState(params, state.step, moments, moments_since=state.moments_since)
