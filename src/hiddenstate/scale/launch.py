"""How torchrun started this process: its rank, the number of ranks, and where they meet."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hiddenstate.errors import MachineError, OptionError, printable
from hiddenstate.system.sockets import address_towards, interface_of

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets for each process; all of them together mean data parallel training."""

STARTED = "TORCHELASTIC_RUN_ID"
"""What torchrun sets, and nobody who sets the variables of one process by hand, as in notebooks."""

INTERFACE = "GLOO_SOCKET_IFNAME"
"""The variable that names the network interface on which gloo waits for the other ranks."""


@dataclass(frozen=True)
class Launch:
    """One of the processes that train together.

    Parameters
    ----------
    rank : int
        Its number; rank 0 writes the run and prints.
    n_ranks : int
        How many processes there are, on all hosts.
    local_rank : int
        Its number on this host, which selects its GPU.
    n_local : int
        How many there are on this host.
    address, port : str, int
        Where the ranks find one another: MASTER_ADDR and MASTER_PORT.
    hosts_store : bool
        Whether rank 0 answers there itself; torchrun's agent does otherwise.
    """

    rank: int
    n_ranks: int
    local_rank: int
    n_local: int
    address: str
    port: int
    hosts_store: bool = True


def launch_of(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """Return how this process was started, or None if it trains alone.

    Raises
    ------
    OptionError
        If a variable is not the number that it must be.
    """
    if not all(environment.get(name) for name in VARIABLES):
        return None
    n_ranks = _number(environment, "WORLD_SIZE", 1, 2**16)
    if n_ranks == 1 and STARTED not in environment:
        return None
    local_rank = _number(environment, "LOCAL_RANK", 0, n_ranks - 1)
    return Launch(
        rank=_number(environment, "RANK", 0, n_ranks - 1),
        n_ranks=n_ranks,
        local_rank=local_rank,
        n_local=_number(environment, "LOCAL_WORLD_SIZE", local_rank + 1, n_ranks, n_ranks),
        address=environment["MASTER_ADDR"],
        port=_number(environment, "MASTER_PORT", 1, 2**16 - 1),
        hosts_store=environment.get("TORCHELASTIC_USE_AGENT_STORE") != "True",
    )


def _number(
    environment: Mapping[str, str], name: str, low: int, high: int, default: int | None = None
) -> int:
    text = environment.get(name)
    if text is None and default is not None:
        return default
    if text is None or not re.fullmatch("[0-9]{1,6}", text) or not low <= int(text) <= high:
        raise OptionError(
            f"{name}: expected a number from {low} to {high}, got {printable(text, 20)}; start "
            "with torchrun, or unset RANK and WORLD_SIZE to train in one process"
        )
    return int(text)


def choose_interface(launch: Launch) -> None:
    """Set `GLOO_SOCKET_IFNAME`, unless it is set, to the interface that leads to the master.

    gloo would otherwise take the address of the host's own name, which many systems map to
    127.0.1.1, where no other host can connect.

    Raises
    ------
    MachineError
        If the master's name has no address, or a loopback address while there are other hosts.
    """
    try:
        own = address_towards(launch.address, launch.port)
    except (OSError, UnicodeError) as error:  # the latter of a name that no host can have
        why = getattr(error, "strerror", None) or "not a host name"
        raise MachineError(
            f"MASTER_ADDR {printable(launch.address, 60)}: {why}; name the "
            "host of rank 0 as all hosts know it"
        ) from None
    if own.startswith("127.") and launch.n_local < launch.n_ranks:
        raise MachineError(
            f"MASTER_ADDR {printable(launch.address, 60)} is {own} on this host, where no other "
            "host can connect; use its address in the network"
        )
    name = interface_of(own)
    if name:
        os.environ.setdefault(INTERFACE, name)
