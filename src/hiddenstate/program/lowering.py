"""Passes from a program to one that computes the same in another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

from hiddenstate.program.rows import Array

Part = TypeVar("Part")


def converted(part: Part, dtype: Any) -> Part:
    """Return a program, or a part of one, with its floats in another type."""

    def own(array: Array) -> Array:
        return array.astype(dtype) if array.dtype.kind == "f" else array

    return mapped(part, own)


def mapped(part: Part, change: Callable[[Array], Array]) -> Part:
    """Return a program, or a part of one, with its arrays changed."""
    return _mapped(part, change)  # type: ignore[no-any-return]


def _mapped(part: Any, change: Callable[[Array], Array]) -> Any:
    if isinstance(part, np.ndarray):
        return change(part)
    if isinstance(part, tuple):
        return tuple(_mapped(each, change) for each in part)
    if is_dataclass(part) and not isinstance(part, type):
        own = {field.name: _mapped(getattr(part, field.name), change) for field in fields(part)}
        return type(part)(**own)
    return part
