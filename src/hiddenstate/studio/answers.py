"""The bodies of requests, checked, and answers in JSON or bytes."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hiddenstate.errors import OptionError


async def body_of(
    request: Request, needed: Mapping[str, type], more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the object that a page sent, with these fields and no others.

    Raises
    ------
    OptionError
        If it is none.
    """
    try:
        value = json.loads(await request.body())
        # Half of a sign, which JSON can hold, stands in no path but that of a name in bytes.
        json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except (ValueError, RecursionError):
        raise OptionError("the body is not JSON") from None
    return checked(value, needed, more)


def checked(
    value: Any, needed: Mapping[str, type], more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return an object that has these fields and no others.

    Raises
    ------
    OptionError
        If it is none.
    """
    allowed = {**needed, **(more or {})}
    if not isinstance(value, dict) or not set(needed) <= set(value) <= set(allowed):
        raise OptionError(f"expected an object with {', '.join(needed) or 'nothing'}")
    for name, kind in allowed.items():
        if name in value and (not isinstance(value[name], kind) or isinstance(value[name], bool)):
            raise OptionError(f"{name}: not of the expected type")
    return value


def answer(value: object, status: int = 200) -> Response:
    """Return a value in JSON."""
    body = json.dumps(value, separators=(",", ":"), allow_nan=False, default=str)
    headers = {"cache-control": "no-store"}
    return Response(body, status, headers, media_type="application/json")


def problem(why: str, status: int) -> Response:
    """Return what is wrong, in one line."""
    return answer({"error": why}, status)


def kept_answer(request: Request, body: bytes, kind: str) -> Response:
    """Return bytes with a mark, or only that they are the same as before."""
    mark = f'"{len(body):x}-{zlib.crc32(body):08x}"'
    headers = {"etag": mark, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=kind, headers=headers)
