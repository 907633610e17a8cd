"""Learners of one series, step by step: a net, and forecasters that it must not fall behind."""

import math
from collections.abc import Hashable
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from hiddenstate.config import make_config
from hiddenstate.engines.online import WINDOW, OnlineNet, Shapes, layout
from hiddenstate.errors import DataError, printable
from hiddenstate.estimators.running import (
    LIMIT,
    Key,
    LinearPath,
    PageHinkley,
    RunningInputs,
    Step,
    mixed,
    number,
    padded,
    room_for,
)
from hiddenstate.models.net import Net, Params
from hiddenstate.program.equations import softmax
from hiddenstate.system.typing import Array

MEMORY = 0.98
"""What the errors of forecasters keep at each step: a memory of about 50 steps."""

NET_MEMORY = 0.995
"""The same of the share of the net, a memory of about 200 steps."""

DOUBT = 10.0
"""Steps with an output of size 1 for nothing, with which the share of the net begins."""

LEAST = 1e-6
"""The smallest probability in a log loss."""

LAST = (("", 0), ("", 1))
"""The columns of the last two targets."""


@dataclass
class Progress:
    """The numbers of a learner that are no arrays, as values for JSON."""

    columns: list[Any] = field(default_factory=list)
    steps: int = 0
    drifts: list[int] = field(default_factory=list)
    alarm: list[float] = field(default_factory=lambda: [0.0] * 4)


@dataclass
class RegressorProgress(Progress):
    losses: list[float] = field(default_factory=lambda: [0.0] * 4)
    mean: float = 0.0  # of the targets
    last: list[float] = field(default_factory=list)  # targets, the newest first
    weight: float = 0.0  # of the losses
    agreement: float = 0.0  # of the net with what it should add, and its size, as sums
    size: float = 0.0
    square: float = 0.0  # of what the net should add, and the number of its terms
    count: float = 0.0
    rest: list[float] = field(default_factory=list)  # what the net should have added


@dataclass
class ClassifierProgress(Progress):
    losses: list[float] = field(default_factory=lambda: [0.0] * 3)
    classes: list[Any] = field(default_factory=list)
    last: int = -1


def plain_label(y: Any) -> Any:
    """Return a label as a value of Python; refuse what is no label (`DataError`)."""
    label = y.item() if isinstance(y, np.generic) else y
    if label is None or label != label or not isinstance(label, Hashable):
        raise DataError(f"y: expected a label, got {printable(repr(y), 40)}")
    return label


def weighed(losses: list[float]) -> Array:
    """Return the weights of answers by their log losses, as Bayes has them."""
    weights = np.exp(min(losses) - np.array(losses))
    return np.asarray(weights / weights.sum())


P = TypeVar("P", RegressorProgress, ClassifierProgress)


class Learner(Generic[P]):
    """What an estimator learned step by step.

    Parameters
    ----------
    options : dict
        Options of the commands that differ from their defaults, and `last_target`.
    facts, arrays : dict, optional
        What :meth:`plain` returned; by default nothing was read.
    """

    job: str
    estimator: str
    output: str
    progress_kind: type[P]

    def __init__(
        self,
        options: dict[str, Any],
        facts: dict[str, Any] | None = None,
        arrays: Params | None = None,
    ) -> None:
        self.options, given = options, arrays or {}
        own = {name: value for name, value in options.items() if name != "last_target"}
        self.config, self.last_target = make_config(self.job, own), options["last_target"]
        self.progress: P = self.progress_kind(**(facts or {}))
        columns = [tuple(key) if isinstance(key, list) else key for key in self.progress.columns]
        self.inputs = RunningInputs(columns or self.first_columns())
        if given:
            self.inputs.set([given[name].copy() for name in ("count", "mean", "square")])
        self.drift = PageHinkley(self.progress.alarm)
        self.net = self._net({n[4:]: a for n, a in given.items() if n.startswith("net/")})

    def first_columns(self) -> list[Key]:
        return []

    def n_outputs(self) -> int:
        raise NotImplementedError

    def _net(self, arrays: Params | None = None) -> OnlineNet:
        net = Net(self.job, self.config.model, self.inputs.size, self.n_outputs(), self.output)
        return OnlineNet(net, self.config.training, arrays)

    @classmethod
    def layout(cls, options: dict[str, Any], facts: dict[str, Any]) -> Shapes:
        """Return types and shapes of the arrays of a learner with such options and facts."""
        own = {name: value for name, value in options.items() if name != "last_target"}
        config, double = make_config(cls.job, own), np.dtype(np.float64)
        size = room_for(max(len(facts["columns"]), len(LAST) * bool(options["last_target"])))
        arrays: Shapes = dict.fromkeys(("count", "mean", "square"), (double, (size,)))
        outputs = cls.add_layout(arrays, size, facts)
        net = Net(cls.job, config.model, size, outputs, cls.output)
        of_net = layout(net, config.training)
        return {**arrays, **{f"net/{name}": each for name, each in of_net.items()}}

    @classmethod
    def add_layout(cls, arrays: Shapes, size: int, facts: dict[str, Any]) -> int:
        """Add the arrays of such a learner; return the number of outputs of the net."""
        raise NotImplementedError

    def own_arrays(self) -> Params:
        return {n: getattr(self.inputs, n) for n in ("count", "mean", "square")}

    def plain(self) -> dict[str, Any]:
        """Return the arguments that make an equal learner, as values for JSON and arrays."""
        progress = self.progress
        progress.columns, progress.alarm = list(self.inputs.columns), self.drift.sums
        arrays = {name: array.copy() for name, array in self.own_arrays().items()}
        arrays |= {f"net/{name}": array for name, array in self.net.arrays().items()}
        return {"options": self.options, "facts": asdict(progress), "arrays": arrays}

    def _read(self, x: Any, known: bool = False) -> tuple[Array, Array, Array]:
        """Return what :meth:`RunningInputs.scaled` does for a step, which `known` gives columns."""
        step: Step = x if isinstance(x, Step) else Step(x)
        self.add_last(step)
        if known and self.inputs.room(key for key, _ in (*step.numbers, *step.plain)):
            self.grow()
        return self.inputs.scaled(step)

    def add_last(self, step: Step) -> None:
        raise NotImplementedError

    def grow(self) -> None:
        self.net = self._net(self.net.arrays())

    def _counted(self, loss: float) -> bool:
        """Count a step with the loss of its answer; return whether the loss left its past."""
        self.progress.steps += 1
        drifts = self.drift.alarm(loss)
        if drifts:
            self.progress.drifts.append(self.progress.steps)
        return drifts


class RegressorLearner(Learner[RegressorProgress]):
    """A net that learns what a base forecast leaves, and adds the share of it that helps.

    The base is a mean, by their last errors, of four forecasts: the mean of the targets, the last
    value, and a linear path that begins at the last value, or at that within its limits. The share
    is the slope of what they left on the outputs of the net, from 0 to 1: a combination of
    forecasts by their errors (Bates and Granger, 1969).
    """

    job, estimator, output = "regress", "RecurrentRegressor", "steps"
    progress_kind = RegressorProgress
    NAMES = ("the mean", "a linear path", "a linear path", "the last value")

    def __init__(self, options: Any, facts: Any = None, arrays: Params | None = None) -> None:
        super().__init__(options, facts, arrays)
        self.path = LinearPath(self.inputs.size)
        if arrays:
            self.path.weight, self.path.spread = (arrays[n].copy() for n in ("path", "spread"))
        if not self.last_target:
            self.progress.losses = self.progress.losses[:2]

    def first_columns(self) -> list[Key]:
        return list(LAST) if self.options["last_target"] else []

    @classmethod
    def add_layout(cls, arrays: Shapes, size: int, facts: dict[str, Any]) -> int:
        n, double = min(size, LinearPath.COLUMNS) + 1, np.dtype(np.float64)
        arrays |= {"path": (double, (n,)), "spread": (double, (n, n))}
        return 1

    def n_outputs(self) -> int:
        return 1

    def own_arrays(self) -> Params:
        return {**super().own_arrays(), "path": self.path.weight, "spread": self.path.spread}

    def add_last(self, step: Step) -> None:
        if self.last_target:
            step.numbers += zip(LAST, self.progress.last, strict=False)

    def grow(self) -> None:
        super().grow()
        self.path.room(self.inputs.size)

    def _base(self, scaled: Array) -> tuple[list[float], float]:
        """Return the answers of the forecasters, and their mean."""
        progress = self.progress
        last, path = 0.0, self.path.predict(scaled)
        answers = [progress.mean, path]
        if self.last_target and progress.last:
            last = progress.last[0]
            within = self.inputs.limited(0, scaled, last)
            answers = [progress.mean, last + path, within + path, last]
        if not progress.weight:
            return answers, last if self.last_target else progress.mean
        weights = mixed(progress.losses, progress.weight)
        return answers, sum(w * a for w, a in zip(weights, answers, strict=True))

    def _scale(self) -> float:
        return math.sqrt(self.progress.square / self.progress.count) if self.progress.count else 0.0

    def share(self) -> float:
        """Return the share of the net's output that is added, from 0 to 1."""
        return min(max(self.progress.agreement / (self.progress.size + DOUBT), 0.0), 1.0)

    def predict(self, x: Any) -> float:
        """Return the target of a step."""
        scaled = self._read(x)[2]
        base = self._base(scaled)[1]
        if not self.progress.steps:
            return 0.0
        out = float(self.net.predict(scaled.astype(self.net.dtype))[0])
        return float(base + self.share() * out * self._scale())

    def learn(self, x: Any, y: Any) -> bool:
        """Learn from a step and its target; return whether the loss left its past."""
        target, progress = number(y, "y"), self.progress
        if target != target:
            raise DataError("y: expected a number, got NaN")
        raw, read, scaled = self._read(x, known=True)
        answers, base = self._base(scaled)
        drifts = False
        if progress.steps:
            inputs = scaled.astype(self.net.dtype)
            out, scale = float(self.net.predict(inputs)[0]), self._scale()
            drifts = self._counted(abs(target - base - self.share() * out * scale))
            self._weigh(target, answers, base, out, scale)
            self.path.learn(scaled, target - answers[1])
            scale = self._scale() or 1.0
            rest = np.array(progress.rest) / scale
            np.minimum(rest, LIMIT, out=rest)
            self.net.learn(inputs, np.maximum(rest, -LIMIT, out=rest))
        else:
            progress.steps = 1
        progress.mean += (target - progress.mean) / progress.steps
        progress.last = [target, *progress.last[:1]]
        self.inputs.learn(raw, read)
        return drifts

    def _weigh(
        self, target: float, answers: list[float], base: float, out: float, scale: float
    ) -> None:
        """Count the errors of the forecasters, and what the net should have added."""
        progress, rest = self.progress, target - base
        progress.losses = [
            MEMORY * loss + (target - answer) ** 2
            for loss, answer in zip(progress.losses, answers, strict=True)
        ]
        progress.weight = MEMORY * progress.weight + 1
        if scale:
            limited = min(max(rest / scale, -LIMIT), LIMIT)
            progress.agreement = NET_MEMORY * progress.agreement + limited * out
            progress.size = NET_MEMORY * progress.size + out * out
        progress.square = 0.99 * progress.square + rest * rest
        progress.count = 0.99 * progress.count + 1
        progress.rest = [*progress.rest[-WINDOW + 1 :], rest]

    def who(self) -> str:
        """Return what answers now, in words."""
        weights = mixed(self.progress.losses, self.progress.weight)
        base = self.NAMES[int(np.argmax(weights))]
        return f"the network and {base}" if self.share() >= 0.1 else base


class ClassifierLearner(Learner[ClassifierProgress]):
    """A net, the counts of the classes, and those of the classes that followed the last one.

    The answer is a mean of the three by their last log losses: a mixture as of Bayes, of which
    old losses fade.
    """

    job, estimator, output = "classify", "RecurrentClassifier", "last"
    progress_kind = ClassifierProgress
    NAMES = ("how often each class came", "what followed the last class", "the network")

    def __init__(self, options: Any, facts: Any = None, arrays: Params | None = None) -> None:
        self.counts = np.zeros((0, 0)) if arrays is None else arrays["counts"].copy()
        self.numbers: dict[Any, int] = {}
        super().__init__(options, facts, arrays)
        self.numbers = {label: i for i, label in enumerate(self.progress.classes)}

    @classmethod
    def add_layout(cls, arrays: Shapes, size: int, facts: dict[str, Any]) -> int:
        n = room_for(len(facts["classes"]), 2) if facts["classes"] else 0
        arrays["counts"] = np.dtype(np.float64), (n, n)
        return max(2, n)

    def n_outputs(self) -> int:
        return max(2, len(self.counts))

    def own_arrays(self) -> Params:
        return {**super().own_arrays(), "counts": self.counts}

    def add_last(self, step: Step) -> None:
        if self.last_target and self.progress.last >= 0:
            step.plain.append((("", self.progress.last), 1.0))

    def _answers(self, scaled: Array) -> tuple[Array, Array]:
        """Return the probabilities of the classes so far by each of the three, and their mean."""
        progress, n = self.progress, len(self.progress.classes)
        counts = self.counts[:n, :n]
        often = counts.sum(axis=0) + 1
        followed = counts[progress.last] + 1 if self.last_target else often
        by_net = softmax(self.net.predict(scaled.astype(self.net.dtype))[:n].astype(float))
        answers = np.array([often / often.sum(), followed / followed.sum(), by_net])
        return answers, weighed(progress.losses) @ answers

    def probabilities(self, x: Any) -> dict[Any, float]:
        """Return the probability of each class so far."""
        classes = self.progress.classes
        if not classes:
            return {}
        return dict(zip(classes, self._answers(self._read(x)[2])[1].tolist(), strict=True))

    def learn(self, x: Any, y: Any) -> bool:
        """Learn from a step and its label; return whether the loss left its past."""
        label, step, progress = plain_label(y), Step(x), self.progress
        raw, read, scaled = self._read(step, known=True)
        known, drifts = label in self.numbers, False
        if progress.classes:
            answers, answer = self._answers(scaled)
            each = np.full(4, LEAST)
            if known:
                each[:3], each[3] = answers[:, self.numbers[label]], answer[self.numbers[label]]
            *losses, loss = (-np.log(np.maximum(each, LEAST))).tolist()
            drifts = self._counted(loss)
            progress.losses = [
                MEMORY * old + new for old, new in zip(progress.losses, losses, strict=True)
            ]
        else:
            progress.steps = 1
        if not known:
            self._add_class(label)
            raw, read, scaled = self.inputs.scaled(step)
        k = self.numbers[label]
        self.net.learn(scaled.astype(self.net.dtype), np.array([k]))
        if progress.last >= 0:
            self.counts[progress.last, k] += 1
        progress.last = k
        self.inputs.learn(raw, read)
        return drifts

    def _add_class(self, label: Any) -> None:
        n = self.numbers[label] = len(self.progress.classes)
        self.progress.classes.append(label)
        if n == len(self.counts):
            self.counts = padded(self.counts, room_for(n + 1, 2))
            self.grow()
        if self.last_target and self.inputs.room([("", n)]):
            self.grow()

    def who(self) -> str:
        """Return what answers now, in words."""
        return self.NAMES[int(np.argmax(weighed(self.progress.losses)))]


LEARNERS: dict[str, Any] = {each.job: each for each in (ClassifierLearner, RegressorLearner)}
"""The learner of each job that has one."""
