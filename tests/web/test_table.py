"""What a page reads of a CSV that is pasted or dropped, run in node."""

import json
import shutil
from importlib.resources import files
from typing import Any

import pytest

from hiddenstate.web.joining import joined
from tests.export.scripts import answer_of_node

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def read(text: str, n_features: int, columns: list[str] | None = None, **more: Any) -> Any:
    """Return the series that the page reads, or its error."""
    about = {"columns": columns, "id": [], "decimal": ".", **more}
    script = (
        joined(["web/table.js"])
        + f"\nconst asked = {json.dumps([text, about, n_features])};\nlet found;\n"
        "try { found = readSeries(...asked).map(({ name, series }) => "
        "[name, series.map((step) => [...step])]); } catch (error) { found = error.message; }\n"
        "console.log(JSON.stringify(found));"
    )
    return answer_of_node(script)


def test_lines_are_steps_of_the_series_that_they_name() -> None:
    text = 'who;"b";note;a\n"x;y";1;"u;v";2\nz;3;w;4\n"x;y";5;;\n'
    expected = [["Your series x;y", [[2, 1], [None, 5]]], ["Your series z", [[4, 3]]]]
    assert read(text, 2, ["a", "b"], id=["who"], delimiter=";") == expected


def test_lines_longer_than_a_step_are_series() -> None:
    expected = [["Your series 1", [[1, 2], [3, 4]]], ["Your series 2", [[5, 6], [7, 8]]]]
    assert read("\ufeff1,2,3,4\r\n5,6,7,8\r\n", 2) == expected


def test_lines_are_rows_where_a_series_has_one_step() -> None:
    expected = [["Your series 1", [[1, 2]]], ["Your series 2", [[3, 4]]]]
    assert read("a,b\n1,2\n3,4\n", 2, ["a", "b"], rows_are_series=True, n_steps=1) == expected


def test_numbers_are_written_as_in_the_data() -> None:
    assert read("1,5;2\n", 2, decimal=",") == [["Your series", [[1.5, 2]]]]


def test_a_cell_that_must_not_be_missing_is_named() -> None:
    complete = {"preparation": {"missing": "error"}}
    said = "line 3, column b: missing or not finite; the model was trained without missing values"
    assert read("a,b\n1,2\n3,\n", 2, ["a", "b"], **complete) == said
    assert read("a,b\n1,2\n3,inf\n", 2, ["a", "b"], **complete) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there are no lines"),
        ("a,b\n", "there are no numbers"),
        ("a,c\n1,2\n", "no column b; there are a, c"),
        ("a,b\n1,2\n\n3,x\n", "line 4, column b: expected a number, found x"),
        (
            'a,b\n1,"2,5"\n',
            "line 2, column b: expected a number, found 2,5; the decimal mark of the training file "
            "is '.'",
        ),
        ("a,b\n1,2\n3\n", "line 3: expected 2 columns as in the first line, found 1"),
        ("a,b,a\n1,2,3\n", "line 1: two columns are named a"),
        ("1,2,3\n", "expected 2 columns, or a header; found 3"),
        ("a;b\n1;2\n", "columns are separated by ';', not by ',' as in the training file"),
        ("a,b\n1,\u202ex\x1b\n", "line 2, column b: expected a number, found \\u{202e}x\\u{1b}"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, said: str) -> None:
    assert read(text, 2, ["a", "b"]) == said


def said_of(script: str) -> Any:
    """Return what a page says last, after a script that uses what is stubbed here."""
    page = (
        "let said = null;\nconst uses = {};\nconst complain = (text) => { said = text; };\n"
        "const ABOUT = { encoding: 'latin-1' };\nconst document = { addEventListener() {} };\n"
        "const byId = (id) => ({ value: '1,2', addEventListener(_, f) { uses[id] = f; } });\n"
    )
    texts = files("hiddenstate.export.html").joinpath("texts.js").read_text("utf-8")
    texts = "\n".join(line for line in texts.splitlines() if not line.startswith("import"))
    code = joined(["web/table.js", "web/text_input.js"]) + texts.replace("export ", "")
    script = f"{page}{code}\n(async () => {{ {script}\nconsole.log(JSON.stringify(said)); }})();"
    return answer_of_node(script)


def test_what_the_model_says_of_rows_stays() -> None:
    assert said_of("takeTexts('', () => complain('cannot read')); uses.use();") == "cannot read"
    assert said_of("takeTexts('', () => {}); said = 'before'; uses.use();") == ""


def test_a_file_is_read_in_the_encoding_of_the_training_file() -> None:
    assert said_of("said = await textOf(new Blob([Uint8Array.of(228)]), 'latin-1');") == "ä"
    wrong = "await textOf(new Blob([Uint8Array.of(228)]), 'utf-8').catch(() => { said = 'no'; });"
    assert said_of(wrong) == "no"
