"""The secrets of one start of the studio, and where it listens."""

import hmac
import secrets
from dataclasses import dataclass, field


def _secret() -> str:
    """Return 256 random bits as text that needs no quotes in an address."""
    return secrets.token_urlsafe(32)


@dataclass
class Session:
    """Who may use one start of the studio.

    The address that is printed has a token, which is exchanged once for a cookie. Cookies go to
    every port of a host, so the name of this one holds the port; it is only read by the server.
    Requests that change something need a second secret in a header, which only a page of the
    studio knows.

    Parameters
    ----------
    host : str
        The address that the browser names.
    port : int
    """

    host: str
    port: int
    cookie: str = field(default_factory=_secret)
    secret: str = field(default_factory=_secret)
    _token: str | None = field(default_factory=_secret)

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


def same(text: str, secret: str) -> bool:
    """Return whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(text.encode("utf-8", "surrogateescape"), secret.encode())
