"""The kinds of augmentation are read and written as options."""

import pytest

from hiddenstate.config.augment_kinds import kinds_as_values, parse_kinds
from hiddenstate.errors import OptionError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["blur"], "expected none, auto or some of mix"),
        (["mix:2"], "mix: expected a strength above 0 and at most 1, got 2"),
        (["warp:a"], "warp: expected a strength"),
        (["warp", "warp:0.1"], "warp is given twice"),
        (["auto", "mix"], "auto stands alone"),
    ],
)
def test_kinds_that_are_refused(values, message):
    with pytest.raises(OptionError, match=message):
        parse_kinds(values)


def test_kinds_are_read_as_they_are_written():
    kinds = parse_kinds(["jitter:0.2, mix"])
    assert kinds == {"mix": 0.5, "jitter": 0.2}
    assert kinds_as_values(kinds) == ("mix", "jitter:0.2")
    assert parse_kinds(kinds_as_values(kinds)) == kinds
