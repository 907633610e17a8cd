"""What torchrun leaves in the environment, and the network interface that follows from it."""

import os
import socket

import pytest

from hiddenstate.errors import MachineError, OptionError
from hiddenstate.scale import launch
from hiddenstate.scale.launch import INTERFACE, Launch, choose_interface, launch_of

FULL = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29500",
}


def test_a_process_of_torchrun_knows_its_place():
    assert launch_of(FULL) == Launch(3, 4, 1, 2, "10.0.0.1", 29500, hosts_store=True)
    agent = {**FULL, "TORCHELASTIC_USE_AGENT_STORE": "True"}
    assert launch_of(agent) == Launch(3, 4, 1, 2, "10.0.0.1", 29500, hosts_store=False)


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_without_one_of_the_variables_a_process_trains_alone(name):
    assert launch_of({key: value for key, value in FULL.items() if key != name}) is None
    assert launch_of({**FULL, name: ""}) is None


def test_one_process_trains_alone_unless_torchrun_started_it():
    one = {**FULL, "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    assert launch_of(one) is None
    assert launch_of({**one, "TORCHELASTIC_RUN_ID": "none"}) is not None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RANK", "4"),
        ("RANK", "-1"),
        ("RANK", "one"),
        ("WORLD_SIZE", "0"),
        ("LOCAL_RANK", "9"),
        ("LOCAL_WORLD_SIZE", "1"),
        ("MASTER_PORT", "65536"),
        ("MASTER_PORT", "0"),
        ("MASTER_PORT", "٣"),
    ],
)
def test_a_number_that_cannot_be_is_refused_by_name(name, text):
    with pytest.raises(OptionError, match=f"{name}: expected a number from") as raised:
        launch_of({**FULL, name: text})
    assert str(raised.value).endswith("unset RANK and WORLD_SIZE to train in one process")


def test_the_interface_is_the_one_towards_the_master(monkeypatch):
    monkeypatch.delenv(INTERFACE, raising=False)
    choose_interface(Launch(0, 2, 0, 2, "127.0.0.1", 29500))
    names = [name for _, name in socket.if_nameindex()]
    assert os.environ.get(INTERFACE) in (*[name for name in names if name.startswith("lo")], None)


def test_an_interface_that_the_user_names_stays(monkeypatch):
    monkeypatch.setenv(INTERFACE, "wlan7")
    choose_interface(Launch(0, 2, 0, 2, "127.0.0.1", 29500))
    assert os.environ[INTERFACE] == "wlan7"


def test_a_loopback_address_is_refused_where_there_are_other_hosts(monkeypatch):
    monkeypatch.setattr(launch, "address_towards", lambda host, port: "127.0.1.1")
    with pytest.raises(MachineError, match=r"^MASTER_ADDR me is 127\.0\.1\.1 on this host, where"):
        choose_interface(Launch(0, 2, 0, 1, "me", 29500))


def test_a_name_without_an_address_is_refused(monkeypatch):
    def nothing(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(MachineError, match="MASTER_ADDR nobody: Name or service not known; name"):
        choose_interface(Launch(0, 2, 0, 1, "nobody", 29500))


def test_what_cannot_be_a_host_name_is_refused():
    with pytest.raises(MachineError, match=r"^MASTER_ADDR a\.\.b: not a host name; name the host"):
        choose_interface(Launch(0, 2, 0, 1, "a..b", 29500))
