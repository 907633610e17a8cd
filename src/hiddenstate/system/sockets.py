"""Addresses of this machine, and sockets that listen at them."""

import socket
import sys
from typing import TypeAlias

from hiddenstate.system import platform

Socket: TypeAlias = socket.socket


def host_name() -> str:
    """Return the name of this machine; `localhost` on a platform without sockets."""
    return socket.gethostname() if platform.has("sockets") else "localhost"


def listener(host: str, port: int) -> Socket:
    """Return a socket that listens at an address; port 0 for any that is free.

    Raises
    ------
    OSError
        If another program listens there, or the address is not one of this machine.
    MachineError
        If the platform has no sockets.
    """
    platform.require("sockets")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def address_towards(host: str, port: int) -> str:
    """Return the address from which packets to `host` leave; none is sent.

    Raises
    ------
    OSError, UnicodeError
        If `host` has no address, or is not a name of a host.
    MachineError
        If the platform has no sockets.
    """
    platform.require("sockets")
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(place)
        return str(probe.getsockname()[0])


def interface_of(address: str) -> str | None:
    """Return the interface with an IPv4 address; None where the system does not say."""
    if not (sys.platform.startswith("linux") and platform.has("sockets")):
        return None
    import fcntl
    import struct

    get_address = 0x8915  # SIOCGIFADDR of linux/sockios.h
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(
                    probe.fileno(), get_address, struct.pack("256s", name.encode()[:15])
                )
            except OSError:  # it has no such address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return None
