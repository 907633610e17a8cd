"""Network namespaces that stand for hosts, and processes that train together on them."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hiddenstate.system.interpreter import python_command
from tools.stress.processes import ENVIRONMENT


@dataclass(frozen=True)
class Hosts:
    """Where the ranks run: on this machine, or each in a namespace with one address.

    Parameters
    ----------
    address : str
        Address of rank 0.
    names : list of str
        The namespace of each rank; empty for this machine.
    """

    address: str = "127.0.0.1"
    names: list[str] = field(default_factory=list)

    def before(self, rank: int) -> list[str]:
        """Return what starts a command on the host of a rank."""
        return ["ip", "netns", "exec", self.names[rank]] if self.names else []

    def cut(self, rank: int) -> None:
        """Take down the link of the host of a rank."""
        _run("ip", "-n", self.names[rank], "link", "set", "eth0", "down")

    def limit(self, rate: str) -> None:
        """Let every host send at most `rate`, such as 100mbit."""
        for name in self.names:
            shape = ("tbf", "rate", rate, "burst", "64kb", "latency", "400ms")
            _run("tc", "-n", name, "qdisc", "replace", "dev", "eth0", "root", *shape)


def can_make_hosts() -> bool:
    """Whether namespaces may be made here."""
    probe = f"hs-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode == 0
    if made:
        _run("ip", "netns", "del", probe)
    return made


@contextmanager
def hosts(n: int) -> Iterator[Hosts]:
    """Make `n` namespaces on one bridge, each with the interface eth0."""
    own = f"hs{os.getpid()}"
    names = [f"{own}-{rank}" for rank in range(n)]
    middle = f"{own}-b"
    try:
        _run("ip", "netns", "add", middle)
        _run("ip", "-n", middle, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", middle, "link", "set", "br0", "up")
        for rank, name in enumerate(names):
            _run("ip", "netns", "add", name)
            pair = ("eth0", "netns", name, "type", "veth", "peer", f"port{rank}", "netns", middle)
            _run("ip", "link", "add", *pair)
            _run("ip", "-n", middle, "link", "set", f"port{rank}", "master", "br0", "up")
            _run("ip", "-n", name, "address", "add", f"10.77.0.{rank + 1}/24", "dev", "eth0")
            _run("ip", "-n", name, "link", "set", "eth0", "up")
            _run("ip", "-n", name, "link", "set", "lo", "up")
        yield Hosts("10.77.0.1", names)
    finally:
        for name in (*names, middle):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_ranks(
    args: Sequence[str] | Callable[[int], Sequence[str]],
    folder: Path,
    n: int,
    where: Hosts | None = None,
) -> "list[subprocess.Popen[bytes]]":
    """Start `hiddenstate ARGS` as `n` ranks by hand, without torchrun, which would end them itself.

    What rank R prints is in the file `rankR.out` of `folder`. `args` may depend on the rank.
    """
    where, ranks = where or Hosts(), []
    for rank, environment in enumerate(environments(n, where)):
        own = args(rank) if callable(args) else args
        with open(folder / f"rank{rank}.out", "wb") as out:
            ranks.append(
                subprocess.Popen(
                    [*where.before(rank), *python_command("-m", "hiddenstate", *own)],
                    cwd=folder,
                    env=environment,
                    stdout=out,
                    stderr=out,
                )
            )
    return ranks


def environments(n: int, where: Hosts | None = None) -> list[dict[str, str]]:
    """Return the variables of each of `n` ranks that are started together."""
    where, port, all_of_them = where or Hosts(), free_port(), []
    for rank in range(n):
        local = {"LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 1} if where.names else {"LOCAL_RANK": rank}
        variables = {"RANK": rank, "WORLD_SIZE": n, "MASTER_PORT": port, **local}
        own = {name: str(value) for name, value in variables.items()}
        all_of_them.append({**ENVIRONMENT, **own, "MASTER_ADDR": where.address})
    return all_of_them
