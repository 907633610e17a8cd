"""Describes one option: its type, default for each job, range, unit and help.

Each field of the dataclasses in `data_fields.py`, `preparing_fields.py`, `fields.py` and
`display_fields.py` carries one as metadata.
"""

import dataclasses
import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.errors import OptionError, did_you_mean, printable
from hiddenstate.program.jobs import KINDS

JOBS = tuple(KINDS)
"""All jobs."""
ANSWERS = {kind.answers for kind in KINDS.values()}
"""What jobs answer: a job has the defaults of those that answer such."""
CLASSES = tuple(name for name, kind in KINDS.items() if kind.has_classes)
"""Jobs that answer classes."""
TARGETS = tuple(name for name, kind in KINDS.items() if kind.has_targets)
"""Jobs that answer targets."""
CODES = tuple(name for name, kind in KINDS.items() if kind.has_codes)
"""Jobs that answer codes."""
RECURRENT = tuple(name for name, kind in KINDS.items() if kind.has_series)
"""Jobs with a recurrent net."""
IMAGES = tuple(name for name, kind in KINDS.items() if kind.images)
"""Jobs that read images."""

AUTO_NUMBER = -1.0
"""What `auto` stands for in an option that takes a number from 0."""

MAX_LISTED = 64
"""Largest number of whole numbers in one option."""


@dataclass(frozen=True)
class Option:
    """Everything about an option except its value."""

    name: str
    kind: type
    """`bool`, `int`, `float`, `str` or `tuple` (of `item`)."""
    default: Any
    help: str
    item: type = int
    """Type of the values of a tuple: `int`, `float` or `str`."""
    jobs: tuple[str, ...] = JOBS
    """The jobs that have the option."""
    per_job: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Default by job, where it is not `default`."""
    optional: bool = False
    """Whether the value may be None."""
    low: float | None = None
    """Smallest value."""
    high: float | None = None
    """Largest value."""
    above: float | None = None
    """Lower bound that is not itself a value."""
    below: float | None = None
    """Upper bound that is not itself a value."""
    choices: tuple[str, ...] | None = None
    allowed: tuple[int, ...] = ()
    """The values of a whole number that has few."""
    unit: str = ""
    """Unit of the value in the plural, such as `steps`."""
    since: int = 1
    """First format version (docs/format.md) whose files have the option."""
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
    series: bool = False
    """Whether it applies to series alone."""
    auto: tuple[str, ...] = ()
    """The jobs in which `auto` is a value of a number: `AUTO_NUMBER`."""
    none: bool = False
    """Whether `none`, an empty tuple, is a value."""

    omitted: bool = False
    """Whether a stored config leaves out its default, as those of older versions do."""

    @property
    def flag(self) -> str:
        """The option on the command line: `--hidden-size`."""
        return "--" + self.name.replace("_", "-")

    def default_for(self, job: str) -> Any:
        """Return the default of `job`."""
        return self.per_job.get(job, self.default)

    def expected(self) -> str:
        """Describe the valid values: `a whole number from 1 to 64`."""
        if self.choices:
            several = "one or several" if self.kind is tuple else "one"
            return f"{several} of " + ", ".join(self.choices)
        if self.kind is bool:
            return "true or false"
        if self.allowed:
            return self.bounds()
        if self.kind is str:
            return "text"
        if self.kind is tuple and self.item is str:
            return "names separated by commas"
        noun = {
            int: "a whole number",
            float: "a number",
            tuple: f"up to {MAX_LISTED} {_NUMBERS.get(self.item, '')} separated by commas, each",
        }[self.kind]
        bounds = self.bounds()
        text = f"{noun}{' of' if bounds.startswith('at least') else ''} {bounds}".strip(" ,")
        everywhere = bool(self.auto) and self.auto == self.jobs
        word = "none, or " if self.none else "auto, or " if everywhere else ""
        return word + text

    def bounds(self) -> str:
        """Describe the range: `at least 0 and below 1`; empty if there is none."""
        if self.allowed:
            return " or ".join(map(str, self.allowed))
        if self.low is not None and self.high is not None:
            return f"from {self.low} to {self.high}"
        bounds = (
            ("at least", self.low),
            ("above", self.above),
            ("at most", self.high),
            ("below", self.below),
        )
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)

    def check(self, value: Any) -> Any:
        """Return `value` as the option's type.

        Raises
        ------
        OptionError
            If it is not valid; says what was expected and what it is.
        """
        if value is None and self.optional:
            return None
        if self.auto and (value == "auto" or (type(value) is float and value == AUTO_NUMBER)):
            return AUTO_NUMBER
        checked = self._converted(value)
        if checked is None or not self._in_range(checked):
            got = repr(value) if isinstance(value, str) else str(value)
            near = did_you_mean(str(value), self.choices) if self.choices else ""
            what = f"expected {self.expected()}, got {printable(got, 40)}{near}"
            raise OptionError(what, place=self.flag)
        return checked

    def text(self, value: Any) -> str:
        """Return a value as :meth:`parse` reads it."""
        if isinstance(value, tuple):
            return ",".join(map(str, value)) or "none"
        return "auto" if self.auto and value == AUTO_NUMBER else str(value)

    def parse(self, text: str) -> Any:
        """Return the value that `text` of a command line stands for; errors as in :meth:`check`."""
        if self.none and text.strip() == "none":
            return ()
        if self.kind is tuple:
            parts = [part.strip() for part in text.split(",")] if text.strip() else []
            if self.item is str:
                return self.check(parts or text)
            return self.check([_number(part, self.item) for part in parts] or text)
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
        """Return the value as the option's type, or None if it is of another type."""
        if self.kind is tuple:
            value = [value] if self.choices and isinstance(value, str) else value
            as_item = _finite_float if self.item is float else _whole
            if self.none and (value == "none" or as_item(value) is not None):
                value = () if value == "none" else (value,)
            if self.none and isinstance(value, (list, tuple)) and not value:
                return ()
            items: list[Any] = list(value) if isinstance(value, (list, tuple)) else []
            if self.item is str:
                items = [value] if isinstance(value, str) else items  # --id was a single name
                return tuple(items) if items and all(map(_is_name, items)) else None
            items = [as_item(item) for item in items]
            return tuple(items) if 0 < len(items) <= MAX_LISTED and None not in items else None
        if self.kind is bool:
            return bool(value) if type(value).__name__ in ("bool", "bool_") else None
        if self.kind is int:
            return _whole(value)
        if self.kind is float:
            return _finite_float(value)
        return str(value) if _is_name(value) else None

    def _in_range(self, value: Any) -> bool:
        if self.choices:
            return set(value if self.kind is tuple else (value,)) <= set(self.choices)
        if self.kind is str or self.item is str:
            return True
        if self.allowed:
            return value in self.allowed
        for number in value if self.kind is tuple else (value,):
            if (
                (self.low is not None and number < self.low)
                or (self.high is not None and number > self.high)
                or (self.above is not None and number <= self.above)
                or (self.below is not None and number >= self.below)
            ):
                return False
        return True


_NUMBERS = {int: "whole numbers", float: "numbers"}
_WHOLE = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _is_int(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None


def _number(text: str, kind: type) -> Any:
    """Return the number that `text` stands for, or the text itself."""
    if _is_int(text):
        return int(text)
    try:
        return float(text) if kind is float else text
    except ValueError:
        return text


def _finite_float(value: Any) -> float | None:
    """Return a finite number as a float, numpy's scalars included; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    """Return a whole number as an int; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    number = _finite_float(value)
    return int(number) if number is not None and number == int(number) else None


def option(default: Any, help: str, **facts: Any) -> Any:
    """Declare a dataclass field that is an :class:`Option`.

    Parameters
    ----------
    default
        Default of every job that has no other.
    help : str
        One line of help.
    **facts
        Fields of :class:`Option`; `classes`, `targets` and `codes` set the default of jobs that
        answer such, and the name of a job its own.
    """
    own = {name: facts.pop(name) for name in (*ANSWERS, *JOBS) if name in facts}
    each = {job: own.keys() & {job, kind.answers} for job, kind in KINDS.items()}
    per_job = {
        job: own[job if job in names else min(names)] for job, names in each.items() if names
    }
    metadata = {"option": dict(facts, help=help, per_job=per_job)}
    return dataclasses.field(default=default, metadata=metadata)
