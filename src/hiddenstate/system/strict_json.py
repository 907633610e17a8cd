"""Reads and writes strict JSON: no duplicate keys, no NaN, one spelling for each value."""

import json
import math
from collections.abc import Mapping
from typing import Any

from hiddenstate.errors import UntrustedFileError


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys and no spaces; NaN raises `ValueError`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse_json(text: str) -> Any:
    """Parse JSON; duplicate keys, NaN, infinity and numbers out of range raise `ValueError`."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            raise ValueError("duplicate key")
        return value

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def finite(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"{text[:40]} is out of range")
        return number

    def whole(text: str) -> int:
        finite(text)  # so that it can become a float wherever one is expected
        return int(text)

    read: Any = {"parse_constant": refuse, "parse_float": finite, "parse_int": whole}
    try:
        return json.loads(text, object_pairs_hook=unique, **read)
    except RecursionError:
        raise ValueError("nested too deeply") from None


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
