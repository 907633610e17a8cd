"""The command inspect: what it prints, and that the commands it prints work."""

import csv
import gzip
import io
import json
import re
import shlex

import numpy as np
import pytest

from hiddenstate.cli.findings import samples, two_lines
from hiddenstate.config import DataConfig, make_config
from hiddenstate.data import read_dataset
from hiddenstate.data.prepare.pipeline import prepare
from tests.conftest import EVIL, write_digits

RANDOM = np.random.default_rng(0)


def table(path, head, rows):
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])
    return path


def long_table(path, ragged=True, holes=True):
    """24 series in three classes: a long table with two channels."""
    rows = []
    for s in range(24):
        for t in range(12 + (s % 4) * ragged):
            x = "" if holes and s == 3 and t == 2 else f"{np.sin(t * (1 + s % 3)):.4f}"
            rows.append((s, t, x, f"{np.cos(t):.4f}", ("run", "sit", "walk")[s % 3]))
    return table(path, ["series", "time", "acc_x", "acc_y", "activity"], rows)


def wide_table(path, label="label", rows=40, width=12):
    X = np.round(RANDOM.random((rows, width)), 4)
    return table(
        path, [label, *(f"v{i}" for i in range(width))], [(i % 3, *row) for i, row in enumerate(X)]
    )


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def date_table(path):
    rows = [(f"19{50 + i // 12}-{1 + i % 12:02}", 100 + i % 12) for i in range(72)]
    return table(path, ["Date", "Passengers"], rows)


def images(folder):
    from PIL import Image

    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(4):
            pixels = RANDOM.integers(0, 255, (10, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


MAKERS = {
    "long": lambda p: long_table(p / "sensors.csv"),
    "long, equal": lambda p: long_table(p / "sensors.csv", ragged=False, holes=False),
    "wide": lambda p: wide_table(p / "wide.csv"),
    "wide, no labels": lambda p: wide_table(p / "wide.csv", label="u"),
    "a space in the name": lambda p: wide_table(p / "my own 'data'.csv", label="my class"),
    "dates": lambda p: date_table(p / "air.csv"),
    "numbers to predict": lambda p: table(
        p / "price.csv", ["a", "b", "c", "y"], RANDOM.random((40, 4)).tolist()
    ),
    "arrays": lambda p: npz(p / "a.npz", X=RANDOM.random((30, 6, 2)), y=np.arange(30) % 3),
    "two rows a class": lambda p: npz(p / "a.npz", X=RANDOM.random((6, 6, 2)), y=np.arange(6) % 3),
    "arrays to regress": lambda p: npz(
        p / "a.npz", X=RANDOM.random((30, 6, 2)), y=RANDOM.random(30)
    ),
    "a signal": lambda p: npz(p / "s.npz", X=RANDOM.random(200), y=RANDOM.random(200)),
    "rows that are steps": lambda p: npz(
        p / "s.npz", X=RANDOM.random((200, 3)), y=RANDOM.random(200)
    ),
    "pixels": lambda p: table(
        p / "d.csv",
        ["label", *(f"p{i}" for i in range(64))],
        [(i % 3, *RANDOM.integers(0, 200, 64)) for i in range(30)],
    ),
    "idx": lambda p: write_digits(p / "digits"),
    "images": lambda p: images(p / "pics"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_command_that_is_printed_trains(name, cli, tmp_path):
    path = MAKERS[name](tmp_path)
    said = cli("inspect", path.name)
    assert said.code == 0, said.err
    printed = json.loads(cli("inspect", path.name, "--json").out)
    commands = [fit["command"] for fit in printed["fits"] if fit["command"]]
    assert commands
    for command in commands:
        assert f"    {command}\n" in said.out
        words = shlex.split(command)
        assert words[0] == "hiddenstate"
        done = cli(*words[1:], "--max-steps", 1, "--view", "off", "--threads", 1)
        assert done.code == 0, (command, done.err)


@pytest.mark.parametrize(
    ("name", "jobs"),
    [
        ("long", {"classify", "regress"}),
        ("wide", {"classify", "autoencode"}),
        ("dates", {"regress"}),
        ("a signal", {"regress"}),
        ("images", {"classify", "autoencode"}),
        ("arrays to regress", {"regress", "autoencode"}),
    ],
)
def test_jobs_that_fit(name, jobs, cli, tmp_path):
    printed = json.loads(cli("inspect", MAKERS[name](tmp_path), "--json").out)
    assert {fit["job"] for fit in printed["fits"] if fit["command"]} == jobs
    assert all(fit["why_not"] for fit in printed["fits"] if not fit["command"])
    assert {fit["job"] for fit in printed["fits"]} == {"classify", "regress", "autoencode"}


def test_a_long_table_is_described(cli, tmp_path):
    long_table(tmp_path / "sensors.csv")
    lines = cli("inspect", "sensors.csv").out.splitlines()
    assert lines[0] == "sensors.csv: a long CSV table"
    for line in (
        "  rows      24 series",
        "  steps     12 to 15, median 13",
        "  features  2: acc_x, acc_y",
        "  missing   1 value (0.2%), most in acc_x 0.3%",
        "classes: 3",
        "    hiddenstate classify sensors.csv --missing forward",
    ):
        assert line in lines
    assert any(line.startswith("  run          8   33.3%  █") for line in lines)
    assert sum(line.startswith("    acc_x  ") for line in lines) == 3  # once a class
    assert max(map(len, lines)) <= 80


def test_commands_repeat_the_options_that_are_set_but_no_guesses(cli, tmp_path):
    path = table(
        tmp_path / "t.csv",
        ["who", "when", "a", "b", "what"],
        [(s, t, t / 7, s / 3, "pq"[s % 2]) for s in range(12) for t in range(9)],
    )
    printed = json.loads(cli("inspect", path.name, "--id", "who", "--time", "when", "--json").out)
    command = printed["fits"][0]["command"]
    assert command == "hiddenstate classify t.csv --id who --time when"
    wide_table(tmp_path / "wide.csv")
    assert "--label" not in cli("inspect", "wide.csv").out


def test_groups_weights_and_test_rows_are_reported(cli, tmp_path):
    rows = [(f"p{i % 4}", 1 + i % 2, i / 7, i * i / 9, "ab"[i % 2]) for i in range(24)]
    table(tmp_path / "t.csv", ["person", "w", "x", "z", "label"], rows)
    table(tmp_path / "u.csv", ["person", "w", "x", "z", "label"], rows[:3])
    out = cli("inspect", "t.csv", "--group", "person", "--weight", "w", "--test", "u.csv").out
    assert "  groups    4\n" in out
    assert "  weights   1 to 2\n" in out
    assert "  rows      24 for training, 3 for testing\n" in out
    assert "3 test rows are training rows too" in out
    assert "--test u.csv" in out


def test_the_reason_why_a_table_does_not_fit_classify_is_reported(cli, tmp_path):
    wide_table(tmp_path / "wide.csv", label="u")
    out = cli("inspect", "wide.csv").out
    assert "classify does not fit: no label column" in out
    assert "add --label COL" in " ".join(out.split())


def test_json_names_the_option_that_a_job_needs_for_a_column(cli, tmp_path):
    for label, job, option in (("u", "classify", "label"), ("label", "regress", "target")):
        wide_table(tmp_path / "wide.csv", label=label)
        fits = json.loads(cli("inspect", "wide.csv", "--json").out)["fits"]
        assert {fit["job"]: fit["needs"] for fit in fits if fit["needs"]} == {job: option}


def test_json_is_one_object_and_nothing_else(cli, tmp_path):
    long_table(tmp_path / "sensors.csv")
    printed = json.loads(cli("inspect", "sensors.csv", "--json").out)
    facts = {
        "name": "sensors.csv",
        "kind": "a long CSV table",
        "job": "classify",
        "n_train": 24,
        "n_test": 0,
        "steps_min": 12,
        "steps_max": 15,
        "n_features": 2,
        "missing": 1,
        "classes": {"run": 8, "sit": 8, "walk": 8},
    }
    assert facts.items() <= printed.items()


def test_the_job_is_an_option_or_follows_from_a_target(cli, tmp_path):
    long_table(tmp_path / "sensors.csv", holes=False)
    more = ("--target", "acc_y", "--input", "acc_x")
    printed = json.loads(cli("inspect", "sensors.csv", *more, "--json").out)
    assert printed["job"] == "regress"
    assert list(printed["targets"]) == ["acc_y"]
    done = cli("inspect", "sensors.csv", "--job", "autoencode", "--json")
    assert json.loads(done.out)["job"] == "autoencode"


def test_the_options_that_help_are_values(cli, tmp_path):
    lines = [",".join(f"p{i}" for i in range(36))]
    lines += [",".join(str((i * k) % 7) for i in range(36)) for k in range(1, 20)]
    (tmp_path / "flat.csv").write_text("\n".join(lines))
    printed = json.loads(cli("inspect", "flat.csv", "--layout", "wide", "--json").out)
    fixes = dict(zip(printed["warnings"], printed["fixes"], strict=True))
    assert [fix for line, fix in fixes.items() if line.endswith("add --steps 6")] == [{"steps": 6}]

    rows = [f"{k % 2},{k * 7 % 5},{'ab'[k % 2]}" for k in range(60)]
    (tmp_path / "leak.csv").write_text("\n".join(["a,b,kind", *rows]))
    assert {"drop": "a"} in json.loads(cli("inspect", "leak.csv", "--json").out)["fixes"]

    (tmp_path / "german.csv").write_text("a;b\n" + "1,5;2,5\n" * 20)
    done = cli("inspect", "german.csv", "--json")
    assert done.code == 2
    assert done.err.rstrip().endswith("; add --delimiter ';' --decimal ','")
    assert json.loads(done.out) == {
        "error": done.err.rstrip().removeprefix("error: "),
        "fixes": [{"delimiter": ";", "decimal": ","}],
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing.csv",), "no such file"),
        ((), "missing argument"),
        (("own.csv", "--job", "paint"), "paint"),
        (
            ("own.csv", "--job", "classify", "--target", "a"),
            "--target: classify has no such option",
        ),
        (("own.csv", "--horizon", "1", "--color"), "--color: regress has no such option"),
        (("own.csv", "--layout", "tall"), "tall"),
        (("bad.csv",), "bad.csv"),
    ],
)
def test_data_that_cannot_be_read_is_rejected_in_one_line(arguments, words, refuse, tmp_path):
    table(tmp_path / "own.csv", ["a", "b", "label"], [(1, 2, 0), (2, 3, 1)] * 5)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n1,2,3\n")
    assert words in refuse(2, "inspect", *arguments)


def test_text_from_the_file_is_escaped(cli, tmp_path):
    head = ["series", "time", EVIL, "label"]
    table(
        tmp_path / "t.csv", head, [(s, t, t, EVIL + "ab"[s % 2]) for s in range(8) for t in (0, 1)]
    )
    done = cli("inspect", "t.csv")
    assert done.code == 0, done.err
    assert all(line.isprintable() for line in done.out.splitlines())
    assert "\\x1b[31m" in done.out


def test_unusual_data_is_reported_not_rejected(cli, tmp_path):
    X = RANDOM.random((9, 4, 2))
    X[:, :, 0], X[0, 0, 1] = np.nan, np.inf
    for name, y in (
        ("one class", np.zeros(9)),
        ("lone", np.arange(9) // 8),
        ("floats", X[:, 1, 1]),
    ):
        path = npz(tmp_path / f"{name}.npz", X=X, y=y)
        done = cli("inspect", path)
        assert done.code == 0, done.err
        assert "1 infinite" in done.out
    np.save(tmp_path / "empty.npy", np.full((5, 3), np.nan))
    assert cli("inspect", "empty.npy").code == 0


@pytest.mark.parametrize("name", ["X.npz", "X.npy", "idx"])
def test_archives_are_not_read_completely(cli, tmp_path, monkeypatch, name):
    monkeypatch.setattr("hiddenstate.data.readers.arrays.IN_MEMORY", 960)
    monkeypatch.setattr("hiddenstate.data.readers.idx.SAMPLE_ROWS", 10)
    X, y = RANDOM.random((50, 4, 3)), np.arange(50) % 2
    np.savez(tmp_path / "X.npz", X=X, y=y)
    np.save(tmp_path / "X.npy", np.asfortranarray(X))
    np.save(tmp_path / "y.npy", y)
    write_digits(tmp_path / "idx")
    words = ("inspect", name, *(("--answers", "y.npy") if name == "X.npy" else ()))
    out = " ".join(cli(*words).out.split())
    expected = (
        "rows 10 pictures for training, 10 for testing" if name == "idx" else "rows 10 series"
    )
    assert expected in out
    assert "first 10 " in out
    assert "0 5 50.0%" in out or name == "idx"


def test_rows_on_disk_are_not_read_completely(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("hiddenstate.data.readers.arrays.IN_MEMORY", 100)
    np.save(tmp_path / "X.npy", RANDOM.random((50, 4, 3)))
    np.save(tmp_path / "y.npy", np.arange(50) % 2)
    out = cli("inspect", "X.npy", "--answers", "y.npy").out
    assert "on disk and read in pieces" in out
    assert "first 50 of them" in " ".join(out.split())


# --- drawn


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def drawn(path, options, monkeypatch, colour, no_colour=""):
    monkeypatch.setenv("COLORTERM", colour)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("STY", raising=False)
    monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setattr("sys.stdout", Terminal())
    config = make_config("classify", {"data": str(path), **options})
    return "\n".join(line for line, _ in samples(read_dataset(config), 80))


def test_colour_only_if_the_terminal_supports_and_allows_it(tmp_path, monkeypatch):
    path, options = images(tmp_path / "pics"), {"color": True}
    assert "\x1b[38;2;" in drawn(path, options, monkeypatch, "truecolor")
    for colour, no_colour in (("", ""), ("truecolor", "1")):
        plain = drawn(path, options, monkeypatch, colour, no_colour)
        assert "\x1b" not in plain
        assert "cat" in plain
        assert set(plain) & set("░▒▓█")


def test_a_terminal_without_block_characters_gets_none(tmp_path, monkeypatch):
    monkeypatch.setattr(Terminal, "encoding", "ascii")
    assert drawn(wide_table(tmp_path / "wide.csv"), {}, monkeypatch, "") == ""


def test_four_classes_and_six_channels_are_drawn(cli, tmp_path):
    npz(tmp_path / "a.npz", X=RANDOM.random((60, 9, 8)), y=np.arange(60) % 6)
    out = cli("inspect", "a.npz").out
    assert out.count("    and 2 more\n") == 4
    assert out.count("    feature 5  ") == 4


# --- in two lines


def data_lines(path, job, **values):
    config = make_config(job, {"data": str(path), **values}, together=False)
    raw = read_dataset(config)
    done = prepare(raw, config)
    assert two_lines(raw, config) == two_lines(done, config, raw)[:1]
    assert len(two_lines(done, config)) == 2
    return two_lines(done, config, raw)


def test_two_lines_of_a_long_table(tmp_path):
    path = long_table(tmp_path / "sensors.csv")
    assert data_lines(path, "classify", scale="auto", missing="mean") == [
        "data: sensors.csv, a long CSV table: 24 series of 12 to 15 steps, 2 channels "
        "(acc_x, acc_y), 3 classes (run 8, sit 8, walk 8)",
        "trained on: 18 series of up to 15 steps of 2 features, standardised, missing values "
        "filled in with the mean; 6 held out for testing (stratified)",
    ]


def test_two_lines_of_images_with_test_rows(tmp_path):
    assert data_lines(write_digits(tmp_path / "digits"), "autoencode", valid_fraction=0.1) == [
        "data: digits, idx files of images and labels: 120 + 30 test pictures of 8 x 8 pixels, "
        "3 classes (0 40, 1 40, 2 40)",
        "trained on: 108 rows of 64 numbers, as fractions of 255; 12 held out for validation "
        "(stratified); 30 more for testing",
    ]


def test_two_lines_of_a_forecast(tmp_path):
    values = {
        "target": ("Passengers",),
        "horizon": 1,
        "window": 8,
        "stride": 1,
        "stateful": False,
        "test_fraction": 0.25,
        "scale": "minmax",
    }
    first, second = data_lines(date_table(tmp_path / "air.csv"), "regress", **values)
    assert first == (
        "data: air.csv, a long CSV table: 1 series of 72 steps, 1 channel (Passengers), "
        "1 target (Passengers)"
    )
    assert " windows of 8 steps of 1 feature, scaled to [0, 1]; " in second
    assert re.search(r"; the last \d+ steps held out for testing$", second)


def test_two_lines_state_how_test_rows_are_chosen(tmp_path):
    rows = [(f"p{i % 5}", i / 7, i * i / 9, "ab"[i % 2]) for i in range(40)]
    path = table(tmp_path / "t.csv", ["person", "x", "z", "label"], rows)
    assert data_lines(path, "classify", group="person")[1].endswith("(whole groups)")
    assert data_lines(path, "classify", split="random", input=("x", "z"))[1].endswith("(at random)")


def test_the_options_are_the_reading_options():
    from hiddenstate.cli.inspect import inspect
    from hiddenstate.config import section_options

    reading = {option.name for option in section_options(DataConfig).values() if option.reading}
    assert {param.name for param in inspect.params} - {"data", "job", "as_json", "debug"} == reading


def test_columns_are_listed_with_type_examples_gaps_and_role(cli, tmp_path):
    head = ["who", "when", "a", "b", "kind"]
    rows = [
        (f"p{i % 4}", f"2020-01-{1 + i:02}", "" if i == 1 else i / 2, i, "uv"[i % 2])
        for i in range(12)
    ]
    table(tmp_path / "t.csv", head, rows)
    said = cli("inspect", "t.csv", "--label", "kind", "--group", "who")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    start = lines.index("columns of the file: 5")
    assert lines[start + 1 : start + 6] == [
        "  who   text    group             p0, p1, p2",
        "  when  date    left out (dates)  2020-01-01, 2020-01-02, 2020-01-03",
        "  a     number  input, 1 missing  0, 1, 1.5",
        "  b     number  input             0, 1, 2",
        "  kind  text    label             u, v",
    ]
    assert "nothing uses them: when (dates)" in said.out
    printed = json.loads(cli("inspect", "t.csv", "--label", "kind", "--json").out)
    assert printed["table"][2] == {
        "name": "a",
        "kind": "number",
        "examples": ["0", "1", "1.5"],
        "missing": 1,
        "role": "input",
    }
    assert printed["n_table"] == 5


def test_columns_are_listed_even_if_no_job_can_read_the_table(cli, tmp_path):
    table(tmp_path / "t.csv", ["a", "b"], [("x", "y")] * 3)
    said = cli("inspect", "t.csv", "--label", "z")
    assert said.code == 2
    assert "no column z (--label)" in said.err
    said = cli("inspect", "t.csv")
    assert said.code == 2
    assert "no input columns of numbers" in said.err
    assert "  a  text    left out (text)  x\n" in said.out


def test_both_readings_of_wide_rows_are_shown(cli, tmp_path):
    rows = [(20 + i, 1000 * i, 1.5 + i / 50, "uv"[i % 2]) for i in range(20)]
    table(tmp_path / "people.csv", ["age", "income", "height", "kind"], rows)
    said = cli("inspect", "people.csv").out
    assert (
        "each row  3 separate features, because the names of the columns do not count up\n"
        "          or a series of 3 steps, with --layout wide\n"
    ) in said
    assert "  classify: 1 step of 3 features\n" in said
    printed = json.loads(cli("inspect", "people.csv", "--json").out)
    assert printed["reading"]["layout"] == "features"
    assert json.loads(cli("inspect", "people.csv", "--steps", 3, "--json").out)["reading"] is None


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "ts", "parquet"])
def test_of_a_large_file_only_the_first_rows_are_read(suffix, cli, tmp_path, monkeypatch):
    head, n = "@univariate true\n@equalLength true\n@classLabel true u v\n@data\n", 300
    path = tmp_path / f"own.{suffix}"
    if suffix == "ts":
        monkeypatch.setattr("hiddenstate.data.readers.text_lines.BLOCK", 1000)
        path.write_text(head + "".join(f"{i},2,{i % 7},4:{'uv'[i % 2]}\n" for i in range(n)))
    elif suffix == "parquet":
        pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = {name: np.arange(n) % 7.0 for name in "abc"} | {"label": ["u", "v"] * (n // 2)}
        parquet.write_table(pa.table(columns), path)
        monkeypatch.setattr("hiddenstate.data.readers.parquet.SAMPLE", 100)
    else:
        monkeypatch.setattr("hiddenstate.data.readers.delimited.SAMPLE_ROWS", 64)
        text = "a,b,label\n" + "".join(f"{i},{i % 7},{'uv'[i % 2]}\n" for i in range(n))
        path.write_bytes(gzip.compress(text.encode()) if suffix == "csv.gz" else text.encode())
    said = cli("inspect", path.name, "--json")
    assert said.code == 0, said.err
    printed = json.loads(said.out)
    assert len(printed["unread"]) == 1
    assert f"only the first {printed['n_train']} " in printed["unread"][0]
    assert 20 < printed["n_train"] < n
    assert "  not read  only the first " in cli("inspect", path.name).out
    config = make_config("classify", {"data": str(path)})
    assert len(read_dataset(config).train) == n


def test_of_many_images_some_of_each_class_are_read(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("hiddenstate.data.readers.images.SAMPLE_IMAGES", 4)
    printed = json.loads(cli("inspect", images(tmp_path / "pics"), "--json").out)
    assert printed["unread"] == ["6 of 8 images were not read"]
    assert printed["classes"] == {"cat": 1, "dog": 1}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_thousands_of_columns_are_listed_in_part(suffix, cli, tmp_path):
    names = [f"q{i}x" for i in range(1100)]
    columns = {name: np.arange(6) * (i % 5 + 1.0) for i, name in enumerate(names)}
    columns["kind"] = np.array(list("uvuvuv"))
    path = tmp_path / f"own.{suffix}"
    if suffix == "parquet":
        pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pa.table(columns), path)
    else:
        table(path, list(columns), list(zip(*columns.values(), strict=True)))
    said = cli("inspect", path.name)
    assert said.code == 0, said.err
    assert "columns of the file: 1,101" in said.out
    assert re.search(r"\n  kind +text    label +u, v\n  and 1,081 more\n", said.out)
    assert len(said.out.splitlines()) < 60
    assert len(json.loads(cli("inspect", path.name, "--json").out)["table"]) == 1000


@pytest.mark.parametrize("name", ["local_time", ""])  # as pandas names an index: not at all
def test_dates_of_one_series_are_its_time_in_the_command(cli, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    start, hours = np.datetime64("2023-10-27T00"), np.arange(96)
    local = [str(start + h - (h > 50)).replace("T", " ") + ":00" for h in hours]  # 02:00 twice
    assert len(set(local)) == 95
    table(tmp_path / "load.csv", [name, "load"], zip(local, np.sin(hours), strict=True))
    printed = json.loads(cli("inspect", "load.csv", "--json").out)
    command = next(fit["command"] for fit in printed["fits"] if fit["job"] == "regress")
    assert f"--time {shlex.quote(name or 'Unnamed: 0')} --target load" in command
    assert cli(*shlex.split(command)[1:], "--max-steps", 1).code == 0
