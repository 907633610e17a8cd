"""What a page reads of a CSV that is pasted or dropped, run in node."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from hiddenstate.report.html.scripts import joined

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def read(
    text: str, n_features: int, columns: list[str] | None = None, ids: Any = (), decimal: str = "."
) -> Any:
    """Return the series that the page reads, or its error."""
    about = {"columns": columns, "id": list(ids), "decimal": decimal}
    script = (
        joined(["export/html/table.js"])
        + f"\nconst asked = {json.dumps([text, about, n_features])};\nlet found;\n"
        "try { found = readSeries(...asked).map(({ name, series }) => "
        "[name, series.map((step) => [...step])]); } catch (error) { found = error.message; }\n"
        "console.log(JSON.stringify(found));"
    )
    done = subprocess.run(
        ["node", "-"], input=script, capture_output=True, encoding="utf-8", check=True
    )
    return json.loads(done.stdout)


def test_lines_are_steps_of_the_series_that_they_name() -> None:
    text = 'who;"b";note;a\n"x;y";1;"u;v";2\nz;3;w;4\n"x;y";5;;\n'
    expected = [["Your series x;y", [[2, 1], [None, 5]]], ["Your series z", [[4, 3]]]]
    assert read(text, 2, ["a", "b"], ["who"]) == expected


def test_lines_longer_than_a_step_are_series() -> None:
    expected = [["Your series 1", [[1, 2], [3, 4]]], ["Your series 2", [[5, 6], [7, 8]]]]
    assert read("\ufeff1,2,3,4\r\n5,6,7,8\r\n", 2) == expected


def test_columns_of_text_are_left_out() -> None:
    assert read("t,v\nmon,1\ntue,2\n", 1) == [["Your series", [[1], [2]]]]


def test_numbers_are_written_as_in_the_data() -> None:
    assert read("a;b\n1,5;2\n", 2, decimal=",") == [["Your series", [[1.5, 2]]]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there are no lines"),
        ("a,b\n", "there are no numbers"),
        ("a,c\n1,2\n", "no column b; there are a, c"),
        ("a,b\n1,2\n3,x\n", "line 2: expected a number, found x"),
        ("1,2,3\n", "expected 2 columns"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, said: str) -> None:
    assert read(text, 2, ["a", "b"]) == said
