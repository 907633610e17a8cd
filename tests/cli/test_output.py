"""Text from files and names is escaped before it is printed on a terminal."""

import contextlib
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.cli import main
from hiddenstate.cli.output import ReadingNotes, _fitting, fail, note, say, say_json, table
from hiddenstate.cli.progress_bar import ProgressBar
from hiddenstate.cli.runs import _cell as compared_cell
from hiddenstate.cli.tune import _cell as option_cell
from hiddenstate.config import make_config
from hiddenstate.data import read_data
from hiddenstate.jobs.lines import _of_members
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.system.reading_progress import report_read, watched
from tests.conftest import EVIL, QUIET, Cli


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def printed_on_terminal(monkeypatch: pytest.MonkeyPatch, print_lines: Callable[[], None]) -> str:
    """What `print_lines` prints on a terminal."""
    monkeypatch.setenv("TERM", "dumb")  # no colour codes of our own in the output
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        print_lines()
    return stream.getvalue()


def test_cells_and_heads_of_a_table_are_escaped_on_a_terminal(monkeypatch) -> None:
    output = printed_on_terminal(
        monkeypatch, lambda: table([EVIL, "x"], [["[bold]x", EVIL], [EVIL, "1"]])
    )
    assert output.replace("\n", "").isprintable()
    assert len(output.splitlines()) == 3
    assert output.count(r"evil\n\x1b[31m\u202e<b>") == 3
    assert "[bold]x" in output


def test_cells_and_heads_of_a_table_are_escaped_in_a_pipe(capsys) -> None:
    table([EVIL, "x"], [["a\tb", EVIL]])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        r"evil\n\x1b[31m\u202e<b>" + "\tx",
        r"a\tb" + "\t" + r"evil\n\x1b[31m\u202e<b>",
    ]


def test_lines_above_a_progress_bar_are_escaped() -> None:
    stream = Terminal()
    ProgressBar(stream).say(EVIL)
    assert r"evil\n\x1b[31m\u202e<b>" in stream.getvalue()


@pytest.mark.parametrize(
    ("print_lines", "before"), [(say, ""), (note, ""), (lambda line: fail(line, 2), "error: ")]
)
def test_lines_are_escaped(print_lines, before, monkeypatch) -> None:
    output = printed_on_terminal(monkeypatch, lambda: print_lines(EVIL))
    assert output == before + r"evil\n\x1b[31m\u202e<b>" + "\n"


# --- data for other programs


def test_json_keeps_names_unchanged(capsys) -> None:
    say_json({EVIL: [EVIL], "not UTF-8": "\udcff"})
    assert json.loads(capsys.readouterr().out) == {EVIL: [EVIL], "not UTF-8": "\udcff"}


def test_the_lists_of_runs_keep_names_in_json_and_escape_them_in_tables(
    cli: Cli, tmp_path: Path
) -> None:
    np.savez(tmp_path / f"{EVIL[:12]}.npz", X=np.ones((12, 3)), y=np.arange(12) % 2)
    for _ in range(2):
        cli("classify", tmp_path / f"{EVIL[:12]}.npz", "--max-steps", 2, *QUIET)
    (tmp_path / "runs" / "classify-1").rename(tmp_path / "runs" / EVIL)
    listed = json.loads(cli("runs", "--json").out)["runs"]
    assert EVIL in [run["run"] for run in listed]
    assert {run["data"] for run in listed} == {f"{EVIL[:12]}.npz"}
    compared = json.loads(cli("compare", EVIL, "classify-2", "--json").out)
    assert compared["runs"] == [f"runs/{EVIL}", "runs/classify-2"]
    for command in (["runs"], ["compare", EVIL, "classify-2"]):
        text = cli(*command).out
        assert all(line.replace("\t", "").isprintable() for line in text.splitlines())
        assert r"evil\n\x1b[31m" in text


LABELS = [EVIL, 'a "quoted", b', "c"]


@pytest.fixture
def predicting(tmp_path: Path) -> list[Any]:
    """The command that predicts probabilities of three classes with unusual labels."""
    net = Net("classify", make_config("classify", {"hidden_size": 4}).model, 5, 3)
    path = tmp_path / "model.safetensors"
    FittedModel(net, net.initial(0, "float32"), LABELS, (7, 5)).save(path)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(6, 7, 5)))
    return ["predict", path, tmp_path / "x.npy", "--proba", "--threads", 1]


def test_predictions_in_a_pipe_keep_names_as_csv_or_json(predicting: list[Any], cli: Cli) -> None:
    table = list(csv.reader(io.StringIO(cli(*predicting).out, newline="")))
    rows = json.loads(cli(*predicting, "--format", "json").out)
    assert table[0] == list(rows[0])
    assert all(any(label in name for name in table[0]) for label in LABELS)
    assert len(table) == 1 + len(rows) == 7
    assert {label for row in table[1:] for label in row} & set(LABELS)


def test_predictions_on_a_terminal_escape_names(
    predicting: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict() -> None:
        with pytest.raises(SystemExit):
            main([str(argument) for argument in predicting])

    output = printed_on_terminal(monkeypatch, predict)
    assert output.replace("\n", "").isprintable()
    assert "\\x1b[31m" in output


def test_long_reads_are_reported_and_short_ones_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0, 1, 3.5, 4, 14, 30, 31, 31.5])
    with watched(ReadingNotes(lambda: next(times))):
        for done in (1, 2, 3, 4, 5):
            report_read("a.csv", done, 10)
        report_read("a.csv", 10, 10)
        report_read("b.csv", 0, 0)
        report_read("b.csv", 1, 10)
    report_read("c.csv", 1, 10)  # nobody watches
    assert capsys.readouterr().err == "reading a.csv: 30%\nreading a.csv: 50%\n"


def test_readers_report_how_much_they_have_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hiddenstate.data.readers.text_lines.BLOCK", 200)
    path = tmp_path / "t.csv"
    path.write_text("a,label\n" + "1,u\n2,v\n" * 200)
    shares: list[float] = []
    with watched(lambda name, share: shares.append(share)):
        read_data(path)
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_numbers_from_a_thousand_on_are_written_as_in_tables_and_pages():
    of_run = {"test_mse": 180600.4, "test_mse_low": 1806.2, "test_mse_high": 2e5}
    assert compared_cell("test_mse", of_run) == "180,600 (1,806 to 200,000)"
    assert option_cell(1806.2) == "1,806"
    assert _of_members({"members_low": 0.25, "members_high": 1806.2}).endswith("0.25 to 1,806")


def test_lines_of_a_table_break_between_words() -> None:
    head = ["ahead", "forecasts", "hiddenstate", *("value 364 steps ago",) * 4, "within 80 %"]
    row = ["1", "100", *("0.868 (1000.5)",) * 5, "81.0 %"]
    words = {*" ".join(head).split(), *" ".join(row).split()}
    for width in (90, 80, 66, 62):
        names, widths, gap = _fitting(head, [row], width)
        assert sum(n or width for n in widths) + gap * (len(head) - 1) <= width
        for name, cell, own in zip(names, row, widths, strict=True):
            assert max(map(len, f"{name} {cell}".split())) <= (own or 0)
        assert {*" ".join(names).split()} <= words or width < 80
        assert (names == head) == (width >= 80)
    assert _fitting(head, [row], 40)[1] == [None] * len(head)
