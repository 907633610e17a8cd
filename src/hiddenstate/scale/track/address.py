"""Checks the address of a server, and keeps secrets out of it."""

from urllib.parse import urlsplit

from hiddenstate.errors import OptionError, printable


def check_url(url: str, server: str, secrets: str) -> str:
    """Return the address of a server as it is shown.

    Parameters
    ----------
    url : str
    server : str
        What is expected there, with its article.
    secrets : str
        Names of the variables of the environment that hold secrets.

    Raises
    ------
    OptionError
        If it is not an address, or has a user, a password or a query in it. The message does not
        repeat it.
    """
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        place = f"{host}{'' if parts.port is None else f':{parts.port}'}"
    except ValueError:
        raise OptionError(f"--url: not an address; expected http://HOST:PORT of {server}") from None
    if "@" in url or parts.query or parts.fragment:  # without a scheme, no user is found
        raise OptionError(
            "--url: has a user, a password or a query in it, which would be stored and shown; use "
            f"the environment: {secrets}"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OptionError(
            f"--url: expected http://HOST:PORT of {server}, got {printable(repr(url), 60)}"
        )
    return printable(f"{parts.scheme}://{place}{parts.path.rstrip('/')}")
