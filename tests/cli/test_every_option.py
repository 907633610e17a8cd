"""Every option of the commands on trained things is obeyed, or refused in one line.

The table has an entry for each option of each command, or the test of that command fails.
"""

import gzip
import io
import os
import sys
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pytest

import hiddenstate
from hiddenstate import engines
from hiddenstate.cli import cli as commands
from hiddenstate.cli import main
from hiddenstate.errors import DataError
from hiddenstate.inference import overflow
from hiddenstate.views import catalog
from hiddenstate.views.drawers import DRAWERS
from tests.conftest import Answer, answer_to, make_coarse

MODELS = ("runs/r/model.safetensors", "group.safetensors", "estimator.safetensors")
"""Model files: of a run, of a group of a sweep, and saved by an estimator. Each has its turn."""

THINGS = ("run", "run with data", "model", "sweep", "sweep with data", "study", "stream")


class Entry(NamedTuple):
    """What becomes of an option that is set to `value`."""

    value: tuple[str, ...] = ()
    refused: str = ""
    """Part of the error, if it is refused."""
    data: str = "plain"
    """The DATA that shows the difference."""
    same: str = ""
    """Why no other result can show that it is obeyed."""


Row = Entry | dict[str, Entry]


def obeyed(*value: str, data: str = "plain") -> Entry:
    return Entry(value, data=data)


def refused(text: str, *value: str) -> Entry:
    return Entry(value, refused=text)


def same(why: str, *value: str) -> Entry:
    return Entry(value, same=why)


def but(usual: Entry, *things: str, entry: Entry) -> dict[str, Entry]:
    """The usual entry, but for some things."""
    return {thing: entry if thing in things else usual for thing in THINGS}


def reading(*as_trained: str) -> dict[str, Row]:
    """The options of reading DATA; those things are read as in training."""
    sound, book = "applies only to sounds", "applies only to workbooks"
    entries = {
        "--layout": obeyed("features"),
        "--input": obeyed("promo"),
        "--delimiter": obeyed(";", data="semicolons"),
        "--decimal": obeyed(",", data="commas"),
        "--thousands": obeyed("'", data="thousands"),
        "--dates": obeyed("mdy"),
        "--every": obeyed("hour"),
        "--encoding": obeyed("utf-16"),
        "--frame": refused(sound, "7"),
        "--bands": refused(sound, "7"),
        "--rate": refused(sound, "7"),
        "--sheet": refused(book, "7"),
        "--max-unpacked": obeyed("1e-9", data="packed"),
    }
    rows: dict[str, Row] = {
        name: but(entry, *as_trained, entry=refused(AS_READ, *entry.value))
        for name, entry in entries.items()
    }
    for name, row in rows.items():
        assert isinstance(row, dict)
        if name in ("--layout", "--dates", "--every", "--frame", "--bands", "--rate", "--sheet"):
            row["stream"] = refused("--stream reads lines of numbers", *entries[name].value)
        elif name == "--max-unpacked":
            row["stream"] = refused("--stream reads lines of numbers", "1")
        elif name == "--thousands":
            row["stream"] = refused("the decimal mark already", ".")
        elif name != "--input":
            row["stream"] = row["run with data"]
    return rows


BELOW = "a test below shows that it is obeyed"
DEBUG = same(BELOW)
NAMED = but(
    obeyed("elsewhere"), "model", "stream", entry=same("a path is not looked for", "elsewhere")
)
COMPUTING: dict[str, Row] = {
    "--device": obeyed("cuda:7"),
    "--threads": same(BELOW, "2"),
    "--runs-dir": NAMED,
    "--debug": DEBUG,
}
VIEW: dict[str, Row] = {"--runs-dir": obeyed("elsewhere"), "--debug": DEBUG}
SWEEPS = ("sweep", "sweep with data")
EXTRACT = "not for a sweep; take a model out"
FOLDER, AS_READ = "TensorBoard reads a folder", "the data of the run is read as in training"
SKIP = but(refused("only for a sweep"), "sweep with data", entry=obeyed(data="strange"))

TABLE: dict[str, dict[str, Row]] = {
    "forecast": {
        "--horizon": obeyed("3"),
        "--future": obeyed("other.csv"),
        "--level": obeyed("50"),
        "--backtest": but(obeyed("2"), *SWEEPS, entry=refused(EXTRACT, "2")),
        "--peers": but(refused("add --backtest N"), *SWEEPS, entry=refused(EXTRACT)),
        "--output": obeyed("out.csv"),
        "--format": obeyed("json"),
        "--figure": but(obeyed("out.png"), *SWEEPS, entry=refused(EXTRACT, "out.png")),
        "--skip-unknown": SKIP | {"sweep": same("what failed in training is always left out")},
        "--json": obeyed(),
        **reading("run", "sweep"),
        **COMPUTING,
    },
    "predict": {
        "--proba": but(refused("only for classifiers"), "stream", entry=obeyed()),
        "--stream": but(
            refused("reads lines from stdin"), "stream", entry=same("it is what is asked for")
        ),
        "--output": but(obeyed("out.csv"), "stream", entry=refused("redirect stdout", "out.csv")),
        "--format": obeyed("json"),
        "--why": but(obeyed("0"), "stream", entry=refused("reads whole rows", "0"))
        | {"sweep with data": refused(EXTRACT, "0")},
        "--moment": refused("only with --why", "0"),
        "--answer": refused("only with --why", "sales"),
        "--figure": refused("only with --why", "out.png"),
        "--skip-unknown": SKIP,
        **reading("run"),
        **COMPUTING,
    },
    "evaluate": {
        "--answers": but(refused("only to .npy files", "y"), "run", entry=refused(AS_READ, "y")),
        "--peers": obeyed(),
        "--output": obeyed("out.csv"),
        "--json": obeyed(),
        **reading("run"),
        **COMPUTING,
    },
    "export": {
        "--to": obeyed("c"),
        "--output": obeyed("other.py"),
        "--weights": obeyed("float16"),
        "--arithmetic": same("these models compute in floats", "float"),
        "--layout": refused("--to python has none; use --to c", "cmake"),
        "--force": same(BELOW),
        "--json": obeyed(),
        "--runs-dir": NAMED,
        "--debug": DEBUG,
    },
    "figures": {"--format": obeyed("svg"), "--theme": obeyed("dark"), **VIEW},
    "report": VIEW,
    "film": {
        "--output": obeyed("out.gif"),
        "--seconds": obeyed("0.2"),
        "--fps": obeyed("20"),
        "--theme": obeyed("dark"),
        **VIEW,
    },
    "track": {
        "--to": obeyed("wandb"),
        "--all": refused("follows every run"),
        "--keep": same(BELOW),
        "--into": obeyed("events"),
        "--url": refused(FOLDER, "http://x"),
        "--project": refused(FOLDER, "x"),
        "--register": refused("only MLflow registers models", "x"),
        **VIEW,
    },
    "verify": {
        "--steps": but(obeyed("2"), *SWEEPS, "study", entry=refused("only for a run", "2")),
        "--all": obeyed(),
        "--files-only": but(
            obeyed(), *SWEEPS, "study", entry=same("a sweep or a study is never trained again")
        ),
        "--json": obeyed(),
        **VIEW,
    },
}

VIEWS = ("figures", "report", "film", "track")
NOT_TAKEN = {
    ("predict", "sweep"): "a sweep keeps no test rows; pass DATA",
    **{(c, t): "it is a sweep" for c in ("evaluate", "export", *VIEWS) for t in SWEEPS},
    **{(c, "study"): "it is a search" for c in TABLE if c != "verify"},
    **{(c, "model"): "a model file, which has no history" for c in (*VIEWS, "verify")},
}
"""Things that a command refuses as a whole, in these words, whatever the options."""

PAIRS = [
    (command, thing)
    for command in TABLE
    for thing in THINGS
    if command in ("forecast", "predict", "evaluate") or "with data" not in thing
    if thing != "stream" or command == "predict"
]


def cells(mark: str = ".", thousands: str = "") -> list[list[str]]:
    """Two shops, and for each two days ahead without sales."""
    rows = [["shop", "day", "promo", "sales"]]
    promos = np.random.default_rng(0).random(42) < 0.3
    promos[40:] = False
    for k, shop in enumerate("ab"):
        for t, promo in enumerate(promos.tolist()):
            sales = f"1{thousands}0{10 * k + 20 * promo + t % 7:02}.5".replace(".", mark)
            day = date(2023, 1, 1) + timedelta(t)
            rows.append([shop, f"{day:%d/%m/%Y}", str(int(promo)), sales if t < 40 else ""])
    return rows


def write_tables(folder: Path, keep: str) -> None:
    """Write DATA with the rows of some shops, as it is and as options have it read."""

    def text(rows: list[list[str]], delimiter: str = ",") -> str:
        own = [row for row in rows if row[0] in ("shop", *keep)]
        return "\n".join([*map(delimiter.join, own), ""])

    folder.mkdir()
    quoted = [[f'"{cell}"' if "," in cell else cell for cell in row] for row in cells(",")]
    strange = [*cells(), *(["c", *row[1:]] for row in cells() if row[0] == "a")]
    for name, content in {
        "plain": text(cells()),
        "semicolons": text(cells(), ";"),
        "commas": text(quoted),
        "thousands": text(cells(thousands="'")),
    }.items():
        (folder / f"{name}.csv").write_text(content)
    (folder / "packed.csv.gz").write_bytes(gzip.compress(text(cells()).encode()))
    content = "\n".join([*map(",".join, strange), ""])
    (folder / "strange.csv").write_text(content)


def done(*words: object) -> None:
    answer = answer_to(*words)
    assert answer.code == 0, answer.err


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one tiny thing of each kind."""
    folder = tmp_path_factory.mktemp("things")
    before = Path.cwd()
    os.chdir(folder)
    try:
        write_tables(folder / "all", "ab")
        write_tables(folder / "one", "a")
        days = [row[:3] for row in cells()]
        other = [[shop, day, "promo" if day == "day" else "1"] for shop, day, _ in days]
        (folder / "other.csv").write_text("\n".join([*map(",".join, other), ""]))
        (folder / "kinds.csv").write_text(
            "\n".join(["u,v,kind", *(f"{k % 2 + k / 99},{k / 7},{'xy'[k % 2]}" for k in range(40))])
        )
        table = folder / "all" / "plain.csv"
        roles = ("--target", "sales", "--time", "day", "--horizon", 1, "--future", "promo")
        few = ("--max-steps", 4, "--calendar", "none")  # as exports require
        quiet = ("--view", "off", "--threads", 1)
        done("regress", table, *roles, "--id", "shop", *few, *quiet, "--name", "r")
        done("sweep", table, *roles, "--by", "shop", *few, "--jobs", 1, "--name", "w")
        done("sweep", "w", "--extract", "a", "group.safetensors")
        options = ("--job", "classify", "--recipe", "classic", "--label", "kind")
        done("tune", "kinds.csv", *options, "--trials", 1, "--epochs", 1, "--name", "s")
        hiddenstate.load("runs/r/model.safetensors").save("estimator.safetensors")
    finally:
        os.chdir(before)
    return folder


class Lines:
    """Stdin with the same lines for each command."""

    @property
    def buffer(self) -> io.BytesIO:
        return io.BytesIO(b"u,v\n1,2\n0,1\n")


class Trial:
    """Runs commands in the folder of the things, and removes what they wrote."""

    def __init__(self, folder: Path, command: str, thing: str, file: str = "") -> None:
        self.command, self.thing, self.file = command, thing, file
        self.things = set(folder.rglob("*"))
        self.folder = folder
        self.seen: dict[tuple[str, ...], tuple[Answer, dict[str, bytes]]] = {}

    def arguments(self, data: str) -> list[str]:
        """The command on the thing, with DATA if it takes any."""
        name = {
            "model": self.file,
            "study": "s",
            "stream": "runs/s/best",
        }.get(self.thing, "r" if "run" in self.thing else "w")
        words = [self.command, name]
        if self.thing == "stream":
            return [*words, "-", "--stream"]
        takes_data = self.command in ("forecast", "predict", "evaluate")
        if takes_data and self.thing not in ("run", "sweep", "study"):
            folder = "one" if "group" in self.file else "all"
            words.append(f"{folder}/{data}.csv{'.gz' if data == 'packed' else ''}")
        return words + {
            "forecast": ["--horizon", "2", "--level", "none"],
            "export": ["--to", "python", "--output", "exported.py"],
            "film": ["--seconds", "0.1", "--fps", "10"],
            "track": ["--to", "tensorboard"],
        }.get(self.command, [])

    def result(self, words: list[str]) -> tuple[Answer, dict[str, bytes]]:
        """Answer and new files."""
        if tuple(words) not in self.seen:
            answer = answer_to(*words)
            new = {p for p in self.folder.rglob("*") if p not in self.things}
            files = {str(p.relative_to(self.folder)): p.read_bytes() for p in new if p.is_file()}
            for path in sorted(new, reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            self.seen[tuple(words)] = answer, files
        return self.seen[tuple(words)]

    def problem(self, option: str, entry: Entry) -> str:
        """What is wrong with an option; empty if it is as the table says."""
        base = self.arguments(entry.data)
        if option in base:
            at = base.index(option)
            del base[at : at + 1 + len(entry.value)]
            base, words = self.arguments(entry.data), [*base, option, *entry.value]
        else:
            words = [*base, option, *entry.value]
        if entry.same == BELOW:
            return ""
        before, (answer, files) = self.result(base), self.result(words)
        if (self.command, self.thing) in NOT_TAKEN:
            text = NOT_TAKEN[self.command, self.thing]
            named = text in answer.err or option in answer.err or "no such run" in answer.err
        elif entry.refused:
            named = answer.err.startswith(f"error: {option}: ") and entry.refused in answer.err
        else:
            differs = before != (answer, files)
            return f"{'other' if differs else 'same'} result: {answer}" * (
                differs == bool(entry.same)
            )
        is_line = answer.code == 2 and answer.err.count("\n") == 1
        return "" if named and is_line and not answer.out and not files else f"{answer}"


@pytest.mark.parametrize(("command", "thing"), PAIRS)
def test_options_are_obeyed_or_refused(
    made: Path, command: str, thing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    make_coarse(monkeypatch)
    small = {"learning": (0.0, 0.0, 1.0, 1.0)}  # a film of one figure
    monkeypatch.setitem(catalog.LAYOUTS, "held_out", (small, small))
    for kind, drawers in DRAWERS.items() if command in ("figures", "report") else ():
        monkeypatch.setitem(DRAWERS, kind, {"learning": drawers["learning"]})
    if thing == "stream":
        monkeypatch.setattr(sys, "stdin", Lines())
    if command == "track":  # its refusal shows that it was asked for, and is there at once
        monkeypatch.setitem(sys.modules, "wandb", None)
    context = click.Context(commands)
    params = commands.get_command(context, command).params
    options = {p.opts[0] for p in params if isinstance(p, click.Option)}
    assert options == set(TABLE[command])
    trials = [Trial(made, command, thing, file) for file in (MODELS if thing == "model" else [""])]
    if (command, thing) not in NOT_TAKEN:
        for trial in trials:
            assert trial.result(trial.arguments("plain"))[0].code == 0
    problems = []
    for trial, (option, row) in zip(cycle(trials), TABLE[command].items(), strict=False):
        entry = row[thing] if isinstance(row, dict) else row
        if problem := trial.problem(option, entry):
            problems.append(f"{option}: {problem}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("forecast", "r", "--backtest", 2, "--output", "out.csv"), "--output"),
        (("forecast", "r", "--backtest", 2, "--format", "json"), "--format"),
        (("forecast", "r", "--backtest", 2, "--figure", "out.png"), "--figure"),
        (("forecast", "r", "--backtest", 2, "--future", "other.csv"), "--future"),
        (("forecast", "r", "--json", "--format", "csv"), "--format"),
        (("verify", "r", "--files-only", "--steps", 3), "--steps"),
        (("track", "r", "--to", "mlflow", "--into", "x"), "--into"),
        (("predict", "runs/s/best", "arrays.npy", "--delimiter", ";"), "--delimiter"),
        (("predict", "runs/s/best", "arrays.npy", "--input", "u"), "--input"),
        (("evaluate", "runs/s/best", "arrays.npy", "--layout", "wide"), "--layout"),
        (("predict", "runs/s/best", "arrays.npy", "--encoding", "latin-1"), "--encoding"),
        (("predict", "w", "-", "--stream"), "--stream"),
    ],
)
def test_options_that_exclude_one_another_are_refused(
    made: Path, words: tuple[object, ...], option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    np.save("arrays.npy", np.zeros((4, 2)))
    answer = answer_to(*words)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert answer.err.startswith(f"error: {option}: ")


@pytest.mark.parametrize("thing", ["r", "w", "group.safetensors"])
@pytest.mark.parametrize("command", ["forecast", "predict", "evaluate"])
def test_threads_reach_what_computes(
    made: Path, command: str, thing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (command, thing) == ("evaluate", "w"):
        return
    used = []

    def spy(model: Any, device: str, threads: int) -> Any:
        used.append(threads)
        return make(model, device, threads)

    make = engines.make_predictor
    monkeypatch.setattr(overflow, "make_predictor", spy)
    monkeypatch.chdir(made)
    folder = "one" if "group" in thing else "all"
    options = ("--horizon", 2, "--level", "none") if command == "forecast" else ()
    done(command, thing, f"{folder}/plain.csv", *options, "--threads", 3)
    assert set(used) == {3}


def test_debug_shows_where_an_error_came_from(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    for command in TABLE:
        options = ("--to", "tensorboard") if command == "track" else ()
        words = (command, "nothing", *options, *(("--to", "c") if command == "export" else ()))
        assert answer_to(*words).code == 2
        with pytest.raises(DataError, match="no such run"):
            main([*words, "--debug"])


def test_an_export_is_replaced_only_by_force(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    for thing in ("r", "runs/r/model.safetensors", "group.safetensors"):
        words = ("export", thing, "--to", "python", "--output", "twice.py", "--force")
        done(*words)
        assert "--force" in answer_to(*words[:-1]).err
        done(*words)


def test_a_tracker_that_keeps_waits(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    kept = []

    def follow(*_: Any, keep: bool, **__: Any) -> None:
        kept.append(keep)

    monkeypatch.setattr("hiddenstate.scale.track.follow", follow)
    for more in ((), ("--keep",)):
        done("track", "r", "--to", "tensorboard", *more)
    assert kept == [False, True]


@pytest.mark.parametrize("thing", ["r", "w"])
def test_what_is_known_ahead_is_read_for_each_shop(
    made: Path, tmp_path: Path, thing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep reads --future as a lone run does: rows of each shop, in any order, dates checked."""
    monkeypatch.chdir(made)
    words = ("forecast", thing, "--horizon", 2, "--level", "none")
    own = answer_to(*words)
    head, *lines = ["shop,day,promo", *(",".join(row[:3]) for row in cells()[1:] if not row[3])]
    path = tmp_path / "ahead.csv"

    def answer(*rows: str) -> Answer:
        path.write_text("\n".join([head, *rows, ""]))
        return answer_to(*words, "--future", path)

    assert answer(*lines) == own
    assert answer(*lines[2:], *lines[:2]) == own
    (first, *_), changed = own.out.splitlines()[1:], answer(lines[0][:-1] + "1", *lines[1:])
    same_rows = [
        a == b for a, b in zip(changed.out.splitlines(), own.out.splitlines(), strict=True)
    ]
    assert first
    assert same_rows[-2:] == [True, True]
    for rows, error in (
        (lines[:2], "b, which is to be forecast"),
        ([*lines[:2], lines[3]], "step 1 after the last target"),
        (lines[:3], "1 row after the last target"),
        (["b,x,1", *lines], "x"),
    ):
        refusal = answer(*rows)
        assert (refusal.code, refusal.out, refusal.err.count("\n")) == (2, "", 1)
        assert error in refusal.err
    missing = answer_to(*words, "--future", tmp_path / "missing.csv")
    assert missing.code == 2
    assert "missing.csv" in missing.err


def test_python_reads_what_is_known_ahead_of_a_sweep(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    sweep = hiddenstate.load_sweep("runs/w")
    words = ("forecast", "w", "--horizon", 2, "--level", "none", "--future", "other.csv")
    printed = [float(line.rsplit(",", 1)[1]) for line in answer_to(*words).out.splitlines()[1:]]
    own = sweep.forecast(2, level=())["sales"].tolist()
    assert sweep.forecast(2, level=(), future="other.csv")["sales"].tolist() == printed != own
