"""The rule that chooses an engine, and the refusal to load torch without enough memory."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import kernels
from hiddenstate.config import make_config
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.engines import TrainingState, choose, make_engine
from hiddenstate.errors import MachineError, OptionError
from hiddenstate.jobs import make_job
from hiddenstate.system import memory
from hiddenstate.system.extras import command
from tests import warm
from tests.conftest import needs_kernels


def engine_of(**options):
    config = make_config("classify", {"threads": 1, **options})
    X = np.zeros((3, 2, 4), np.float32)
    job = make_job(config, PreparedDataset("x", Rows(X, np.arange(3)), classes=[0, 1, 2]))
    return make_engine(job.task(), TrainingState(job.net.initial(0, "float32"))).name


@needs_kernels
def test_the_engine_is_chosen_by_a_fixed_rule(monkeypatch):
    assert engine_of() == engine_of(engine="native") == engine_of(device="cpu") == "native"
    assert engine_of(engine="torch") == "torch"
    assert engine_of(dropout=0.1, layers=2) == "native"
    with pytest.raises(OptionError, match="not on cuda"):
        engine_of(engine="native", device="cuda")
    monkeypatch.setenv(kernels.VARIABLE, "off")
    assert engine_of() == "torch"
    with pytest.raises(OptionError, match="HIDDENSTATE_LEVEL is off"):
        engine_of(engine="native")
    monkeypatch.setenv(kernels.VARIABLE, "sse9")
    with pytest.raises(
        MachineError, match="HIDDENSTATE_LEVEL=sse9: this processor supports baseline"
    ):
        engine_of()


@needs_kernels
def test_a_cell_that_the_kernels_have_not_goes_to_torch(monkeypatch):
    monkeypatch.setattr(choose, "cells", lambda: ("gru",))
    assert engine_of() == "torch"
    assert engine_of(cell="gru") == "native"
    with pytest.raises(OptionError, match="native: the kernels have no LSTM cell; use --engine"):
        engine_of(engine="native")


def test_without_kernels_and_torch_both_ways_out_are_named(monkeypatch):
    monkeypatch.setattr(choose, "why_not", lambda: "they were not built")
    monkeypatch.setattr(choose, "levels", lambda: ())
    monkeypatch.setattr(choose, "is_installed", lambda module: False)
    with pytest.raises(MachineError) as raised:
        engine_of()
    assert str(raised.value) == (
        "training requires the native kernels or torch, and there is neither: they were not "
        f"built; install a C++17 compiler and reinstall hiddenstate, or add torch: "
        f"{command('torch')}"
    )


def test_torch_is_not_loaded_with_too_little_address_space(monkeypatch):
    """It may abort the process then, and no error can be caught."""
    monkeypatch.setattr(memory, "_address_space_left", lambda: 100 * 2**20)
    monkeypatch.setitem(sys.modules, "torch", sys)  # as if it were loaded
    choose.load_torch("--engine torch")
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(MachineError, match=r"640 MiB of address space .* leaves 100 MiB"):
        choose.load_torch("--engine torch")


def test_without_the_kernels_what_stands_in_for_them_passes(tmp_path):
    """With the instructions that torch itself uses below the best."""
    pytest.importorskip("torch")
    of_them = {kernels.VARIABLE: "off", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    tests = ("engines/test_choose.py", "contract/test_gradients.py")
    words = ("-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "--basetemp", "base")
    chosen = ("-k", "random or both_ways or not_loaded")
    paths = (str(Path(__file__).parents[1] / test) for test in tests)
    done = warm.run([*words, *chosen, *paths], tmp_path, os.environ | of_them)
    assert not done.returncode, done.stdout
    assert "3 passed" in done.stdout
