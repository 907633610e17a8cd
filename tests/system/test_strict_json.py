"""JSON is read strictly, and written so that it is read as it was."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.system.strict_json import canonical_json, parse_json


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":1}', "NaN", "Infinity", "-Infinity", "[", "", "[" * 9999]
)
def test_strict_json_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_json(text)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
@settings(max_examples=60)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert parse_json(canonical_json(value)) == value
