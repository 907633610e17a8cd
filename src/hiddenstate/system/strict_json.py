"""Reads and writes strict JSON: no duplicate keys, no NaN, one spelling for each value."""

import json
import math
from collections.abc import Mapping
from typing import Any

from hiddenstate.errors import UntrustedFileError, printable


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys and no spaces; NaN raises `ValueError`."""
    return _ENCODER.encode(value)


def parse_json(text: str) -> Any:
    """Parse JSON; duplicate keys, NaN, infinity and numbers out of range raise `ValueError`."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"duplicate key {printable(repr(twice), 40)}")
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is out of range")
    return number


def _whole(text: str) -> int:
    _finite(text)  # so that it can become a float wherever one is expected
    return int(text)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite, parse_int=_whole
)


def replace_nan(value: Any) -> Any:
    """Return `value` with NaN and infinity replaced by None, also inside dicts and lists."""
    if isinstance(value, Mapping):
        return {name: replace_nan(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [replace_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_fields(
    value: Any, fields: Mapping[str, type | tuple[type, ...]], what: str
) -> dict[str, Any]:
    """Return `value` if it is a dict with exactly these fields, each of its exact type.

    Raises
    ------
    UntrustedFileError
        Otherwise; the message begins with `what`.
    """
    if not isinstance(value, dict) or set(value) != set(fields):
        raise UntrustedFileError(f"{what}: expected {', '.join(fields)} and nothing else")
    for name, kind in fields.items():
        if type(value[name]) not in (kind if isinstance(kind, tuple) else (kind,)):
            raise UntrustedFileError(f"{what}: {name} has the wrong type")
    return value
