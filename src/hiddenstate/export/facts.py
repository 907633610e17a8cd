"""What an engineer must know of a model beside its arithmetic, as values for JSON."""

from __future__ import annotations

from typing import Any, TypedDict


class Preparation(TypedDict):
    """What an export does to inputs and outputs by itself; None where it does nothing."""

    missing: str
    fill: list[float] | None
    offset: list[float] | None
    factor: list[float] | None
    target_offset: list[float] | None
    target_factor: list[float] | None
    change: list[int] | None
    logarithms: list[int]


class Column(TypedDict):
    """A column that becomes features."""

    column: str


class Encoding(Column, total=False):
    """How: a feature for each of its values, or for the periods of its calendar."""

    values: list[str]
    calendar: list[str]


class Example(TypedDict):
    """A row, the answers of the model to it, and by how much each may differ."""

    x: Any
    answers: dict[str, Any]
    tolerance: dict[str, float]


class About(TypedDict):
    """The facts that every export has; those that do not apply to a model are None."""

    hiddenstate: str
    model_sha256: str
    job: str
    classes: list[Any] | None
    columns: list[str] | None
    targets: list[str] | None
    id: list[str]
    time: list[str]
    dates: str | None
    rows_are_series: bool
    delimiter: str | None
    decimal: str
    thousands: str | None
    encoding: str
    n_features: int
    n_steps: int
    window: int
    stateful: bool
    readout: str
    horizon: int | None
    pixels: str | None
    units: dict[str, str]
    preparation: Preparation
    encodings: list[Encoding]


class Facts(About, total=False):
    """Those of an export: the step of its dates, its example, and how its command is used."""

    every: str
    examples: dict[str, Example]
    usage: str
