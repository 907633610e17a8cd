"""What the trials of a study have in common."""

from pathlib import Path

import pytest

from hiddenstate.config.augment_kinds import AUTO
from hiddenstate.errors import OptionError
from hiddenstate.scale.tune.settings import difference, make_settings
from tests.conftest import needs_kernels
from tests.scale.tune.studies import settings_of, write_sensors


@needs_kernels
def test_augmentation_is_chosen_once_for_all_trials(tmp_path: Path) -> None:
    one, two = (settings_of(tmp_path, values={"augment": AUTO})[0] for _ in range(2))
    kinds = one.trial_config({"lr": 0.01}, 0).training.augment
    assert kinds
    assert "auto" not in kinds
    assert one == two


@needs_kernels
def test_trials_have_no_teacher_where_the_recipe_has_one(tmp_path: Path) -> None:
    values = {"data": str(write_sensors(tmp_path / "waves.csv"))}
    settings = make_settings("waves", "classify", values, n_trials=2)[0]
    training = settings.trial_config({"lr": 0.01}, 0).training
    assert training.convolutions
    assert (training.teach, training.fold_epochs) == (None, 0)


def test_a_carried_state_has_no_validation_rows(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("u,y\n" + "0.5,1\n1,0.5\n" * 60)
    values = {"data": str(tmp_path / "s.csv"), "target": ("y",), "stateful": True}
    with pytest.raises(OptionError, match="--stateful: trials are compared on validation rows"):
        make_settings("s", "regress", values, n_trials=2)


def test_a_study_of_a_version_with_fewer_options_is_the_same(tmp_path: Path) -> None:
    ours = settings_of(tmp_path)[0].shared()
    fewer = {name: value for name, value in ours["options"].items() if name != "states"}
    assert difference(ours, {**ours, "options": fewer}) is None
    other = {**ours, "options": {**ours["options"], "states": 7}}
    assert difference(other, ours | {"options": fewer}) == "states: 7, there 0"
