"""The hosts and the database server that the harness strikes; nothing of them is left."""

import subprocess
import sys
from pathlib import Path

import pytest
from tools.stress import hosts, postgres

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 5432), 1).close()"


def reaches(network: hosts.Network, name: str, address: str, tries: int = 1) -> bool:
    """Return whether a host reaches the port of PostgreSQL at an address."""
    words = [*network.on(name), sys.executable, "-c", CONNECT, address]
    tried = (subprocess.run(words, stderr=subprocess.DEVNULL) for _ in range(tries))
    return any(done.returncode == 0 for done in tried)


def test_a_cable_that_is_pulled_out_separates_one_host() -> None:
    if reason := hosts.why_not() or postgres.why_not():
        pytest.skip(reason)
    with hosts.network(["one", "two", "base"], strangers=["two"]) as network:
        base = postgres.Cluster(network.address("base"), 5432, network.on("base"))
        try:
            address = network.address("base")
            assert reaches(network, "one", address)
            network.link("two", up=False)
            assert not reaches(network, "two", address)
            assert reaches(network, "one", address)
            network.link("two", up=True)
            assert reaches(network, "two", address, tries=20)
            base.kill()
            assert not reaches(network, "one", address)
            base.start()
            assert reaches(network, "one", address)
        finally:
            base.close()
        read = [*network.on("two"), "sh", "-c", "hostname; cat /proc/sys/kernel/random/boot_id"]
        name, boot = subprocess.run(read, capture_output=True, text=True).stdout.split()
        assert name == "two"
        assert boot not in Path("/proc/sys/kernel/random/boot_id").read_text()
        stays = subprocess.Popen([*network.on("one"), "cat"], stdin=subprocess.PIPE)
        while stays.pid not in network.processes("one"):
            assert stays.poll() is None
    assert stays.wait(10) == -9
    assert not list(Path("/run/netns").glob(f"{network.space('')}*"))
    assert not base.folder.exists()


def test_a_server_keeps_its_rows_when_it_is_killed() -> None:
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.cluster() as server:
        server.create("own")
        server.query("CREATE TABLE kept (i int); INSERT INTO kept VALUES (7)", "own")
        server.kill()
        server.start()
        assert server.query("SELECT i FROM kept", "own") == [["7"]]
    assert not server.folder.exists()
