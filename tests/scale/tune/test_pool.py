"""Worker processes end with the process that started them."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from hiddenstate.scale.tune.ledger import Slot
from hiddenstate.scale.tune.pool import Order, Pool
from hiddenstate.scale.tune.storage import parse_address
from hiddenstate.scale.tune.worker import Study
from tests.conftest import needs_kernels
from tests.scale.tune.studies import Watching, study_in

pytestmark = needs_kernels


class Interrupted(Watching):
    """Raises as Ctrl-C does in a notebook, whose worker processes get no signal."""

    def finished(self, slots: Sequence[Slot], number: int) -> None:
        raise KeyboardInterrupt


def pool_of(study: Study) -> Pool:
    order = Order(study.folder, parse_address(None, study.folder), 60, 1)
    return Pool(study, order, 1, Interrupted(), lambda: False)


def test_an_exception_leaves_no_worker_behind(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=6)
    pool = pool_of(study)
    with pytest.raises(KeyboardInterrupt):
        pool.run()
    (process,) = pool._began
    assert process.exitcode == 0
    assert "running" not in {slot.state for slot in study.slots()}


def test_ctrl_c_while_a_worker_starts_ends_it_without_a_traceback(tmp_path: Path) -> None:
    pool = pool_of(study_in(tmp_path, n_trials=1))
    pool._start()
    (process,) = pool._began
    os.kill(process.pid, signal.SIGINT)  # as a terminal does to all processes of the command
    process.join()
    assert process.exitcode == 0
