"""Errors that a caller in Python reads name parameters."""

import pytest

from hiddenstate.config.parameters import errors_for_python
from hiddenstate.errors import OptionError


@pytest.mark.parametrize(
    ("command", "python"),
    [
        ("--device cpu", "device='cpu'"),
        ("--no-stateful", "stateful=False"),
        ("--stateful: add --stateful", "stateful: add stateful=True"),
        ("--seed 3", "random_state=3"),
        ("--to rtneural: no RNN; use --to c", "to='rtneural': no RNN; use to='c'"),
        ("--to: unknown target", "to: unknown target"),
        ("--weights float16: too coarse", "weights='float16': too coarse"),
        ("add --force to replace it", "add force=True to replace it"),
        ("`hiddenstate export m --to c`", "`hiddenstate export m --to c`"),
        ("t.csv:2:x: '--no-data' (--every day)", "t.csv:2:x: '--no-data' (every='day')"),
    ],
)
def test_an_option_of_a_command_is_a_parameter_in_python(command, python):
    with pytest.raises(OptionError) as caught, errors_for_python():
        raise OptionError(command)
    assert str(caught.value) == python
