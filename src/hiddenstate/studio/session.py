"""The secrets of one start of the studio, and where it listens."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

CODE_SECONDS = 60.0
"""How long the code of the browser that is opened at the start is valid."""


def _secret() -> str:
    """Return 256 random bits as text that needs no quotes in an address."""
    return secrets.token_urlsafe(32)


@dataclass
class Session:
    """Who may use one start of the studio.

    The address that is printed has a token, which is exchanged once for a cookie. The browser that
    is opened at the start gets a code of its own instead: other users can read its command line, so
    the code is valid once, for a short time, and for a program of this user alone. Cookies go to
    every port of a host, so the name of this one holds the port; it is only read by the server.
    Requests that change something need a second secret in a header, which only a page of the
    studio knows.

    Parameters
    ----------
    host : str
        The address that the browser names.
    port : int
    clock : callable, optional
        Returns seconds.
    """

    host: str
    port: int
    cookie: str = field(default_factory=_secret)
    secret: str = field(default_factory=_secret)
    clock: Callable[[], float] = time.monotonic
    _token: str | None = field(default_factory=_secret)
    _code: tuple[str, float] | None = None

    @property
    def authority(self) -> str:
        """What the header `Host` must hold."""
        return f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """What the header `Origin` must hold, where there is one."""
        return f"http://{self.authority}"

    @property
    def cookie_name(self) -> str:
        """The name of the cookie."""
        return f"hiddenstate-{self.port}"

    @property
    def address(self) -> str:
        """The address to open, with the token if it is not used yet."""
        return f"{self.origin}/" + (f"?token={self._token}" if self._token else "")

    def opening(self) -> str:
        """Return an address for the browser that is opened now; it replaces the one before."""
        self._code = (_secret(), self.clock() + CODE_SECONDS)
        return f"{self.origin}/?code={self._code[0]}"

    @property
    def waits(self) -> bool:
        """Whether there is a token that was not used yet."""
        return self._token is not None

    def renew(self) -> None:
        """Replace the token by a new one, after it was used."""
        self._token = _secret()

    def exchange(self, token: str) -> bool:
        """Return whether `token` is the one that was printed; it is not valid again."""
        right = self._token is not None and same(token, self._token)
        if right:
            self._token = None
        return right

    def exchange_code(self, code: str) -> bool:
        """Return whether `code` is that of the browser that was opened, in time; it is not valid
        again."""
        if self._code is None or not same(code, self._code[0]):
            return False
        until, self._code = self._code[1], None
        return self.clock() <= until


def same(text: str, secret: str) -> bool:
    """Return whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(text.encode("utf-8", "surrogateescape"), secret.encode())
