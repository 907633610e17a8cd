"""The examples run as they stand, from another folder, and leave what they say and nothing else."""

import base64
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import hiddenstate
from tests import warm
from tests.scale.postgres import new_database, server

__all__ = ["new_database", "server"]

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
BOOKS = [EXAMPLES / "who_speaks.ipynb", EXAMPLES / "forecast.ipynb"]
"""Notebooks that are kept with their outputs; tests/live runs `watch.ipynb`, which has none."""

LARGEST_PICTURE = 150_000
NUMBER = re.compile(r"\d+\.?\d*")
RUN = subprocess.run


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs an example with the folder `made` in an empty one, and returns what it printed."""

    def start(name):
        monkeypatch.chdir(tmp_path)
        path = str(EXAMPLES / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [path, "made"])
        try:
            runpy.run_path(path, run_name="__main__")
        finally:
            printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out

    return start


def made(tmp_path):
    """The names of what an example left in its folder, which is all it may write to."""
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    for path in (tmp_path / "made").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    return {path.name for path in (tmp_path / "made").iterdir()}


def number_after(words, printed):
    """The number that stands after these words."""
    (found,) = re.findall(rf"{re.escape(words)}\s*([\d.e-]+)", printed)
    return float(found)


def needs(package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def test_every_example_is_in_the_list_of_the_folder():
    listed = re.findall(r"^\| \[(\w+\.\w+)\]\(\1\)", (EXAMPLES / "README.md").read_text(), re.M)
    assert sorted(listed) == sorted(p.name for p in (*SCRIPTS, *EXAMPLES.glob("*.ipynb")))


def test_digits_are_classified_kept_and_exported(run, tmp_path):
    printed = run("classify_digits")
    assert number_after("test accuracy after 938 updates:", printed) > 0.94
    assert "your digit: 7," in printed
    assert made(tmp_path) == {"decision.png", "digits.safetensors", "digits.html", "digits.json"}


def test_a_sine_becomes_a_cosine(run, tmp_path):
    assert number_after("R2 after 100 windows:", run("sine_to_cosine")) > 0.98
    assert made(tmp_path) == {"sine_to_cosine.png"}


def test_digits_become_codes(run, tmp_path):
    assert number_after("a test pixel after 1876 updates:", run("digit_codes")) < 0.045
    assert made(tmp_path) == {"digit_codes.png", "digits_rebuilt.png"}


@pytest.mark.series
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_program_in_c_answers_as_python_does(run, tmp_path, monkeypatch):
    """Without a compiler a line says so; a second start replaces the files of the first."""
    needs("aeon")
    with monkeypatch.context() as without:
        without.setattr(shutil, "which", lambda name, path=None: None)
        with pytest.raises(SystemExit, match=r"^no C compiler \(cc, gcc or clang\).*not built$"):
            run("motion_on_device")
    assert made(tmp_path) == {"motion.h", "motion.json"}
    printed = run("motion_on_device")
    assert number_after("answers from those of Python:", printed) < 1e-5
    assert number_after("right after 10 s:", printed) >= 85
    assert made(tmp_path) == {"motion", "motion.h", "motion.json"}


def forked(words, cwd=None, **options):
    """`subprocess.run`, for commands of this Python in a moment."""
    if words[0] != sys.executable:
        return RUN(words, cwd=cwd, **options)
    done = warm.run(words[1:], Path(cwd).resolve())
    done.check_returncode()
    return done


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_program_in_c_sounds_as_predict_does(run, tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", forked)
    printed = run("amplifier")
    assert number_after("error-to-signal ratio:", printed) < 0.01
    assert number_after("in steps of 16 bits:", printed) <= 1
    sounds = {f"{name}.wav" for name in ("dry", "wet", "new", "amplified", "from_c")}
    assert made(tmp_path) == {*sounds, "amp", "amp.h", "amp.nam", "amp.json", "amplifier"}


def test_a_net_in_integers_answers_on_an_emulated_chip(run, tmp_path, monkeypatch):
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    monkeypatch.setattr(subprocess, "run", forked)
    printed = run("gestures_on_chip")
    assert "the class that predict gives: 30 of 30 gestures" in printed
    assert number_after("largest difference of a probability:", printed) < 2e-6
    tables = {"gestures.csv", "new.csv", "predicted.csv"}
    assert made(tmp_path) == {*tables, "gestures", "gestures.h", "gestures.json", "gestures.elf"}


FORKING = """
import multiprocessing, runpy, sys
from tests import warm
multiprocessing.get_context = lambda method=None: warm.FORKS
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def test_two_workers_search_with_a_study_in_postgresql(tmp_path, server, new_database):
    """With workers that are forks: tests/scale starts processes of a new Python."""
    url, here = new_database(), str(Path(__file__).parents[2])
    done = warm.run(
        ["-c", FORKING, str(EXAMPLES / "search_options.py"), "made"],
        tmp_path,
        os.environ | {"HIDDENSTATE_STORAGE": url, "PYTHONPATH": here},
    )
    assert done.returncode == 0, done.stderr
    ended = re.findall(r"^trial (\d): (?:done|pruned), ", done.stderr, re.M)
    assert sorted(ended) == list("01234567")
    assert number_after("trained again on all rows:", done.stdout) > 0.85
    assert "SQLite" not in done.stdout
    assert made(tmp_path) == {"digits-search"}
    names = {path.name for path in (tmp_path / "made" / "digits-search").iterdir()}
    assert names == {"study.json", "workers", *(f"trial-000{i}" for i in range(8))}
    counted = "SELECT count(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')"
    assert server.query(counted, url.rpartition("/")[2]) == [["8"]]


def test_without_an_address_the_study_is_a_file(tmp_path, monkeypatch, capsys):
    given = {}

    class FoundError(Exception):
        pass

    def tune(estimator, X, y, **parameters):
        given.update(parameters)
        raise FoundError

    monkeypatch.setattr(hiddenstate, "tune", tune, raising=False)
    monkeypatch.delenv("HIDDENSTATE_STORAGE", raising=False)
    with pytest.raises(FoundError):
        runpy.run_path(str(EXAMPLES / "search_options.py"))["main"]("made")
    assert given["storage"] is None
    assert given["n_jobs"] == 2
    assert capsys.readouterr().out == (
        "HIDDENSTATE_STORAGE is not set, so the study is an SQLite file\n"
    )


def texts(book):
    """What the cells of a notebook printed, one text for each."""
    return [
        "".join(output["text"] for output in cell.get("outputs", ()) if "text" in output)
        for cell in book.cells
    ]


@pytest.mark.parametrize(
    "path", [pytest.param(BOOKS[0], marks=pytest.mark.series), BOOKS[1]], ids=lambda path: path.stem
)
def test_a_notebook_has_the_outputs_of_its_cells(path, tmp_path, monkeypatch):
    """Words are those of the last execution, and numbers are close, on any processor.

    The automatic recipe makes fewer updates: tests/training trains it on this data to its end.
    """
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient: pip install '.[dev]'")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: pip install '.[dev]'")
    pytest.importorskip("ipykernel", reason="needs ipykernel: pip install '.[dev]'")
    needs("aeon" if path == BOOKS[0] else "statsmodels")
    monkeypatch.setattr("jupyter_client.provisioning.local_provisioner.launch_kernel", warm.Kernel)
    stored, book = (nbformat.read(path, as_version=4) for _ in range(2))
    for cell in book.cells:
        cell.source = cell.source.replace('recipe="auto", ', 'recipe="auto", max_steps=40, ')
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3", resources=where).execute()
    assert list(tmp_path.iterdir()) == []
    assert "".join(texts(stored))
    for found, expected in zip(texts(book), texts(stored), strict=True):
        assert NUMBER.sub("0", found).split() == NUMBER.sub("0", expected).split()
        computed, kept = (np.array(NUMBER.findall(text), dtype=float) for text in (found, expected))
        np.testing.assert_allclose(computed, kept, rtol=0.1, atol=0.05)
    for cells in zip(book.cells, stored.cells, strict=True):
        kinds = [[o["output_type"] for o in cell.get("outputs", ())] for cell in cells]
        assert kinds[0] == kinds[1]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_traces_and_large_pictures(path):
    book = json.loads(path.read_text("utf-8"))
    assert set(book["metadata"]) == {"kernelspec", "language_info"}
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    pictures = [
        base64.b64decode(output["data"]["image/png"])
        for cell in code
        for output in cell["outputs"]
        if "image/png" in output.get("data", {})
    ]
    assert pictures
    assert max(map(len, pictures)) < LARGEST_PICTURE
