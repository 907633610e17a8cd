"""Strange names in data are escaped wherever they are printed."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import EVIL, QUIET, Cli, Refuse

TINY = ("--hidden-size", 2, "--max-steps", 2, *QUIET)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder of six grey images in two classes."""
    for k in range(6):
        path = tmp_path / "pets" / ("cat", "dog")[k % 2] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5), 40 * k, np.uint8)).save(path)
    return tmp_path / "pets"


def evil_table(path: Path, column: str = "b", label: str = "p", series: str = "s") -> Path:
    """A long table with these names of a column, labels and series."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "time", "a", column, "label"])
        writer.writerows(
            [f"{series}{s}", t, s + t, t / 4, (label, "other")[s % 2]]
            for s in range(10)
            for t in range(3)
        )
    return path


STRANGE = [EVIL, "<script>alert(1)</script>", "x" * 255, "\u202eabc", "é\x85\u2028"]


@pytest.mark.parametrize("name", STRANGE, ids=["evil", "script", "long", "right-to-left", "lines"])
def test_strange_names_of_columns_labels_and_series_are_escaped(
    cli: Cli, tmp_path: Path, name: str
) -> None:
    path = evil_table(tmp_path / "t.csv", f"b{name}", f"p{name}", f"s{name}")
    for command in (
        ("classify", path, *TINY),
        ("evaluate", "last", path),
        ("inspect", "last"),
        ("runs",),
        ("compare", "last", "classify-1"),
    ):
        answer = cli(*command)
        assert "Traceback" not in answer.err
        assert answer.code in (0, 2), answer
        for line in (answer.out + answer.err).split("\n"):
            assert line.replace("\t", "").isprintable(), line


def test_strange_names_in_refusals_of_tables_are_escaped(refuse: Refuse, tmp_path: Path) -> None:
    path = evil_table(tmp_path / "t.csv", EVIL)
    shown = "evil\\n\\x1b[31m\\u202e<b>"
    assert shown in refuse(2, "classify", path, "--label", "absent")
    assert shown in refuse(2, "classify", path, "--label", EVIL + "2")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("s1,1,2,", "s1,1,oops,"), encoding="utf-8")
    assert ":a: 'oops' is not a number" in refuse(2, "classify", path)
    path.write_text(text.replace("s1,1,2,0.25", "s1,1,2,oops"), encoding="utf-8")
    assert f":{shown}: 'oops' is not a number" in refuse(2, "classify", path)
    path = evil_table(tmp_path / "t.csv", label=EVIL)
    path.write_text(path.read_text(encoding="utf-8").replace("s0,1", "s1,7"), encoding="utf-8")
    assert "series s1 has" in refuse(2, "classify", path)
    path = evil_table(tmp_path / "t.csv", label=EVIL)
    other = evil_table(tmp_path / "test.csv", label=EVIL + "2")
    assert f"has label {shown}2" in refuse(2, "classify", path, "--test", other)


@pytest.mark.parametrize("name", [EVIL, "x" * 200, "\u202eabc", "<script>"])
def test_strange_names_of_classes_and_images_are_escaped(
    refuse: Refuse, cli: Cli, pets: Path, name: str
) -> None:
    (pets / "cat").rename(pets / name)
    for command in (("classify", pets, *TINY), ("evaluate", "last", pets)):
        answer = cli(*command)
        assert answer.code == 0, answer
        for line in (answer.out + answer.err).split("\n"):
            assert line.replace("\t", "").isprintable(), line
    (pets / name / f"{name}.png").write_bytes(b"x")
    assert ": not an image" in refuse(2, "classify", pets)
