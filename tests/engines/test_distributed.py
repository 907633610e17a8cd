"""Several processes compute the gradient of one, whatever the slices that they get."""

import json
import os
import socket
import subprocess
import sys

import pytest

LIMITS = {"float32": 1e-6, "float64": 1e-12}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def compared():
    """How far a third of all gradients on 2 and on 3 ranks are from those of one process."""
    pytest.importorskip("torch")
    port, n_ranks = free_port(), 3
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.engines.ranks", str(rank), str(n_ranks), str(port), "3"],
            env=environment,
            stdout=subprocess.PIPE,
        )
        for rank in range(n_ranks)
    ]
    out = [each.communicate(timeout=300)[0] for each in ranks]
    assert [each.returncode for each in ranks] == [0] * n_ranks
    return json.loads(out[0])


@pytest.mark.parametrize("what", ["gradient", "loss", "moments"])
def test_a_step_on_several_ranks_is_that_of_one_process(compared, what):
    assert len(compared) > 60
    assert all(case["size"] > 0 for case in compared)
    far = [case for case in compared if not case[what] <= LIMITS[case["dtype"]]]
    assert far == []
