"""The docstrings of the estimators name every parameter and fitted attribute."""

import inspect

import pytest

from hiddenstate.config import job_options
from hiddenstate.config.option import Option
from hiddenstate.estimators.options import LEFT_OUT
from tests.estimators.test_estimators import FITTED, KINDS

OWN_TYPES = {
    "random_state": "int in [0, 2**63 - 1], RandomState or None",
    "class_weight": "{'none', 'balanced'}, dict or None",
    "weights": "str, path-like or None",
    "teacher": "estimator, array-like, str, path-like or None",
    "recipe": "{'auto'} or None",
    "last_target": "bool",
    "verbose": "int in [0, inf)",
    "future": "sequence of str or int, or None",
    "static": "sequence of str or int, or None",
    "season": "int, tuple of int, 'none' or None",
    "input": "sequence of str or int, or None",
    "time": "str or None",
    "id": "str, sequence of str or None",
    "every": "str or None",
    "calendar": "str, sequence of str or None",
    "augment": "str or tuple of str",
    "quantile": "float or tuple of float in (0, 1)",
}
"""Parameters that take more than the option of the commands does."""


def number(value: float) -> str:
    if not isinstance(value, int):
        return f"{value:g}"
    return f"{value:_}" if value >= 10_000 else f"{value}"


def interval(option: Option) -> str:
    """The range of a number in mathematical notation, [0, 1)."""
    low = f"({number(option.above)}" if option.above is not None else f"[{number(option.low)}"
    if option.high is not None:
        return f"{low}, {number(option.high)}]"
    return f"{low}, inf)" if option.below is None else f"{low}, {number(option.below)})"


def documented_type(job: str, name: str, options: dict[str, Option], default: object) -> str:
    """How a docstring states what a parameter takes."""
    if name in OWN_TYPES:
        return OWN_TYPES[name]
    option = options[name]
    if option.choices:
        choices = [c for c in option.choices if c not in LEFT_OUT.get((job, name), ())]
        if isinstance(default, str) and default not in choices:  # lr_schedule="auto"
            choices.insert(0, default)
        kind = "{" + ", ".join(map(repr, choices)) + "}"
    elif option.kind is bool:
        kind = "bool"
    else:
        noun = "tuple of int" if option.kind is tuple else option.kind.__name__
        kind = f"{noun} in {interval(option)}" + " or 'auto'" * (job in option.auto)
    return f"{kind} or None" if default is None or option.optional else kind


@pytest.mark.parametrize("job", KINDS)
def test_every_parameter_is_documented_with_its_type_range_and_default(job):
    options = {option.name: option for _, option in job_options(job)}
    parameters = inspect.signature(KINDS[job]).parameters
    expected = [
        f"{name} : {documented_type(job, name, options, default)}, default={default!r}"
        for name, default in ((name, p.default) for name, p in parameters.items())
    ]
    section = inspect.getdoc(KINDS[job]).split("Parameters\n----------\n")[1].split("\n\n")[0]
    assert [line for line in section.splitlines() if not line.startswith(" ")] == expected


@pytest.mark.parametrize("job", KINDS)
def test_the_range_of_the_seed_is_that_of_the_option(job):
    seed = next(option for _, option in job_options(job) if option.name == "seed")
    assert (seed.low, seed.high) == (0, 2**63 - 1)


@pytest.mark.parametrize("job", KINDS)
def test_every_attribute_is_documented(job):
    section = inspect.getdoc(KINDS[job]).split("Attributes\n----------\n")[1].split("\n\n")[0]
    documented = {line.split(" : ")[0] for line in section.splitlines() if line[0] != " "}
    fitted = {name for name in vars(FITTED[job]()) if name.endswith("_") and name[0] != "_"}
    computed = set() if job == "autoencode" else {"answered_by_", "drifts_"}
    assert documented == fitted | computed | {"feature_names_in_"}
