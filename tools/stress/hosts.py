"""Makes hosts of network namespaces, joined by a bridge, and takes them away."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

PREFIX = "hiddenstate"
SUBNET = "10.213.77"
"""The addresses exist within the namespaces alone."""

RATE = "100mbit"

START = """
hostname "$0"
[ -z "$1" ] || mount --bind "$1" /proc/sys/kernel/random/boot_id
shift
exec "$@"
"""
"""How a command starts on a host: with its name, and the number of another start of the machine."""


def why_not() -> str | None:
    """Return why no hosts can be made here; None if they can."""
    for program in ("ip", "unshare"):
        if not shutil.which(program):
            return f"the program {program} is not installed"
    name = f"{PREFIX}-{os.getpid()}-probe"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if done.returncode:
        return f"not permitted to make network namespaces: {done.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Network:
    """Hosts on one bridge, which is in a namespace of its own.

    The hosts share the file system, the processor and the process numbers, and have a network and
    a host name of their own. Nothing in the network of the machine is changed. Those in `strangers`
    also seem to be machines of their own: the number that Linux draws when it starts is another
    there, so that nobody trusts their locks.

    Parameters
    ----------
    names : sequence of str
        The hosts, of up to 10 letters each.
    rate : str
        Bandwidth out of each host, as `tc` reads it; where `tc` is missing there is no limit.
    strangers : sequence of str
    """

    def __init__(
        self, names: Sequence[str], rate: str = RATE, strangers: Sequence[str] = ()
    ) -> None:
        _remove_left_over()
        self.names = tuple(names)
        self._boots = {name: self._boot(name) for name in strangers}
        self._switch = self.space("switch")
        try:
            _ip("netns", "add", self._switch)
            _ip("-n", self._switch, "link", "add", "bridge", "type", "bridge")
            _ip("-n", self._switch, "link", "set", "bridge", "up")
            for number, name in enumerate(names):
                self._add(name, f"{SUBNET}.{number + 1}", rate)
        except BaseException:
            self.close()
            raise

    def space(self, name: str) -> str:
        """Return the name of the namespace of a host."""
        return f"{PREFIX}-{os.getpid()}-{name}"

    def _add(self, name: str, address: str, rate: str) -> None:
        space = self.space(name)
        _ip("netns", "add", space)
        _ip("-n", space, "link", "set", "lo", "up")
        far = ("peer", "name", name, "netns", self._switch)
        _ip("-n", space, "link", "add", "eth0", "type", "veth", *far)
        _ip("-n", self._switch, "link", "set", name, "master", "bridge", "up")
        _ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", space, "link", "set", "eth0", "up")
        if shutil.which("tc"):
            limit = ("tbf", "rate", rate, "burst", "64kbit", "latency", "50ms")
            words = ["tc", "-n", space, "qdisc", "add", "dev", "eth0", "root", *limit]
            subprocess.run(words, check=True)

    def address(self, name: str) -> str:
        """Return the address of a host."""
        return f"{SUBNET}.{self.names.index(name) + 1}"

    def on(self, name: str) -> list[str]:
        """Return the words that run a command on a host, as the process that they start."""
        boot = str(self._boots.get(name, ""))
        start = ["unshare", "--uts", "sh", "-e", "-c", START, name, boot]
        return ["ip", "netns", "exec", self.space(name), *start]

    def _boot(self, name: str) -> Path:
        path = Path(tempfile.gettempdir()) / f"{self.space(name)}-boot"
        path.write_text(f"{uuid.uuid4()}\n")
        return path

    def link(self, name: str, up: bool) -> None:
        """Plug in or pull out the cable of a host, at the side of the bridge."""
        _ip("-n", self._switch, "link", "set", name, "up" if up else "down")

    def processes(self, name: str) -> list[int]:
        """Return the processes on a host."""
        return _processes(self.space(name))

    def close(self) -> None:
        """End the processes on all hosts and remove the namespaces."""
        for name in (*self.names, "switch"):
            _remove(self.space(name))
        for path in self._boots.values():
            path.unlink(missing_ok=True)


def _spaces() -> list[str]:
    return [path.name for path in Path("/run/netns").glob(f"{PREFIX}-*-*")]


def _processes(space: str) -> list[int]:
    done = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def _remove(space: str) -> None:
    if space not in _spaces():
        return
    until = time.monotonic() + 10
    while (pids := _processes(space)) and time.monotonic() < until:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    subprocess.run(["ip", "netns", "del", space], check=False)


def _remove_left_over() -> None:
    """Remove the namespaces of harnesses that were killed."""
    for space in _spaces():
        owner = space.split("-")[1]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            _remove(space)


@contextlib.contextmanager
def network(names: Sequence[str], strangers: Sequence[str] = ()) -> Iterator[Network]:
    """Make hosts for as long as the context lasts; SIGTERM ends it like Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    made = Network(names, strangers=strangers)
    try:
        yield made
    finally:
        made.close()
        signal.signal(signal.SIGTERM, before)
