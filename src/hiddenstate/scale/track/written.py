"""What a tracker already has of a run, in 16 bytes a point."""

from array import array
from bisect import bisect_left
from math import isclose

TOLERANCE = 1e-6
"""Relative difference up to which two values count as one: some trackers keep float32."""


class Written:
    """The points that are at a tracker, by name and step.

    Attributes
    ----------
    repeated : int
        How many points were added of a name and step that were already there.
    """

    def __init__(self) -> None:
        self._steps: dict[str, array[int]] = {}
        self._values: dict[str, array[float]] = {}
        self.repeated = 0

    def __len__(self) -> int:
        """The number of points."""
        return sum(map(len, self._steps.values()))

    def add(self, name: str, step: int, value: float) -> None:
        """Note a point; of two with the same name and step, the last counts."""
        steps = self._steps.setdefault(name, array("q"))
        values = self._values.setdefault(name, array("d"))
        place = len(steps) if not steps or step > steps[-1] else bisect_left(steps, step)
        if place < len(steps) and steps[place] == step:
            values[place] = value
            self.repeated += 1
            return
        steps.insert(place, step)
        values.insert(place, value)

    def value(self, name: str, step: int) -> float | None:
        """Return the value of a point; None if it is not there."""
        steps = self._steps.get(name)
        if steps is None:
            return None
        place = bisect_left(steps, step)
        return self._values[name][place] if place < len(steps) and steps[place] == step else None

    def has(self, name: str, step: int, value: float) -> bool | None:
        """Return whether a point is there; None if it is there with another value."""
        there = self.value(name, step)
        if there is None:
            return False
        is_same = there == array("f", [value])[0] or isclose(there, value, rel_tol=TOLERANCE)
        return True if is_same else None  # very small and very large ones: only the first

    def cut(self, step: int) -> None:
        """Forget all points from `step` on."""
        for name, steps in self._steps.items():
            place = bisect_left(steps, step)
            del steps[place:], self._values[name][place:]
