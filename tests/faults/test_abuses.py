"""Abuses end with the right answer or in one line; the judge detects every other end."""

import contextlib
import io
import os
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from tools.stress.abuses import ABUSES, abuses, refusals, snippet
from tools.stress.abuses.harness import HUNG, Abuse, Base, Done, judge, try_abuse
from tools.stress.abuses.sound import make_base, predicts

from tests.conftest import answer_to

BY_NAME = {abuse.name: abuse for abuse in ABUSES}

FIXED = (
    "table: three kinds of line ends",
    "table: a line of delimiters alone is a row",
    "number: thirty digits",
    "labels: line separators of Unicode",
    "labels: 64-bit numbers that floats confuse",
    "series: rows of all series interleaved",
    "times: time zones of one instant order",
    "array: Fortran order",
    "image: rotated by its EXIF data",
    "parquet: decimals",
    "folder: idx files beside notes and hidden files",
    "python: a masked array with masks is refused, or its masks are missing values",
    "python: strided views",
    "lines: keys in another order in each line",
    "workbook: a dimension that claims all cells",
    "sound: a size of a stream that never ended",
    "dates: month first, named",
    "forecast: newest first",
    "around: a step that fails leaves a stream as it was",
)


def in_process(line: str, folder: Path, megabytes: int) -> Done:
    """Run a line of one command, or a snippet, in this process."""
    words, before = shlex.split(line), Path.cwd()
    os.chdir(folder)
    try:
        if words[0] == "hiddenstate":
            return Done(*answer_to(*words[1:]), folder)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = snippet.main(folder.parent / "snippet.py")
        return Done(code, out.getvalue(), err.getvalue(), folder)
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return make_base(tmp_path_factory.mktemp("abuses") / "base", in_process)


@pytest.mark.parametrize("name", FIXED)
def test_an_abuse_gives_the_right_answer_or_one_line(name: str, base: Base) -> None:
    assert try_abuse(BY_NAME[name], base)[1] == []


@pytest.mark.parametrize("area", sorted({abuse.area for abuse in refusals()}))
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(area: str, base: Base) -> None:
    found = [(a.name, try_abuse(a, base)[1]) for a in refusals() if a.area == area]
    wrong = [f"{name}: {faults}" for name, faults in found if faults]
    assert not wrong, "\n".join(wrong)


def test_there_are_thousands_of_abuses_in_all_areas() -> None:
    assert len(BY_NAME) == len(ABUSES) > 2000
    areas = {"table", "array", "option", "environment", "output", "run", "at once", "python"}
    assert areas <= {abuse.area for abuse in ABUSES}
    assert all(set(abuse.ends) <= {0, 2, 3, 4, 5, 130, 141, 143} for abuse in ABUSES)


# --- the judge

SOUND = Abuse("x: refused", "hiddenstate predict m.safetensors d.csv", ends=(2,), says="d.csv:4")
ERROR = "error: d.csv:4:b: 'x' is not a number\n"


def test_one_line_that_names_the_place_is_no_finding(tmp_path: Path) -> None:
    assert judge(SOUND, Done(2, "", ERROR, tmp_path)) == []


@pytest.mark.parametrize(
    ("code", "out", "err", "finding"),
    [
        (0, "row,label\n", "", "ended with 0, expected 2"),
        (1, "", ERROR, "ended with 1, expected 2"),
        (3, "", ERROR, "ended with 3, expected 2"),
        (-11, "", "Segmentation fault\n", "ended with -11"),
        (HUNG, "", "", "hangs"),
        (2, "", f"Traceback (most recent call last):\n{ERROR}", "prints 'Traceback'"),
        (2, "", "error: internal error: KeyError\n", "prints 'internal error'"),
        (2, "", ERROR * 2, "2 errors"),
        (2, "", f"error: d.csv:4{'x' * 500}\n", "an error of 5"),
        (2, "", "error: d.csv:4 \x1b[31m\n", "unprintable"),
        (2, "", "wrong\n", "no line starts with error"),
        (2, "", "error: something went wrong\n", "does not say 'd.csv:4'"),
    ],
)
def test_another_end_is_a_finding(
    code: int, out: str, err: str, finding: str, tmp_path: Path
) -> None:
    assert any(finding in fault for fault in judge(SOUND, Done(code, out, err, tmp_path)))


def test_an_error_that_names_nothing_is_a_finding(tmp_path: Path) -> None:
    silent = replace(SOUND, says="")
    assert judge(silent, Done(2, "", ERROR, tmp_path)) == []
    faults = judge(silent, Done(2, "", "error: bad input\n", tmp_path))
    assert "names no file, option or column" in faults[0]


def test_what_a_command_leaves_or_changes_is_a_finding(tmp_path: Path) -> None:
    def careless(line: str, folder: Path, megabytes: int) -> Done:
        (folder / "runs").mkdir()
        (folder / "d.csv").write_text("gone")
        (folder / "other.csv").unlink()
        (folder.parent / "tmp" / "rest").write_text("")
        return Done(2, "", ERROR, folder)

    abuse = replace(SOUND, files={"d.csv": "a\n", "other.csv": "b\n"})
    faults = try_abuse(abuse, Base(tmp_path, careless))[1]
    assert faults == [
        "changed: d.csv",
        "gone: other.csv",
        "left behind: runs",
        "left in TMPDIR: rest",
    ]
    allowed = replace(abuse, keeps=("runs", "d.csv", "other.csv"))
    assert try_abuse(allowed, Base(tmp_path, careless))[1] == ["left in TMPDIR: rest"]


def test_a_wrong_answer_is_a_finding(tmp_path: Path) -> None:
    def wrong(line: str, folder: Path, megabytes: int) -> Done:
        rows = "0,p\n1,q\n" if "clean.csv" in line else answers.pop()
        return Done(0, "row,label\n" + rows, "", folder)

    abuse = predicts("x: read", "a,b,c\n1,2,3\n4,5,6\n")
    answers = ["0,p\n1,q\n", "0,p\n", "0,p\n1,p\n"]
    ends = [try_abuse(abuse, Base(tmp_path, wrong))[1] for _ in range(3)]
    assert ends[0][0].startswith("wrong answer: line 3 is '1,p', expected '1,q'")
    assert ends[1:] == [["wrong answer: 2 lines, expected 3"], []]


def test_an_assertion_that_fails_in_python_is_a_finding(tmp_path: Path) -> None:
    for code, finding in (
        ("assert True", ""),
        ("x = 1\nassert x == 2", "the assertion in line 2 fails"),
        ("raise ValueError('mine')", "ended with 2"),
    ):
        abuse = Abuse("x: python", "python ../snippet.py", snippet=code)
        faults = try_abuse(abuse, Base(tmp_path, in_process))[1]
        assert finding in faults[0] if finding else faults == []
    with pytest.raises(KeyError):  # a defect: its traceback ends the process
        try_abuse(replace(abuse, snippet="{}[1]"), Base(tmp_path, in_process))


def test_findings_are_counted_by_abuse(tmp_path: Path) -> None:
    def failing(line: str, folder: Path, megabytes: int) -> Done:
        return Done(2, "", ERROR, folder)

    chosen = [SOUND, replace(SOUND, name="x: answered", ends=(0,))]
    outcome = abuses(tmp_path, chosen, Base(tmp_path, failing))
    assert (outcome.done, outcome.counts["refused"], len(outcome.findings)) == (2, 2, 1)
    assert outcome.findings[0].startswith("x: answered: ended with 2, expected 0")
