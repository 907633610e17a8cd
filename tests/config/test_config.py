"""Options: defaults, ranges, parsing, and their JSON."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.config import JOBS, config_from_dict, job_options, make_config
from hiddenstate.config.option import Option
from hiddenstate.errors import OptionError

EVERY = [(job, option_of) for job in JOBS for _, option_of in job_options(job)]
IDS = [f"{job}-{option_of.name}" for job, option_of in EVERY]


def option_of(job: str, name: str) -> Option:
    return next(option for _, option in job_options(job) if option.name == name)


CLASSIC: dict[str, dict[str, Any]] = {
    "classify": {
        **{"cell": "lstm", "hidden_size": 64, "layers": 1, "lr": 0.01, "batch_size": 64},
        **{"epochs": 1, "optimizer": "adam", "log_every": 50, "n_evaluated": 2000},
        **{"n_predicted": 10},
    },
    "regress": {
        **{"cell": "rnn", "nonlinearity": "tanh", "hidden_size": 32, "lr": 0.02, "windows": 100},
        **{"window": 10, "stateful": True, "shuffle": False, "batch_size": 1},
    },
    "autoencode": {
        **{"encoder_sizes": (128, 64, 12), "code_size": 3, "activation": "tanh", "lr": 0.005},
        **{"batch_size": 64, "epochs": 10, "log_every": 100, "n_scattered": 200},
        **{"n_reconstructed": 5},
    },
}


@pytest.mark.parametrize("job", CLASSIC)
def test_defaults_are_those_of_the_classic_scripts(job: str) -> None:
    flat = make_config(job).flat()
    assert {name: flat[name] for name in CLASSIC[job]} == CLASSIC[job]


@pytest.mark.parametrize(("job", "option"), EVERY, ids=IDS)
def test_every_default_is_valid(job: str, option: Option) -> None:
    default = option.default_for(job)
    assert option.check(default) == default


@pytest.mark.parametrize(("job", "option"), EVERY, ids=IDS)
def test_every_option_has_a_line_of_help(job: str, option: Option) -> None:
    assert len(option.help) > 10
    assert "\n" not in option.help
    assert option.help.endswith(".")


def test_a_model_keeps_the_options_that_new_data_is_read_with() -> None:
    reading, kept, new_data = (
        {option.name for _, option in EVERY if getattr(option, fact)}
        for fact in ("reading", "kept", "new_data")
    )
    assert reading - kept == {"test", "answers", "skip_bad", "max_unpacked", "calendar"}
    assert kept - reading == {"window", "stride", "washout"}
    assert new_data <= reading


@pytest.mark.parametrize("job", JOBS)
def test_a_config_is_read_back_from_json(job: str) -> None:
    config = make_config(job, {"seed": 5, "lr": 1 / 3})
    assert config_from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("job", JOBS)
def test_a_config_stores_no_option_of_another_job(job: str) -> None:
    stored = make_config(job).to_dict()
    names = {name for section in stored.values() if isinstance(section, dict) for name in section}
    assert names == {option.name for _, option in job_options(job) if not option.omitted}


def test_an_unknown_option_is_refused_with_the_most_similar_name() -> None:
    with pytest.raises(OptionError, match="did you mean hidden_size"):
        make_config("classify", {"hiden_size": 3})


def test_an_option_of_another_job_is_refused() -> None:
    with pytest.raises(OptionError, match="code_size"):
        make_config("classify", {"code_size": 3})


def test_an_unknown_job_is_refused_with_the_most_similar_name() -> None:
    with pytest.raises(OptionError, match="did you mean classify"):
        make_config("clasify")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("epochs", "3"),
        ("epochs", True),
        ("epochs", None),
        ("lr", 0),
        ("lr", -1.0),
        ("lr", math.nan),
        ("lr", math.inf),
        ("lr", "fast"),
        ("lr", True),
        ("dropout", 1.0),
        ("test_fraction", -0.1),
        ("test_fraction", 1),
        ("cell", "LSTM"),
        ("cell", 3),
        ("shuffle", 1),
        ("shuffle", "yes"),
        ("seed", -1),
        ("seed", 2**63),
        pytest.param("epochs", 10**400, id="epochs-huge"),
        pytest.param("lr", 10**400, id="lr-huge"),
        ("data", 7),
        ("data", "a\0b"),
        ("layers", [1]),
        ("hidden_size", 65537),
    ],
)
def test_an_invalid_value_is_refused_with_the_name_of_the_option(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match="--" + name.replace("_", "-")):
        make_config("classify", {name: value})


@pytest.mark.parametrize("value", [[], [0], [1.5], ["a"], 3, "3,4", [True], None])
def test_sizes_must_be_whole_numbers(value: Any) -> None:
    with pytest.raises(OptionError, match="--encoder-sizes"):
        make_config("autoencode", {"encoder_sizes": value})


def test_a_refusal_gives_the_valid_range_and_the_value() -> None:
    with pytest.raises(OptionError, match=r"at least 0 and below 1, got 7"):
        make_config("classify", {"dropout": 7})


@pytest.mark.parametrize("number", [np.int64(3), np.float64(3.0), np.uint8(3), 3.0, 3])
def test_numpy_numbers_become_python_numbers(number: Any) -> None:
    value = make_config("classify", {"epochs": number}).training.epochs
    assert value == 3
    assert type(value) is int


@pytest.mark.parametrize("seed", [2**53 + 1, 2**63 - 1])
def test_every_seed_in_range_is_kept_exactly(seed: int) -> None:
    assert make_config("classify", {"seed": seed}).training.seed == seed
    assert option_of("classify", "seed").parse(str(seed)) == seed


@given(st.integers(1, 10**9))
@settings(max_examples=50)
def test_whole_numbers_parse_to_themselves(number: int) -> None:
    assert option_of("classify", "epochs").parse(str(number)) == number


@given(st.floats(0, 1, exclude_min=True))
@settings(max_examples=50)
def test_numbers_parse_to_themselves(number: float) -> None:
    assert option_of("classify", "lr").parse(repr(number)) == number


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6))
@settings(max_examples=50)
def test_lists_of_sizes_parse_to_themselves(sizes: list[int]) -> None:
    text = ",".join(map(str, sizes))
    assert option_of("autoencode", "encoder_sizes").parse(text) == tuple(sizes)


@given(st.sampled_from(EVERY), st.text(max_size=12))
@settings(max_examples=300)
def test_any_text_is_parsed_or_refused_as_an_option(case: tuple[str, Option], text: str) -> None:
    refused = f"{case[1].flag}: expected"
    try:
        case[1].parse(text)
    except OptionError as error:
        refused = str(error)
    assert refused.startswith(f"{case[1].flag}: expected")
    assert refused.isprintable()


@pytest.mark.parametrize("text", ["++5", "+-5", "--5", "-", "", " ", "5 5", "0x5", "५५५" * 9])
def test_text_that_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--epochs"):
        option_of("classify", "epochs").parse(text)


@pytest.mark.parametrize(
    ("job", "values", "named"),
    [
        ("classify", {"dropout": 0.5}, "--layers"),
        ("classify", {"momentum": 0.9}, "--optimizer sgd"),
        ("classify", {"lr_schedule": "inverse"}, "--hold"),
        ("classify", {"device": "mps", "dtype": "float64"}, "--dtype"),
        ("classify", {"rank": 4}, "--cell fastgrnn"),
        ("classify", {"cell": "gru", "states": 4}, "--cell lru"),
        ("classify", {"cell": "lru", "hidden_size": 1}, "--hidden-size"),
        ("regress", {"cell": "mingru", "ring_max": 0.5}, "--cell lru"),
        ("classify", {"cell": "lru", "ring_min": 0.5, "ring_max": 0.5}, "--ring-max"),
        ("regress", {"shuffle": True}, "--no-stateful"),
        ("regress", {"batch_size": 8}, "--no-stateful"),
        ("regress", {"bidirectional": True}, "--no-stateful"),
    ],
)
def test_options_that_exclude_each_other_are_refused_with_a_hint(
    job: str, values: dict[str, Any], named: str
) -> None:
    with pytest.raises(OptionError, match=named):
        make_config(job, values)


def test_any_batch_size_is_valid_without_a_carried_state() -> None:
    config = make_config("regress", {"stateful": False, "batch_size": 8, "shuffle": True})
    assert config.training.batch_size == 8


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"job": "sort"},
        {"job": ["classify"]},
        {"job": "classify", "extra": {}},
        {"job": "classify", "data": 3},
        {"job": "classify", "data": {"code_size": 3}},
        {"job": "classify", "model": {"hidden_size": "64"}},
        {"job": "classify", "training": {"lr": 10**400}},
    ],
)
def test_an_invalid_stored_config_is_refused_with_the_place(stored: Any) -> None:
    with pytest.raises(OptionError, match=r"^here\.json: "):
        config_from_dict(stored, "here.json")
