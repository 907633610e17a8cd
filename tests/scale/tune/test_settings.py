"""What the trials of a study have in common."""

from pathlib import Path

from hiddenstate.config.augment_kinds import AUTO
from tests.conftest import needs_kernels
from tests.scale.tune.studies import settings_of


@needs_kernels
def test_augmentation_is_chosen_once_for_all_trials(tmp_path: Path) -> None:
    one, two = (settings_of(tmp_path, values={"augment": AUTO})[0] for _ in range(2))
    kinds = one.trial_config({"lr": 0.01}, 0).training.augment
    assert kinds
    assert "auto" not in kinds
    assert one == two
