"""The best trial is trained again once, also if several workers finish at the same time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from hiddenstate import Callback
from hiddenstate.scale.tune.best import BEST, train_best
from hiddenstate.scale.tune.results import ranked
from hiddenstate.training.trainer import Trainer
from tests.conftest import needs_kernels
from tests.scale.tune.studies import study_in, trained

pytestmark = needs_kernels


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_worker_waits_for_the_one_that_trains_the_best_or_takes_over(
    is_interrupted: bool, tmp_path: Path
) -> None:
    study = study_in(tmp_path, n_trials=2)
    trained(study)
    best, trains, is_waiting = ranked(study.slots())[0], Event(), Event()
    sessions = []

    class Waits(Callback):
        """Goes on once the other worker has come."""

        def on_start(self, trainer: Trainer) -> None:
            trains.set()
            assert is_waiting.wait(60)

    def looks() -> bool:
        is_waiting.set()
        return False

    def callbacks(session: object) -> list[Callback]:
        sessions.append(session)
        return []

    def stops() -> bool:
        return is_interrupted and is_waiting.is_set()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(train_best, study, best, lambda session: [Waits()], stops)
        assert trains.wait(60)
        run = pool.submit(train_best, study, best, callbacks, looks).result()
    assert run is not None
    assert run.results() is not None
    assert (one.result() is None) == is_interrupted
    assert len(sessions) == is_interrupted
    assert [path.name for path in study.folder.glob(f"{BEST}*")] == [BEST]
