"""Decides which requests reach the studio: all are refused but those that its table allows.

It stands before everything else and reads only what a client sent, as bytes: no address that a
framework has put together, which a forged `Host` can change.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.studio.peers import is_of_another_user
from hiddenstate.studio.session import Session, same

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SECRET_HEADER = b"x-hiddenstate"
"""The header with the second secret, on every request that changes something."""

MAX_JSON = 64 * 1024
"""Bytes of a body of JSON; ours have some hundreds."""

MAX_QUERY = 2048
"""Bytes after the ? of an address."""

BODY_SECONDS = 30.0
"""Longest time for a body of JSON, and for any single piece of an upload."""

RATE, BURST = 200.0, 400.0
"""Requests a second that are answered, and so many at once; a page makes some tens."""

_PATH = re.compile(rb"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+|/")
_QUERY = re.compile(rb"[A-Za-z0-9_.~=&,%+:-]*")
_ONCE = (b"host", b"origin", b"content-length", b"content-type", b"cookie", SECRET_HEADER)

HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
"""What every answer says to the browser."""


@dataclass(frozen=True)
class Rule:
    """What a route accepts.

    Parameters
    ----------
    method : {"GET", "POST"}
    path : str
        With `{name}` where one part, of letters, digits and `._~-`, may stand.
    max_body : int
        Bytes of a body; 0 for none.
    raw : bool
        Whether the body is the bytes of a file, not JSON.
    """

    method: str
    path: str
    max_body: int = 0
    raw: bool = False

    def matches(self, path: str) -> bool:
        """Return whether a path is one of this route."""
        parts, own = path.split("/"), self.path.split("/")
        return len(parts) == len(own) and all(
            a == b or (b.startswith("{") and a != "") for a, b in zip(parts, own, strict=True)
        )


class RefusedError(Exception):
    """A request that is not let in: the status of the answer and one line."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class _Bucket:
    """How many requests are answered: those with the cookie and all others have one each, so that
    no other program or page can use up those of the studio's pages."""

    filled: float
    left: float = BURST

    def take(self, now: float) -> bool:
        """Whether another request is answered in this second."""
        self.left = min(BURST, self.left + (now - self.filled) * RATE)
        self.filled = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Gate:
    """The outermost layer of the studio.

    Parameters
    ----------
    app : callable
        What answers the requests that are let in.
    rules : sequence of Rule
        The table of routes.
    session : Session
    on_old_token : callable, optional
        Called if a wrong token comes after the right one was used; prints a new address.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self,
        app: App,
        rules: "tuple[Rule, ...]",
        session: Session,
        on_old_token: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._rules, self._session = app, rules, session
        self._on_old_token, self._clock = on_old_token, clock
        self._pages, self._strangers = _Bucket(clock()), _Bucket(clock())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        try:
            headers = _headers(scope)
            rule, path = self._checked(scope, headers)
            if path == "/" and scope["query_string"]:
                await self._exchange(scope, send)
                return
            self._check_cookie(headers)
            if rule.method == "POST":
                self._check_post(rule, headers)
            elif headers.get(b"content-length", b"0") != b"0":
                raise RefusedError(400, "a GET has no body")
        except RefusedError as refused:
            await _answer(send, refused.status, f"{refused}\n")
            return
        scope["path"] = path
        await self._app(scope, _limited(receive, rule), _with_headers(send))

    def _checked(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[Rule, str]:
        """Return the rule and the path of a request whose head is in order."""
        bucket = self._pages if self._has_cookie(headers) else self._strangers
        if not bucket.take(self._clock()):
            raise RefusedError(429, "too many requests")
        if headers.get(b"host") != self._session.authority.encode():
            raise RefusedError(421, f"this is {self._session.origin}")
        if headers.get(b"origin", self._session.origin.encode()) != self._session.origin.encode():
            raise RefusedError(403, "another origin")
        if headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
            raise RefusedError(403, "another site")
        if b"transfer-encoding" in headers:
            raise RefusedError(411, "a body needs a length")
        raw = scope.get("raw_path") or b""
        if len(raw) > MAX_QUERY or not _PATH.fullmatch(raw) or b".." in raw:
            raise RefusedError(404, "no such page")
        if len(scope["query_string"]) > MAX_QUERY or not _QUERY.fullmatch(scope["query_string"]):
            raise RefusedError(400, "not an address of the studio")
        path = raw.decode("ascii")
        rules = [rule for rule in self._rules if rule.matches(path)]
        if not rules:
            raise RefusedError(404, "no such page")
        for rule in rules:
            if rule.method == scope["method"]:
                return rule, path
        raise RefusedError(405, "no such method")

    def _has_cookie(self, headers: dict[bytes, bytes]) -> bool:
        """Whether the cookie is there, among whatever other programs of this machine have set."""
        for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"):
            name, _, value = pair.strip(" ").partition("=")
            if name == self._session.cookie_name and same(value, self._session.cookie):
                return True
        return False

    def _check_cookie(self, headers: dict[bytes, bytes]) -> None:
        if not self._has_cookie(headers):
            raise RefusedError(401, "open the address that the terminal shows")

    def _check_post(self, rule: Rule, headers: dict[bytes, bytes]) -> None:
        if not same(headers.get(SECRET_HEADER, b"").decode("latin-1"), self._session.secret):
            raise RefusedError(403, "not from a page of the studio; reload the page")
        wanted = b"application/octet-stream" if rule.raw else b"application/json"
        if headers.get(b"content-type") != wanted:
            raise RefusedError(415, f"expected {wanted.decode()}")
        length = headers.get(b"content-length", b"")
        if not re.fullmatch(rb"[0-9]{1,15}", length):
            raise RefusedError(411, "a body needs a length")
        if int(length) > rule.max_body:
            raise RefusedError(413, f"at most {rule.max_body:,} bytes")

    async def _exchange(self, scope: Scope, send: Send) -> None:
        """Give the cookie for the token, or for the code of the browser that was opened, and go on
        to the page without it in the address."""
        name, _, secret = scope["query_string"].decode("ascii").partition("=")
        if name == "code":
            client = scope.get("client")
            if client and is_of_another_user(client[1], self._session.port):
                raise RefusedError(403, "this address is for another user of this machine")
            known = self._session.exchange_code(secret)
        elif name == "token":
            known = self._session.exchange(secret)
        else:
            raise RefusedError(404, "no such page")
        if not known:
            if self._session.waits:
                raise RefusedError(401, "open the address that the terminal shows")
            self._on_old_token()
            raise RefusedError(401, "this address was used; the terminal shows a new one")
        cookie = (
            f"{self._session.cookie_name}={self._session.cookie}; Path=/; HttpOnly; SameSite=Strict"
        )
        # A page of its own and no redirect: that keeps the chain of sites of whoever linked here,
        # and a strict cookie would not be sent.
        page = (
            '<!doctype html><meta http-equiv="refresh" content="0;url=/">'
            '<link rel="icon" href="data:,"><title>hiddenstate</title>'
        )
        await _answer(send, 200, page, (b"set-cookie", cookie.encode()), kind=b"text/html")


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers by name; those that matter may come once only."""
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in headers and name in _ONCE:
            raise RefusedError(400, f"{name.decode('latin-1')} is there twice")
        headers[name] = value
    return headers


def _limited(receive: Receive, rule: Rule) -> Receive:
    """Return `receive` with limits on the size and on the time of a body."""
    total, until = 0, time.monotonic() + BODY_SECONDS

    async def limited() -> Message:
        nonlocal total
        if not rule.max_body:
            return await receive()
        seconds = BODY_SECONDS if rule.raw else max(until - time.monotonic(), 0.001)
        try:
            message = await asyncio.wait_for(receive(), seconds)
        except TimeoutError:
            return {"type": "http.disconnect"}
        total += len(message.get("body", b""))
        return {"type": "http.disconnect"} if total > rule.max_body else message

    return limited


def _with_headers(send: Send) -> Send:
    """Return `send` with the headers of every answer."""

    async def own(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return own


async def _answer(
    send: Send, status: int, text: str, *more: tuple[bytes, bytes], kind: bytes = b"text/plain"
) -> None:
    """Send a short answer, and end the connection if it is a refusal."""
    body = text.encode()
    headers = [
        (b"content-type", kind + b"; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        *more,
        *HEADERS,
    ]
    if status != 200:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
