"""A forecast of each target that is a linear function of the last values of a window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import printable
from hiddenstate.program.steps import Forecast, Scale

Floats = NDArray[np.float64]


class GroupFacts(TypedDict):
    """A group as values for JSON."""

    name: str
    error: float
    without: float
    scaled: bool


@dataclass(frozen=True)
class Group:
    """How much some columns help a linear path, by the rolling origin that chose it.

    Parameters
    ----------
    name : str
        The columns and how they are read, such as `promotion known ahead` or `past of visitors`.
    error, without : float
        Mean absolute error of the path, and of the best one without these columns; they are equal
        where the path does not read the columns.
    scaled : bool
        Whether errors are in units of the mean change of each of several series, else as the
        target.
    """

    name: str
    error: float
    without: float
    scaled: bool = False

    def in_words(self) -> str:
        """Return the error with these columns and without them."""
        name = printable(self.name, 80)
        if self.error == self.without:
            return f"{name}: does not help, and is left out"
        unit = " (in mean changes of each series)" if self.scaled else ""
        return f"{name}: error {self.error:.4g} with it, {self.without:.4g} without{unit}"

    def facts(self) -> GroupFacts:
        """Return the group as values for JSON."""
        return {
            "name": self.name,
            "error": self.error,
            "without": self.without,
            "scaled": self.scaled,
        }


def groups_from(facts: Mapping[str, Any]) -> tuple[Group, ...]:
    """Return the groups of a record of data; what is damaged is left out."""
    groups, stored = [], facts.get("groups")
    for each in stored if isinstance(stored, list) else ():
        if not isinstance(each, dict) or set(each) != set(GroupFacts.__annotations__):
            continue
        name, error, without, scaled = each["name"], each["error"], each["without"], each["scaled"]
        numbers = all(type(number) in (int, float) for number in (error, without))
        if type(name) is str and numbers and type(scaled) is bool:
            groups.append(Group(name, float(error), float(without), scaled))
    return tuple(groups)


@dataclass(frozen=True)
class LinearPath:
    """A linear function of the last P values of each of O targets, and of other features.

    Parameters
    ----------
    weights : ndarray (O, P)
        Weight of the value k steps before the current one, from k = 0.
    bias : ndarray (O,)
    log : tuple of bool
        For each target, whether its values are logarithms.
    season : int, optional
        Number of steps after which the targets repeat.
    effects : ndarray (O, K), optional
        What one unit of each of K columns known ahead adds to each target. The values that the
        weights read are without what the columns add.
    seasons : tuple of int
        All numbers of steps after which the targets repeat, `season` first.
    inputs : tuple of int
        Other features whose last values are read.
    input_weights : ndarray (O, Q, I'), optional
        Weight of the value of each of I' `inputs` k steps before the current one, from k = 0.
    nearer : tuple of LinearPath
        The paths of 1, 2, ... steps ahead that read the same windows; this one comes after them.
        They have the same `log` and the same `inputs`.
    nearer_share : ndarray (len(nearer), O), optional
        Share of the outputs of the network at these steps.
    groups : tuple of Group
        What columns other than the targets are worth; a model file does not hold it.
    """

    weights: Floats
    bias: Floats
    log: tuple[bool, ...]
    season: int | None = None
    effects: Floats | None = None
    seasons: tuple[int, ...] = ()
    inputs: tuple[int, ...] = ()
    input_weights: Floats | None = None
    nearer: "tuple[LinearPath, ...]" = ()
    nearer_share: Floats | None = None
    groups: tuple[Group, ...] = ()

    @property
    def n_lags(self) -> int:
        """Number of last values P."""
        return int(self.weights.shape[1])

    @property
    def n_targets(self) -> int:
        """Number of targets O."""
        return len(self.weights)

    def about(self) -> str:
        """Return what it is, such as "a linear function of 32 last values"."""
        logarithms = " of logarithms" if any(self.log) else ""
        return f"a linear function of {self.n_lags} last values{logarithms}"

    def at(self, ahead: int) -> "LinearPath | None":
        """Return the path `ahead` steps ahead, if it was fitted."""
        paths = (*self.nearer, self) if self.nearer else ()
        return paths[ahead - 1] if 0 < ahead <= len(paths) else None

    def forecast(
        self,
        features: tuple[int, ...] = (),
        scale: Scale | None = None,
        ahead: Sequence[int] = (),
        moved: Sequence[int] = (),
    ) -> Forecast:
        """Return the step of a program that forecasts; see there."""
        known = (self.effects, tuple(ahead), tuple(moved))
        return Forecast(
            features, self.weights, self.bias, scale, *known, self.inputs, self.input_weights
        )


def with_nearer(path: LinearPath, nearer: Sequence[LinearPath]) -> LinearPath:
    """Return a path with those of 1, 2, ... steps ahead before it, all as wide as the widest."""
    paths = [*nearer, path]
    inputs = tuple(sorted({k for each in paths for k in each.inputs}))
    P = max(each.n_lags for each in paths)
    Q = max(0 if w is None else w.shape[1] for w in (each.input_weights for each in paths))
    n_effects = max(0 if e is None else e.shape[1] for e in (each.effects for each in paths))
    wide = []
    for each in paths:
        weights = np.zeros((path.n_targets, P))
        weights[:, : each.n_lags] = each.weights
        others = effects = None
        if inputs:
            others = np.zeros((path.n_targets, Q, len(inputs)))
            if each.input_weights is not None:
                own = [inputs.index(k) for k in each.inputs]
                others[:, : each.input_weights.shape[1], own] = each.input_weights
        if n_effects:
            effects = np.zeros((path.n_targets, n_effects))
            effects = effects if each.effects is None else each.effects
        wide.append(
            replace(each, weights=weights, inputs=inputs, input_weights=others, effects=effects)
        )
    return replace(wide[-1], nearer=tuple(wide[:-1]))
