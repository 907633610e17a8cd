"""Which user of this machine a connection comes from, as far as the system says."""

import os
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""Where Linux lists connections, with the user of each end on this machine."""


def is_of_another_user(client_port: int, server_port: int) -> bool:
    """Return whether the other end of a connection to this process is of another user.

    Parameters
    ----------
    client_port, server_port : int

    Returns
    -------
    bool
        False too where the system does not say.
    """
    users = set()
    for table in TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except (OSError, UnicodeDecodeError):
            continue
        for line in lines:
            fields = line.split()
            ports = [int(field.rpartition(":")[2], 16) for field in fields[1:3]]
            if ports == [client_port, server_port]:
                users.add(int(fields[7]))
    return bool(users - {os.getuid()})
