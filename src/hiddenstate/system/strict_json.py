"""JSON read and written strictly: no duplicate keys, no NaN, one spelling."""

import json
import math
from collections.abc import Mapping
from typing import Any

from hiddenstate.errors import UntrustedFileError


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse_json(text: str) -> Any:
    """Parse JSON, refusing duplicate keys and numbers JSON does not have (`ValueError`)."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def finite(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"{text[:40]} is out of range")
        return number

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse, parse_float=finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check_fields(
    value: Any, fields: Mapping[str, type | tuple[type, ...]], what: str
) -> dict[str, Any]:
    """Return `value` if it is a dict of exactly these fields, each of its exact type.

    Raises
    ------
    UntrustedFileError
        Beginning with `what`.
    """
    if not isinstance(value, dict) or set(value) != set(fields):
        raise UntrustedFileError(f"{what}: expected {', '.join(fields)} and nothing else")
    for name, kind in fields.items():
        if type(value[name]) not in (kind if isinstance(kind, tuple) else (kind,)):
            raise UntrustedFileError(f"{what}: {name} is of another type")
    return value
