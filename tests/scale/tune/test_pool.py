"""Worker processes end with the process that started them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hiddenstate.scale.tune.ledger import Slot
from hiddenstate.scale.tune.pool import Order, Pool
from hiddenstate.scale.tune.storage import parse_address
from tests.conftest import needs_kernels
from tests.scale.tune.studies import Watching, study_in

pytestmark = needs_kernels


class Interrupted(Watching):
    """Raises as Ctrl-C does in a notebook, whose worker processes get no signal."""

    def finished(self, slots: Sequence[Slot], number: int) -> None:
        raise KeyboardInterrupt


def test_an_exception_leaves_no_worker_behind(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=50)
    order = Order(study.folder, parse_address(None, study.folder), 60, 1)
    pool = Pool(study, order, 1, Interrupted(), lambda: False)
    with pytest.raises(KeyboardInterrupt):
        pool.run()
    (process,) = pool._running
    assert process.exitcode == 0
    states = {slot.state for slot in study.slots()}
    assert "waiting" in states
    assert "running" not in states
