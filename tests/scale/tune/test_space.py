"""Search spaces are checked as options are, and say all that is wrong at once."""

from pathlib import Path

import pytest

from hiddenstate.config import JOBS, make_config
from hiddenstate.errors import DataError, OptionError
from hiddenstate.scale.tune.space import check_cells, default_space, fitting, make_space, read_space


@pytest.mark.parametrize("job", JOBS)
def test_default_spaces_have_only_values_that_the_job_takes(job: str) -> None:
    space = default_space(job)
    for each in space.dimensions:
        for value in each.ends():
            assert space.option_values({each.name: value})
    assert make_space(job, space.to_dict()) == space


def test_options_that_are_set_are_left_out_of_the_default_space() -> None:
    assert "cell" not in default_space("classify", ["cell", "epochs"]).names


def test_choices_that_exclude_what_is_set_are_left_out() -> None:
    config = make_config("classify", {"layers": 2, "dropout": 0.2})
    layers = [
        d for d in fitting(default_space("classify"), config).dimensions if d.name == "layers"
    ]
    assert layers[0].choices == (2,)
    config = make_config("classify", {"streamable": True, "recipe": "auto"})
    assert set(fitting(default_space("classify"), config).names) == {"lr", "batch_size"}


def test_an_option_of_one_cell_is_searched_with_that_cell_alone() -> None:
    space, config = make_space("classify", {"states": [4, 8]}), make_config("classify", {})
    check_cells(space, make_config("classify", {"cell": "lru"}))
    with pytest.raises(OptionError, match="not to lstm; search that cell alone, with --cell lru"):
        check_cells(space, config)
    with pytest.raises(OptionError, match="not to gru"):
        check_cells(make_space("classify", {"states": [4], "cell": ["lru", "gru"]}), config)


def test_all_problems_are_in_one_line() -> None:
    with pytest.raises(OptionError) as error:
        make_space(
            "classify",
            {"hiden_size": [1], "lr": {"low": 0.1, "high": 0.01}, "cell": ["gru", "x"]},
            "space.toml",
        )
    text = str(error.value)
    assert "\n" not in text
    for part in ("space.toml", "did you mean hidden_size?", "is empty", "one of rnn, gru, lstm"):
        assert part in text


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"seed": [1, 2]}, "use --seeds"),
        ({"valid_fraction": [0.1, 0.2]}, "the same rows"),
        ({"test_scores": [True, False]}, "never read test rows"),
        ({"lr": {"low": float("nan"), "high": 1}}, "above 0, got nan"),
        ({"lr": []}, "no choices"),
        ({"lr": [0.1, 0.1]}, "twice"),
        ({"lr": {"low": 0.1}}, "expected low and high"),
        ({"lr": {"low": 0.1, "high": 1, "hgh": 2}}, "did you mean high?"),
        ({"lr": {"low": 0.01, "high": 0.1, "log": "yes"}}, "true or false"),
        ({"dropout": {"low": 0, "high": 0.5, "log": True}}, "starts above 0"),
        ({"dropout": {"low": 0, "high": 0.5, "step": 2}}, "step"),
        ({"dropout": {"low": 0, "high": 1.5}}, "below 1"),
        ({"cell": {"low": 1, "high": 2}}, "list its choices"),
        ({"lr": 0.1}, "expected choices"),
        ({"layers": [1.5]}, "whole number"),
        ({"augment": ["mix", "auto"]}, "list kinds"),
        ({"teach_weight": [0.1, 0.2]}, "trials have no teacher"),
        ({}, "no option"),
        ({"hidden_size": [0]}, "^space: hidden_size: expected a whole number"),
    ],
)
def test_refuses(spec: dict[str, object], why: str) -> None:
    with pytest.raises(OptionError, match=why):
        make_space("classify", spec)


def test_a_file_may_have_a_table_and_dashes(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text("[space]\nhidden-size = {low = 8, high = 64, log = true}\nlayers = [1, 2]\n")
    space = read_space(path, "classify")
    assert space.names == ("hidden_size", "layers")
    assert (space.dimensions[0].low, space.dimensions[0].log) == (8, True)


def test_sizes_of_layers_stand_as_text() -> None:
    space = make_space("autoencode", {"encoder_sizes": [[64, 32], "16,8"]})
    assert space.dimensions[0].choices == ("64,32", "16,8")
    assert space.option_values({"encoder_sizes": "16,8"}) == {"encoder_sizes": (16, 8)}
    assert space.params_of({"encoder_sizes": (64, 32)}) == {"encoder_sizes": "64,32"}


@pytest.mark.parametrize("text", ["lr = [", "\x00", "[space]\nlr = [1]\n[other]\nx = 1\n"])
def test_refuses_files_that_hold_no_space(tmp_path: Path, text: str) -> None:
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises((DataError, OptionError), match=r"space\.toml"):
        read_space(path, "classify")


def test_the_last_value_of_steps_is_in_the_range() -> None:
    space = make_space("classify", {"hidden_size": {"low": 4, "high": 11, "step": 4}})
    assert space.dimensions[0].high == 8
    space = make_space("classify", {"dropout": {"low": 0, "high": 0.35, "step": 0.1}})
    assert space.dimensions[0].high == 0.3  # not 0.1 + 0.1 + 0.1, of which Optuna would warn
