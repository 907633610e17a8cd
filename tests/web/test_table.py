"""What a page reads of a CSV that is pasted or dropped, run in node."""

import json
import shutil
from importlib.resources import files
from typing import Any

import pytest

from hiddenstate.web.joining import joined, ordered
from tests.export.scripts import answer_of_node

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


AB = ["a", "b"]
COMPLETE = {"preparation": {"missing": "error"}}
MISSING = "line 3, column b: missing or not finite; the model was trained without missing values"
MARK = (
    "line 2, column b: expected a number, found 2,5; the decimal mark of the training file is '.'"
)

READ: list[tuple[str, list[str] | None, dict[str, Any], Any]] = [
    # Lines are steps of the series that they name, or series if they are longer than a step.
    (
        'who;"b";note;a\n"x;y";1;"u;v";2\nz;3;w;4\n"x;y";5;;\n',
        *(AB, {"id": ["who"], "delimiter": ";"}),
        [["Your series x;y", [[2, 1], [None, 5]]], ["Your series z", [[4, 3]]]],
    ),
    (
        *("\ufeff1,2,3,4\r\n5,6,7,8\r\n", None, {}),
        [["Your series 1", [[1, 2], [3, 4]]], ["Your series 2", [[5, 6], [7, 8]]]],
    ),
    (
        *("a,b\n1,2\n3,4\n", AB, {"rows_are_series": True, "n_steps": 1}),
        [["Your series 1", [[1, 2]]], ["Your series 2", [[3, 4]]]],
    ),
    ("1,5;2\n", None, {"decimal": ","}, [["Your series", [[1.5, 2]]]]),
    # What cannot be read is named.
    ("a,b\n1,2\n3,\n", AB, COMPLETE, MISSING),
    ("a,b\n1,2\n3,inf\n", AB, COMPLETE, MISSING),
    ("", AB, {}, "there are no lines"),
    ("a,b\n", AB, {}, "there are no numbers"),
    ("a,c\n1,2\n", AB, {}, "no column b; there are a, c"),
    ("a,b\n1,2\n\n3,x\n", AB, {}, "line 4, column b: expected a number, found x"),
    ('a,b\n1,"2,5"\n', AB, {}, MARK),
    ("a,b\n1,2\n3\n", AB, {}, "line 3: expected 2 columns as in the first line, found 1"),
    ("a,b,a\n1,2,3\n", AB, {}, "line 1: two columns are named a"),
    ("1,2,3\n", AB, {}, "expected 2 columns, or a header; found 3"),
    ("a;b\n1;2\n", AB, {}, "columns are separated by ';', not by ',' as in the training file"),
    (
        *("a,b\n1,\u202ex\x1b\n", AB, {}),
        "line 2, column b: expected a number, found \\u{202e}x\\u{1b}",
    ),
]
"""Texts of two features, the columns, what else is known, and the series or the error."""


def test_series_are_read_and_what_cannot_be_read_is_named() -> None:
    about = {"id": [], "decimal": "."}
    asked = [[text, {"columns": names, **about, **more}, 2] for text, names, more, _ in READ]
    script = (
        joined(ordered(["web/table.js"]))
        + f"\nconst found = {json.dumps(asked)}.map((asked) => {{ try {{ return "
        "readSeries(...asked).map(({ name, series }) => [name, series.map((step) => [...step])]); }"
        " catch (error) { return error.message; } });\nconsole.log(JSON.stringify(found));"
    )
    assert answer_of_node(script) == [expected for *_, expected in READ]


def said_of(script: str) -> Any:
    """Return what a page says last, after a script that uses what is stubbed here."""
    page = (
        "let said = null;\nconst uses = {};\nconst complain = (text) => { said = text; };\n"
        "const ABOUT = { encoding: 'latin-1' };\nconst document = { addEventListener() {} };\n"
        "const byId = (id) => ({ value: '1,2', addEventListener(_, f) { uses[id] = f; } });\n"
    )
    texts = files("hiddenstate.export.html").joinpath("texts.js").read_text("utf-8")
    texts = "\n".join(line for line in texts.splitlines() if not line.startswith("import"))
    code = joined(ordered(["web/text_input.js"])) + texts.replace("export ", "")
    script = f"{page}{code}\n(async () => {{ {script}\nconsole.log(JSON.stringify(said)); }})();"
    return answer_of_node(script)


def test_what_the_model_says_of_rows_stays() -> None:
    assert said_of("takeTexts('', () => complain('cannot read')); uses.use();") == "cannot read"
    assert said_of("takeTexts('', () => {}); said = 'before'; uses.use();") == ""


def test_a_file_is_read_in_the_encoding_of_the_training_file() -> None:
    assert said_of("said = await textOf(new Blob([Uint8Array.of(228)]), 'latin-1');") == "ä"
    wrong = "await textOf(new Blob([Uint8Array.of(228)]), 'utf-8').catch(() => { said = 'no'; });"
    assert said_of(wrong) == "no"
