"""What is known of one option: its type, default for each job, range, unit and help.

Fields of the dataclasses in `config.py` carry one each as metadata.
"""

import dataclasses
import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.errors import OptionError, did_you_mean, printable

JOBS = ("classify", "regress", "autoencode")

MOST = 64
"""Whole numbers that an option may list at most."""


@dataclass(frozen=True)
class Option:
    """What is known of one option: everything but its value."""

    name: str
    kind: type
    """`bool`, `int`, `float`, `str` or `tuple` (of `item`)."""
    default: Any
    help: str
    item: type = int
    """What a tuple holds: `int` or `str`."""
    jobs: tuple[str, ...] = JOBS
    per_job: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    optional: bool = False
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] | None = None
    unit: str = ""
    since: int = 1
    """The first format version (docs/format.md) whose files tell its value."""
    placeholder: str = ""
    """Placeholder of the value in the help, if its type says too little."""
    reading: bool = False
    """Whether it says how a file is read; `inspect` takes these options."""
    kept: bool = False
    """Whether a model keeps it, to read new data as its training data."""
    new_data: bool = False
    """Whether it may differ for new data; `predict` and `evaluate` take these options."""
    recipe: bool = False
    """Whether the automatic recipe may choose it."""

    @property
    def flag(self) -> str:
        """The command-line spelling, `--hidden-size`."""
        return "--" + self.name.replace("_", "-")

    def default_for(self, job: str) -> Any:
        """The default `job` has."""
        return self.per_job.get(job, self.default)

    def expected(self) -> str:
        """Say in words which values are taken."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            return "text"
        if self.kind is tuple and self.item is str:
            return "names between commas"
        noun = {
            int: "a whole number",
            float: "a number",
            tuple: f"up to {MOST} whole numbers between commas,",
        }[self.kind]
        return f"{noun} {self.bounds()}".strip(" ,")

    def bounds(self) -> str:
        """Say the range in words, `from 0 below 1`; nothing where there is none."""
        return " ".join(
            [
                f"{word} {bound if isinstance(bound, int) else format(bound, 'g')}"
                for word, bound in (
                    ("from", self.low),
                    ("above", self.above),
                    ("to", self.high),
                    ("below", self.below),
                )
                if bound is not None
            ]
        )

    def check(self, value: Any) -> Any:
        """Return `value` in the option's own type.

        Raises
        ------
        OptionError
            Naming the option, what it takes and what it got.
        """
        if value is None and self.optional:
            return None
        checked = self._converted(value)
        if checked is None or not self._in_range(checked):
            got = repr(value) if isinstance(value, str) else str(value)
            near = did_you_mean(str(value), self.choices) if self.choices else ""
            raise OptionError(
                f"{self.flag}: expected {self.expected()}, got {printable(got, 40)}{near}"
            )
        return checked

    def parse(self, text: str) -> Any:
        """Return the value the command line's `text` stands for; errors as in :meth:`check`."""
        if self.kind is tuple:
            parts = [part.strip() for part in text.split(",")] if text.strip() else []
            if self.item is str:
                return self.check(parts or text)
            return self.check([int(p) if _is_int(p) else p for p in parts] or text)
        if self.kind is int:
            return self.check(int(text) if _is_int(text) else text)
        if self.kind is float:
            try:
                return self.check(float(text))
            except ValueError as error:
                if isinstance(error, OptionError):
                    raise
                return self.check(text)
        return self.check(text)

    def _converted(self, value: Any) -> Any:
        """The value in the option's type, or None where it is not of that type."""
        if self.kind is tuple:
            whole: list[Any] = list(value) if isinstance(value, (list, tuple)) else []
            if self.item is str:
                return tuple(whole) if whole and all(map(_is_name, whole)) else None
            whole = [_whole(v) for v in whole]
            return tuple(whole) if 0 < len(whole) <= MOST and None not in whole else None
        if self.kind is bool:
            return bool(value) if type(value).__name__ in ("bool", "bool_") else None
        if self.kind is int:
            return _whole(value)
        if self.kind is float:
            return _finite_float(value)
        return str(value) if isinstance(value, str) and "\0" not in value else None

    def _in_range(self, value: Any) -> bool:
        if self.choices:
            return value in self.choices
        if self.kind is str or self.item is str:
            return True
        for number in value if self.kind is tuple else (value,):
            if (
                (self.low is not None and number < self.low)
                or (self.high is not None and number > self.high)
                or (self.above is not None and number <= self.above)
                or (self.below is not None and number >= self.below)
            ):
                return False
        return True


_WHOLE = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _is_int(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None


def _finite_float(value: Any) -> float | None:
    """The number `value` is, numpy's scalars included; text and bools are none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    """The whole number `value` is, exactly, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    number = _finite_float(value)
    return int(number) if number is not None and number == int(number) else None


def option(default: Any, help: str, **facts: Any) -> Any:
    """Declare a dataclass field that is an :class:`Option`.

    Facts are the fields of :class:`Option`; a job's name as a fact gives that job's default.
    """
    per_job = {job: facts.pop(job) for job in JOBS if job in facts}
    metadata = {"option": dict(facts, help=help, per_job=per_job)}
    return dataclasses.field(default=default, metadata=metadata)
